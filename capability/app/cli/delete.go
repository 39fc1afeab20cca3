package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"garboard.dev/garboard/capability/app"
	"garboard.dev/garboard/command"
	"garboard.dev/garboard/command/progress"
	"garboard.dev/garboard/fault"
	"garboard.dev/garboard/kube"
	"garboard.dev/garboard/kube/apply"
)

type deleteOptions struct {
	place
	sources   []string
	recursive bool
	selector  string
	all       bool
	dryRun    bool
	noWait    bool
	yes       bool
	timeout   time.Duration
}

func deleteCommand(env *command.Env) *command.Command {
	var o deleteOptions
	return &command.Command{
		Name: "delete", Args: "-f DIR|FILE|URL|- | KIND NAME... | KIND/NAME... | KIND -l KEY=VALUE", Summary: "Delete objects, in the reverse order of applying",
		Help: "What does not exist any more is no error with -f. Asks before data are lost: with claims, volumes, namespaces and definitions of kinds.",
		Examples: `
			garboard delete -f shop/
			garboard delete deployment/web service/web
			garboard delete pods -l app=web --dry-run`,
		Flags:         o.bind,
		Complete:      completeObjects(env, &o.place),
		CompleteFlags: map[string]completer{"namespace": completeNamespaces(env)},
		Run: func(ctx context.Context, args []string) error {
			return withCluster(env, o.namespace, "delete", func(c *kube.Cluster) error { return runDelete(ctx, env, o, c, args) })
		},
	}
}

func (o *deleteOptions) bind(f *pflag.FlagSet) {
	o.place.bind(f)
	f.StringArrayVarP(&o.sources, "filename", "f", nil, "what this file, folder, `URL` or - says; may be repeated")
	f.BoolVarP(&o.recursive, "recursive", "R", false, "read the folders below too")
	f.StringVarP(&o.selector, "selector", "l", "", "those with these labels, as `KEY=VALUE,...`")
	f.BoolVar(&o.all, "all", false, "all of the kind in the namespace")
	f.BoolVar(&o.dryRun, "dry-run", false, "say what would be deleted and delete nothing")
	f.BoolVar(&o.noWait, "no-wait", false, "do not wait until they are gone")
	f.BoolVarP(&o.yes, "yes", "y", false, "do not ask before data are lost")
	f.DurationVar(&o.timeout, "timeout", 2*time.Minute, "how long to wait until they are gone")
}

func runDelete(ctx context.Context, env *command.Env, o deleteOptions, c *kube.Cluster, args []string) error {
	objs, err := toDelete(ctx, env, o, c, args)
	if err != nil {
		return err
	}
	if precious := dataOf(objs); (len(precious) > 0 || o.all) && !o.dryRun && !o.yes {
		question := fmt.Sprintf("%d objects. Delete?", len(objs))
		if len(precious) > 0 {
			question = "Data are lost with " + strings.Join(precious, ", ") + ". Delete?"
		}
		if err := confirm(env, question); err != nil {
			return err
		}
	}
	applier := apply.New(c, apply.Options{DryRun: o.dryRun})
	note := ""
	if o.dryRun {
		note = " (dry run)"
	}
	deleted := 0
	err = applier.Delete(ctx, objs, func(r apply.Result) {
		deleted++
		fmt.Fprintf(env.Out, "%-9s  %s%s\n", r.Action, apply.Title(r.Wanted), note)
	})
	if err != nil {
		return c.Fault(err, "delete all of it")
	}
	if deleted == 0 {
		fmt.Fprintln(env.Err, "nothing to delete")
	}
	if o.dryRun || o.noWait {
		return nil
	}
	return waitGone(ctx, env, applier, objs, o.timeout)
}

// toDelete lists what is to be deleted, as the cluster has it.
func toDelete(ctx context.Context, env *command.Env, o deleteOptions, c *kube.Cluster, args []string) ([]*unstructured.Unstructured, error) {
	if len(o.sources) > 0 {
		if len(args) > 0 || o.selector != "" {
			return nil, fault.Usage("use one of the two", "-f and names cannot be combined")
		}
		return manifestsToDelete(ctx, env, o, c)
	}
	if len(args) == 0 {
		return nil, fault.Usage("garboard delete KIND NAME, or -f DIR", "delete needs to know what")
	}
	b := getter{c}.builder().LabelSelectorParam(o.selector).SelectAllParam(o.all).ResourceTypeOrNameArgs(false, args...)
	infos, err := b.Latest().Flatten().Do().Infos()
	if err != nil {
		return nil, c.Fault(err, "find "+strings.Join(args, " "))
	}
	var out []*unstructured.Unstructured
	for _, info := range infos {
		if obj, isUnstructured := info.Object.(*unstructured.Unstructured); isUnstructured {
			out = append(out, obj)
		}
	}
	return out, nil
}

// manifestsToDelete are the live objects of the manifests, and the parent of
// their set.
func manifestsToDelete(ctx context.Context, env *command.Env, o deleteOptions, c *kube.Cluster) ([]*unstructured.Unstructured, error) {
	objs, err := readSet(ctx, env, o.sources, o.recursive)
	if err != nil {
		return nil, err
	}
	if err := checkScopes(objs, o.namespace); err != nil {
		return nil, err
	}
	var wanted, out []*unstructured.Unstructured
	for _, obj := range objs {
		wanted = append(wanted, obj.Unstructured)
	}
	if name := setName("", o.sources); name != "" {
		if set, err := app.NewSet(name, c.Namespace); err == nil {
			wanted = append(wanted, set.Parent(app.Members{}))
		}
	}
	applier := apply.New(c, apply.Options{})
	for _, obj := range wanted {
		live, err := applier.Live(ctx, obj)
		if err != nil {
			return nil, c.Fault(err, "find "+apply.Title(obj))
		}
		if live != nil {
			out = append(out, live)
		}
	}
	return out, nil
}

func waitGone(ctx context.Context, env *command.Env, applier *apply.Applier, objs []*unstructured.Unstructured, timeout time.Duration) error {
	board := progress.NewBoard(env.Err, env.Terminal && !env.Global.Quiet, env.Width)
	defer board.Close()
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	err := applier.WaitGone(limited, objs, func(obj *unstructured.Unstructured, why string) {
		board.Show([]string{"• " + apply.Title(obj) + ": " + why})
	})
	if err != nil && ctx.Err() == nil && limited.Err() != nil {
		return fault.New(fault.Failed, "see all of it gone within "+timeout.String(), "the deletion goes on by itself; garboard describe says what holds it up", "%w", err)
	}
	return err
}
