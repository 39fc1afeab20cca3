package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/cli-runtime/pkg/resource"
	"k8s.io/kubectl/pkg/describe"

	"garboard.dev/garboard/capability/app/explain"
	"garboard.dev/garboard/command"
	"garboard.dev/garboard/fault"
	"garboard.dev/garboard/kube"
	"garboard.dev/garboard/kube/apply"
	"garboard.dev/garboard/kube/ready"
)

type describeOptions struct {
	place
	selector string
	brief    bool
}

func describeCommand(env *command.Env) *command.Command {
	var o describeOptions
	return &command.Command{
		Name: "describe", Args: "KIND NAME... | KIND/NAME...", Summary: "Say why something does not run, and all about it",
		Help: "Begins with one sentence: whether it runs, or else why not and what to do. The details that kubectl describe has follow.",
		Examples: `
			garboard describe pod web-7d9
			garboard describe deployment/web --brief
			garboard describe pods -l app=web`,
		Flags: func(f *pflag.FlagSet) {
			o.place.bind(f)
			f.StringVarP(&o.selector, "selector", "l", "", "those with these labels, as `KEY=VALUE,...`")
			f.BoolVar(&o.brief, "brief", false, "the sentence only")
		},
		Complete:      completeObjects(env, &o.place),
		CompleteFlags: map[string]completer{"namespace": completeNamespaces(env)},
		Run: func(ctx context.Context, args []string) error {
			if len(args) == 0 {
				return fault.Usage("garboard describe pod NAME", "describe needs a kind")
			}
			op := "describe " + strings.Join(args, " ")
			return withCluster(env, o.namespace, op, func(c *kube.Cluster) error { return runDescribe(ctx, env, o, c, args) })
		},
	}
}

func runDescribe(ctx context.Context, env *command.Env, o describeOptions, c *kube.Cluster, args []string) error {
	infos, err := getter{c}.builder().LabelSelectorParam(o.selector).
		ResourceTypeOrNameArgs(true, args...).ContinueOnError().Latest().Flatten().Do().Infos()
	if len(infos) == 0 && err != nil {
		return c.Fault(err, "describe "+strings.Join(args, " "))
	}
	for i, info := range infos {
		if i > 0 {
			fmt.Fprintln(env.Out)
		}
		if err := describeOne(ctx, env.Out, o, c, info); err != nil {
			return err
		}
	}
	return c.Fault(err, "describe all of it")
}

func describeOne(ctx context.Context, w io.Writer, o describeOptions, c *kube.Cluster, info *resource.Info) error {
	obj, isUnstructured := info.Object.(*unstructured.Unstructured)
	if !isUnstructured {
		return fmt.Errorf("unexpected answer %T", info.Object)
	}
	finding, _, err := observer{c}.why(ctx, obj)
	if err != nil {
		return c.Fault(err, "find out why "+apply.Title(obj)+" does not run")
	}
	if err := printFinding(w, obj, finding); err != nil || o.brief {
		return err
	}
	describer, err := describe.Describer(getter{c}, info.Mapping)
	if err != nil {
		return err
	}
	text, err := describer.Describe(info.Namespace, info.Name, describe.DescriberSettings{ShowEvents: true, ChunkSize: 500})
	if err != nil {
		return c.Fault(err, "describe "+apply.Title(obj))
	}
	_, err = fmt.Fprintf(w, "\n%s", text)
	return err
}

// printFinding writes the sentence, and the fix below it.
func printFinding(w io.Writer, obj *unstructured.Unstructured, f explain.Finding) error {
	if f.OK() {
		status := ready.Of(obj)
		switch {
		case status.Ready && status.Reason != "":
			f.Sentence = apply.Title(obj) + " is well: " + status.Reason
		case status.Ready:
			f.Sentence = apply.Title(obj) + " is well"
		default:
			f.Sentence = apply.Title(obj) + " is not ready: " + status.Reason
		}
	}
	if _, err := fmt.Fprintf(w, "%s.\n", strings.TrimSuffix(f.Sentence, ".")); err != nil || f.Fix == "" {
		return err
	}
	_, err := fmt.Fprintf(w, "To do: %s.\n", f.Fix)
	return err
}
