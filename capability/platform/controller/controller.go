// Package controller keeps the objects in the cluster that the platform itself
// stands on: its namespace, the rights of its components, the DNS service.
package controller

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"
	"text/template"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"

	"garboard.dev/garboard/capability/platform"
	"garboard.dev/garboard/loop"
)

//go:embed base.yaml
var base string

// again is how often the objects are made right, should somebody have changed them.
const again = 5 * time.Minute

// Controllers returns the one that keeps the base objects.
func Controllers(env loop.Env) []loop.Controller {
	return []loop.Controller{{Name: "platform-base", Run: func(ctx context.Context) error { return keepBase(ctx, env) }}}
}

// keepBase applies the base objects with the administrator's rights, for the
// agent's own are among them.
func keepBase(ctx context.Context, env loop.Env) error {
	layout := platform.LayoutOf(env.StateDir)
	config, err := clientcmd.BuildConfigFromFlags("", layout.AdminKubeconfig())
	if err != nil {
		return err
	}
	config.QPS, config.Burst = 100, 100
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return err
	}
	settings, err := platform.ReadSettings(layout)
	if err != nil {
		return err
	}
	objects, err := Objects(env.NodeIP, settings.DNSAddress)
	if err != nil {
		return err
	}
	for {
		for _, o := range objects {
			if err := apply(ctx, client, o); err != nil {
				return fmt.Errorf("%s %s: %w", o.GetKind(), o.GetName(), err)
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(again):
		}
	}
}

// Objects are the base objects, in the order in which they are applied.
func Objects(nodeIP, dnsAddress string) ([]*unstructured.Unstructured, error) {
	text, err := template.New("base").Parse(base)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := text.Execute(&b, struct{ NodeIP, DNSAddress string }{nodeIP, dnsAddress}); err != nil {
		return nil, err
	}
	var out []*unstructured.Unstructured
	for doc := range strings.SplitSeq(b.String(), "\n---\n") {
		o := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(doc), &o.Object); err != nil {
			return nil, err
		}
		out = append(out, o)
	}
	return out, nil
}

func apply(ctx context.Context, client dynamic.Interface, o *unstructured.Unstructured) error {
	data, err := json.Marshal(o)
	if err != nil {
		return err
	}
	kind := o.GroupVersionKind()
	resources := client.Resource(schema.GroupVersionResource{Group: kind.Group, Version: kind.Version, Resource: plural(kind.Kind)})
	target := dynamic.ResourceInterface(resources)
	if o.GetNamespace() != "" {
		target = resources.Namespace(o.GetNamespace())
	}
	force := true
	_, err = target.Patch(ctx, o.GetName(), "application/apply-patch+yaml", data, metav1.PatchOptions{FieldManager: "garboard-platform", Force: &force})
	return err
}

// plural is the resource of one of base.yaml's kinds; all of them are regular.
func plural(kind string) string { return strings.ToLower(kind) + "s" }
