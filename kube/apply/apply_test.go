package apply_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"garboard.dev/garboard/fault"
	"garboard.dev/garboard/kube"
	"garboard.dev/garboard/kube/apply"
	"garboard.dev/garboard/test/cluster"
)

func TestMain(m *testing.M) { os.Exit(cluster.Main(m, cluster.Options{Controllers: true})) }

func objects(t *testing.T, text string) []*unstructured.Unstructured {
	t.Helper()
	var out []*unstructured.Unstructured
	for _, doc := range strings.Split(text, "\n---\n") {
		obj := &unstructured.Unstructured{}
		data, err := yaml.YAMLToJSON([]byte(doc))
		if err == nil {
			err = obj.UnmarshalJSON(data)
		}
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, obj)
	}
	return out
}

// connect returns an applier for a namespace of the test's own.
func connect(t *testing.T, change func(*apply.Options)) (*kube.Cluster, *apply.Applier) {
	t.Helper()
	c := cluster.Get(t)
	client, err := kube.Connect(kube.Options{Kubeconfig: c.Kubeconfig, Namespace: c.Namespace(t)})
	if err != nil {
		t.Fatal(err)
	}
	var o apply.Options
	if change != nil {
		change(&o)
	}
	return client, apply.New(client, o)
}

const web = `{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {ports: [{port: 80}]}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: web}, data: {color: blue}}`

func run(t *testing.T, a *apply.Applier, objs []*unstructured.Unstructured) []string {
	t.Helper()
	var said []string
	err := a.Apply(t.Context(), objs, func(r apply.Result) {
		line := apply.Title(r.Wanted) + " " + string(r.Action)
		if r.Unchecked {
			line += " unchecked"
		}
		said = append(said, line)
	})
	if err != nil {
		t.Fatal(err)
	}
	return said
}

func expect(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("got  %q\nwant %q", got, want)
	}
}

func TestActionsAndOrder(t *testing.T) {
	t.Parallel()
	_, a := connect(t, nil)
	set := objects(t, web)
	expect(t, run(t, a, set), "ConfigMap web created", "Service web created")
	expect(t, run(t, a, set), "ConfigMap web unchanged", "Service web unchanged")
	set[1].Object["data"] = map[string]any{"color": "red"}
	expect(t, run(t, a, set), "ConfigMap web changed", "Service web unchanged")
}

func TestDryRunStoresNothing(t *testing.T) {
	t.Parallel()
	client, a := connect(t, func(o *apply.Options) { o.DryRun = true })
	expect(t, run(t, a, objects(t, web)), "ConfigMap web created", "Service web created")
	if live, err := a.Live(t.Context(), objects(t, web)[0]); err != nil || live != nil {
		t.Fatalf("the dry run stored %v (%v)", live, err)
	}
	stored := apply.New(client, apply.Options{})
	run(t, stored, objects(t, web))
	changed := objects(t, web)
	changed[1].Object["data"] = map[string]any{"color": "red"}
	expect(t, run(t, a, changed), "ConfigMap web changed", "Service web unchanged")
	expect(t, run(t, stored, objects(t, web)), "ConfigMap web unchanged", "Service web unchanged")
	fresh := objects(t, `{apiVersion: v1, kind: Namespace, metadata: {name: `+client.Namespace+`-new}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: x, namespace: `+client.Namespace+`-new}}`)
	expect(t, run(t, a, fresh), "Namespace "+client.Namespace+"-new created", "ConfigMap "+client.Namespace+"-new/x created unchecked")
}

func TestDefinitionThenItsObject(t *testing.T) {
	t.Parallel()
	_, a := connect(t, nil)
	set := objects(t, `{apiVersion: example.org/v1, kind: Boat, metadata: {name: one}, spec: {planks: 3}}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: boats.example.org}
spec:
  group: example.org
  scope: Namespaced
  names: {kind: Boat, plural: boats, singular: boat}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties: {spec: {type: object, properties: {planks: {type: integer}}}}`)
	t.Cleanup(func() {
		if err := a.Delete(t.Context(), set[1:], nil); err != nil && t.Context().Err() == nil {
			t.Error(err)
		}
	})
	expect(t, run(t, a, set), "CustomResourceDefinition boats.example.org created", "Boat one created")
	wrong := objects(t, `{apiVersion: example.org/v1, kind: Boat, metadata: {name: two}, spec: {planks: 3, mast: 1}}`)
	fields(t, a.Apply(t.Context(), wrong, nil), ".spec.mast: unknown field")
}

// fields checks which fields the error names.
func fields(t *testing.T, err error, want ...string) {
	t.Helper()
	var refused *apply.FieldError
	if !errors.As(err, &refused) {
		t.Fatalf("got %v, want a FieldError", err)
	}
	var got []string
	for _, p := range refused.Problems {
		got = append(got, p.Path+": "+p.Reason)
	}
	for i := range want {
		if i >= len(got) || !strings.HasPrefix(got[i], want[i]) {
			t.Fatalf("got  %q\nwant %q", got, want)
		}
	}
	if len(got) != len(want) {
		t.Fatalf("got  %q\nwant %q", got, want)
	}
}

func TestStrict(t *testing.T) {
	t.Parallel()
	_, a := connect(t, nil)
	for _, test := range []struct {
		name, text string
		want       []string
	}{
		{"unknown", `{apiVersion: apps/v1, kind: Deployment, metadata: {name: x}, spec: {replicsa: 2, selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: d, imagePolicy: e}]}}}}`,
			[]string{`.spec.replicsa: unknown field`, `.spec.template.spec.containers[0].imagePolicy: unknown field`}},
		{"type", `{apiVersion: apps/v1, kind: Deployment, metadata: {name: x}, spec: {replicas: many, selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: d}]}}}}`,
			[]string{`.spec.replicas: expected numeric`}},
		{"value", `{apiVersion: v1, kind: Service, metadata: {name: x}, spec: {ports: [{port: 99999}]}}`,
			[]string{`.spec.ports[0].port: Invalid value`, `.spec.ports[0].targetPort: Invalid value`}},
		{"required", `{apiVersion: v1, kind: Pod, metadata: {name: x}, spec: {containers: [{name: c}]}}`,
			[]string{`.spec.containers[0].image: Required value`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			fields(t, a.Apply(t.Context(), objects(t, test.text), nil), test.want...)
		})
	}
}

func TestConflictNamesManagerAndField(t *testing.T) {
	t.Parallel()
	_, other := connect(t, func(o *apply.Options) { o.Manager = "someone" })
	set := objects(t, web)[1:]
	run(t, other, set)
	client, _ := connect(t, nil)
	namespace := live(t, other, set[0]).GetNamespace()
	set[0].Object["data"] = map[string]any{"color": "red"}
	err := apply.New(client, apply.Options{Namespace: namespace}).Apply(t.Context(), set, nil)
	if fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), `data.color is managed by "someone"`) {
		t.Fatalf("got %v (kind %d)", err, fault.KindOf(err))
	}
	forced := apply.New(client, apply.Options{Namespace: namespace, ForceConflicts: true})
	expect(t, run(t, forced, set), "ConfigMap web changed")
}

func live(t *testing.T, a *apply.Applier, obj *unstructured.Unstructured) *unstructured.Unstructured {
	t.Helper()
	got, err := a.Live(t.Context(), obj)
	if err != nil || got == nil {
		t.Fatalf("live object: %v, %v", got, err)
	}
	return got
}

func TestUnknownKind(t *testing.T) {
	t.Parallel()
	client, a := connect(t, nil)
	err := a.Apply(t.Context(), objects(t, `{apiVersion: nowhere.org/v1, kind: Thing, metadata: {name: x}}`), nil)
	if err == nil || fault.KindOf(client.Fault(err, "apply")) != fault.NotFound {
		t.Fatalf("got %v", err)
	}
}

func TestDeleteAndWait(t *testing.T) {
	t.Parallel()
	client, a := connect(t, nil)
	set := objects(t, web)
	set[1].SetFinalizers([]string{"example.org/keep"})
	run(t, a, set)
	var said []string
	err := a.Delete(t.Context(), set, func(r apply.Result) { said = append(said, apply.Title(r.Wanted)) })
	if err != nil {
		t.Fatal(err)
	}
	expect(t, said, "Service web", "ConfigMap web")
	released := false
	err = a.WaitGone(t.Context(), set, func(obj *unstructured.Unstructured, why string) {
		if released || !strings.Contains(why, "example.org/keep") {
			return
		}
		released = true
		got, err := client.Client.CoreV1().ConfigMaps(client.Namespace).Get(t.Context(), "web", metav1.GetOptions{})
		if err == nil {
			got.Finalizers = nil
			_, err = client.Client.CoreV1().ConfigMaps(client.Namespace).Update(t.Context(), got, metav1.UpdateOptions{})
		}
		if err != nil {
			t.Error(err)
		}
	})
	if err != nil || !released {
		t.Fatalf("error %v; the finalizer was named: %v", err, released)
	}
	if err := a.Delete(t.Context(), set, func(apply.Result) { t.Error("deleted what is not there") }); err != nil {
		t.Fatal(err)
	}
}

func TestWaves(t *testing.T) {
	t.Parallel()
	var kinds []string
	for _, wave := range apply.Waves(objects(t, `{apiVersion: networking.k8s.io/v1, kind: Ingress}
---
{apiVersion: apps/v1, kind: Deployment}
---
{apiVersion: v1, kind: Service}
---
{apiVersion: v1, kind: Secret}
---
{apiVersion: example.org/v1, kind: Thing}
---
{apiVersion: v1, kind: Namespace}`)) {
		var names []string
		for _, obj := range wave {
			names = append(names, obj.GetKind())
		}
		kinds = append(kinds, strings.Join(names, "+"))
	}
	expect(t, kinds, "Namespace", "Secret", "Service", "Deployment+Thing", "Ingress")
}

func TestCancelled(t *testing.T) {
	t.Parallel()
	_, a := connect(t, nil)
	set := objects(t, `{apiVersion: v1, kind: ConfigMap, metadata: {name: stays, finalizers: [example.org/keep]}}`)
	run(t, a, set)
	if err := a.Delete(t.Context(), set, nil); err != nil {
		t.Fatal(err)
	}
	limited, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := a.WaitGone(limited, set, nil); err == nil || !strings.Contains(err.Error(), "example.org/keep") {
		t.Fatalf("got %v", err)
	}
}
