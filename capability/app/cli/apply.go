package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"garboard.dev/garboard/capability/app"
	"garboard.dev/garboard/capability/app/manifest"
	"garboard.dev/garboard/command"
	"garboard.dev/garboard/command/output"
	"garboard.dev/garboard/fault"
	"garboard.dev/garboard/kube"
	"garboard.dev/garboard/kube/apply"
)

type applyOptions struct {
	place
	sources   []string
	recursive bool
	name      string
	prune     bool
	diff      bool
	dryRun    bool
	force     bool
	noWait    bool
	yes       bool
	timeout   time.Duration
	format    output.Format
}

func applyCommand(env *command.Env) *command.Command {
	var o applyOptions
	return &command.Command{
		Name: "apply", Args: "-f DIR|FILE|URL|- [flags]",
		Summary: "Bring what manifests say into the cluster and wait until it runs",
		Help: `Applies on the server's side, in dependency order: namespaces, new kinds, access, configuration,
storage, services, workloads, ingress. Unknown fields and wrong types are errors with file and line.
A folder with a kustomization is built by kustomize.

A container whose image is NAME or build:NAME is built first if DIR/images/NAME/Dockerfile, DIR/NAME/Dockerfile
or DIR/Dockerfile (NAME is then the folder's) exists, and refers to what was built from that content.

A Secret with the annotation garboard.dev/generate: "password token" gets random values for these keys
where the cluster has none yet; they are never changed again and never printed.

A folder is a set and has its name, as anything has that --name names: --prune deletes what has left it.`,
		Examples: `
			garboard apply -f shop/
			garboard apply -f shop/ --diff              # show what would change
			garboard apply -f shop/ --prune             # and delete what the folder no longer has
			garboard apply -f https://example.org/app.yaml -n shop
			kustomize build . | garboard apply -f - --name shop --prune`,
		Flags:         o.bind,
		CompleteFlags: map[string]completer{"namespace": completeNamespaces(env)},
		Run: func(ctx context.Context, args []string) error {
			if len(args) > 0 {
				return fault.Usage("garboard apply -f "+args[0], "apply takes no argument: name the manifests with -f")
			}
			objs, err := readSet(ctx, env, o.sources, o.recursive)
			if err != nil {
				return err
			}
			return withCluster(env, o.namespace, "apply", func(c *kube.Cluster) error { return runApply(ctx, env, o, c, objs) })
		},
	}
}

func (o *applyOptions) bind(f *pflag.FlagSet) {
	o.place.bind(f)
	f.StringArrayVarP(&o.sources, "filename", "f", nil, "a file, a folder, a `URL` or - for standard input; may be repeated")
	f.BoolVarP(&o.recursive, "recursive", "R", false, "read the folders below too")
	f.StringVar(&o.name, "name", "", "the set's `NAME` (default: the folder's)")
	f.BoolVar(&o.prune, "prune", false, "delete what was applied with the set before and is not in it any more")
	f.BoolVar(&o.diff, "diff", false, "show what would change and change nothing")
	f.BoolVar(&o.dryRun, "dry-run", false, "let the server check everything and change nothing")
	f.BoolVar(&o.force, "force-conflicts", false, "take fields over that another manager owns")
	f.BoolVar(&o.noWait, "no-wait", false, "do not wait until everything is ready")
	f.BoolVarP(&o.yes, "yes", "y", false, "do not ask before --prune deletes data")
	f.DurationVar(&o.timeout, "timeout", 5*time.Minute, "how long to wait until everything is ready")
	o.format.Bind(f)
}

// application is one run of apply.
type application struct {
	applyOptions
	env     *command.Env
	cluster *kube.Cluster
	applier *apply.Applier
	objs    []manifest.Object
	set     *app.Set // nil where the set has no name
	results []apply.Result
}

func runApply(ctx context.Context, env *command.Env, o applyOptions, c *kube.Cluster, objs []manifest.Object) error {
	a := &application{applyOptions: o, env: env, cluster: c, objs: objs}
	a.applier = apply.New(c, apply.Options{ForceConflicts: o.force, DryRun: o.dryRun || o.diff})
	if err := a.check(); err != nil {
		return err
	}
	built, err := useImages(ctx, env, c, folders(o.sources), a.objs)
	if err != nil {
		return err
	}
	defer built.close()
	if built != nil && !o.dryRun && !o.diff {
		if err := built.run(ctx); err != nil {
			return err
		}
	}
	if err := a.generate(ctx); err != nil {
		return err
	}
	return a.act(ctx)
}

// check checks the set as far as that goes without the server, and names it.
func (a *application) check() error {
	if err := checkScopes(a.objs, a.namespace); err != nil {
		return err
	}
	if err := app.Twice(a.objs, a.cluster.Namespace); err != nil {
		return sourceFault("", err)
	}
	name := setName(a.name, a.sources)
	if name == "" {
		if a.prune {
			return fault.Usage("--name NAME", "--prune needs the set's name, because no folder gives it one")
		}
		return nil
	}
	set, err := app.NewSet(name, a.cluster.Namespace)
	if err != nil {
		return fault.Usage("choose another one with --name", "%v", err)
	}
	a.set = &set
	return nil
}

// generate fills the secrets' generated keys. It asks the cluster first, so
// that what has a value keeps it.
func (a *application) generate(ctx context.Context) error {
	for _, obj := range a.objs {
		if !app.WantsGenerated(obj.Unstructured) {
			continue
		}
		live, err := a.applier.Live(ctx, obj.Unstructured)
		if err != nil {
			return err
		}
		if err := app.Generate(obj, live, rand.Text); err != nil {
			return sourceFault("", err)
		}
	}
	return nil
}

// act applies, prunes, prints and waits.
func (a *application) act(ctx context.Context) error {
	members, err := a.join(ctx)
	if err != nil {
		return err
	}
	if err := a.apply(ctx); err != nil {
		return err
	}
	if a.prune {
		if err := a.pruneSet(ctx, members); err != nil {
			return err
		}
	}
	if a.diff {
		return a.printDiff()
	}
	if err := a.print(); err != nil || a.dryRun || a.noWait {
		return err
	}
	return waitReady(ctx, a.env, a.cluster, a.unstructured(), a.timeout)
}

func (a *application) unstructured() []*unstructured.Unstructured {
	out := make([]*unstructured.Unstructured, len(a.objs))
	for i, obj := range a.objs {
		out[i] = obj.Unstructured
	}
	return out
}

func (a *application) apply(ctx context.Context) error {
	err := a.applier.Apply(ctx, a.unstructured(), func(r apply.Result) {
		a.results = append(a.results, r)
		if a.format == output.TableFormat && !a.diff {
			a.say(r)
		}
	})
	var failed apply.Errors
	if errors.As(err, &failed) {
		return a.failure(failed)
	}
	return err
}

// say prints one line of what was done. The result is standard output's.
func (a *application) say(r apply.Result) {
	note := ""
	switch {
	case r.Unchecked:
		note = " (dry run; not checked: its namespace or kind comes with this set)"
	case a.dryRun:
		note = " (dry run)"
	}
	title := r.Wanted
	if r.After != nil {
		title = r.After
	}
	fmt.Fprintf(a.env.Out, "%-9s  %s%s\n", r.Action, apply.Title(title), note)
}

// failure turns the objects' errors into lines with file and line.
func (a *application) failure(failed apply.Errors) error {
	var lines []string
	kind, hint := fault.Misuse, ""
	for _, one := range failed {
		where := a.origin(one.Object)
		var refused *apply.FieldError
		if errors.As(one.Err, &refused) {
			for _, p := range refused.Problems {
				lines = append(lines, where.At(p.Path, p.Reason).Error())
			}
			hint = firstOf(hint, fault.Hint(refused.Err))
			continue
		}
		answer := a.cluster.Fault(one.Err, "apply "+apply.Title(one.Object))
		kind = fault.KindOf(answer)
		hint = firstOf(hint, conflictHint(one.Err), namespaceHint(one), fault.Hint(answer))
		lines = append(lines, where.At("", apply.Title(one.Object)+": "+reason(one.Err)).Error())
	}
	if done := len(a.results); done > 0 && !a.dryRun && !a.diff {
		lines = append(lines, fmt.Sprintf("%d of %d objects were applied before that", done, len(a.objs)))
	}
	return &fault.Error{Op: "apply all of it", Kind: kind, Hint: hint, Err: errors.New(strings.Join(lines, "\n  "))}
}

func (a *application) origin(obj *unstructured.Unstructured) manifest.Object {
	i := slices.IndexFunc(a.objs, func(o manifest.Object) bool { return o.Unstructured == obj })
	if i < 0 {
		return manifest.Object{Unstructured: obj, File: "the set"}
	}
	return a.objs[i]
}

// reason is an error without what garboard put around it.
func reason(err error) string {
	var op *fault.Error
	if errors.As(err, &op) && op.Err != nil && op == err {
		return op.Err.Error()
	}
	return err.Error()
}

func conflictHint(err error) string {
	var op *fault.Error
	if errors.As(err, &op) && op.Kind == fault.Conflict {
		return op.Hint
	}
	return ""
}

// namespaceHint tells what to do about the commonest of all mistakes.
func namespaceHint(e *apply.ObjectError) string {
	var status apierrors.APIStatus
	if errors.As(e.Err, &status) && apierrors.IsNotFound(e.Err) {
		if d := status.Status().Details; d != nil && d.Kind == "namespaces" {
			return "make it first: garboard kubectl create namespace " + d.Name + "; or add it to the manifests"
		}
	}
	return ""
}

func firstOf(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

// applied is one object as -o json and yaml show it.
type applied struct {
	Action    apply.Action `json:"action"`
	Kind      string       `json:"kind"`
	Namespace string       `json:"namespace,omitempty"`
	Name      string       `json:"name"`
}

// print prints the results where they did not appear line by line.
func (a *application) print() error {
	if a.format == output.TableFormat {
		return nil
	}
	list := output.List{Columns: []output.Column{{Title: "action"}, {Title: "kind"}, {Title: "namespace"}, {Title: "name"}}}
	var objects []applied
	for _, r := range a.results {
		obj := r.Wanted
		if r.After != nil {
			obj = r.After
		}
		one := applied{r.Action, obj.GetKind(), obj.GetNamespace(), obj.GetName()}
		objects = append(objects, one)
		list.Rows = append(list.Rows, []string{string(one.Action), one.Kind, one.Namespace, one.Name})
		list.Names = append(list.Names, nameOf(obj))
	}
	list.Objects = objects
	return a.format.Print(a.env.Out, list)
}

// nameOf is an object's name as kubectl's -o name has it.
func nameOf(obj *unstructured.Unstructured) string {
	kind := strings.ToLower(obj.GetKind())
	if group := obj.GroupVersionKind().Group; group != "" {
		kind += "." + group
	}
	return kind + "/" + obj.GetName()
}
