package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/cli-runtime/pkg/printers"
	"k8s.io/cli-runtime/pkg/resource"
	"k8s.io/client-go/rest"

	"garboard.dev/garboard/command"
	"garboard.dev/garboard/command/output"
	"garboard.dev/garboard/fault"
	"garboard.dev/garboard/kube"
)

type getOptions struct {
	place
	all           bool
	selector      string
	fieldSelector string
	watch         bool
	labels        bool
	format        output.Format
}

func getCommand(env *command.Env) *command.Command {
	var o getOptions
	return &command.Command{
		Name: "get", Args: "KIND [NAME...] | KIND/NAME...", Summary: "List objects of the cluster",
		Help: "Kinds are written as kubectl writes them: pods, po, deployments.apps, all. The columns are the server's.",
		Examples: `
			garboard get pods
			garboard get deployments,services -A -o wide
			garboard get pods -l app=web --watch
			garboard get secret/web -o yaml`,
		Flags:         o.bind,
		Complete:      completeObjects(env, &o.place),
		CompleteFlags: map[string]completer{"namespace": completeNamespaces(env)},
		Run: func(ctx context.Context, args []string) error {
			if len(args) == 0 {
				return fault.Usage("garboard get pods; garboard kubectl api-resources lists the kinds", "get needs a kind")
			}
			op := "get " + strings.Join(args, " ")
			return withCluster(env, o.namespace, op, func(c *kube.Cluster) error { return runGet(ctx, env, o, c, args) })
		},
	}
}

func (o *getOptions) bind(f *pflag.FlagSet) {
	o.place.bind(f)
	f.BoolVarP(&o.all, "all-namespaces", "A", false, "of all namespaces")
	f.StringVarP(&o.selector, "selector", "l", "", "only those with these labels, as `KEY=VALUE,...`")
	f.StringVar(&o.fieldSelector, "field-selector", "", "only those with these fields, as `status.phase=Running`")
	f.BoolVarP(&o.watch, "watch", "w", false, "go on with what changes")
	f.BoolVar(&o.labels, "show-labels", false, "show the labels")
	o.format.Bind(f)
}

func (o getOptions) tabular() bool { return o.format == output.TableFormat || o.format == output.Wide }

func runGet(ctx context.Context, env *command.Env, o getOptions, c *kube.Cluster, args []string) error {
	b := getter{c}.builder().AllNamespaces(o.all).
		LabelSelectorParam(o.selector).FieldSelectorParam(o.fieldSelector).
		ResourceTypeOrNameArgs(true, args...).Latest().RequestChunksOf(500)
	if o.tabular() {
		b = b.TransformRequests(askForTable)
	}
	if o.watch {
		return watchObjects(ctx, env, o, c, b.SingleResourceType().Do())
	}
	var single bool
	result := b.ContinueOnError().Flatten().Do().IntoSingleItemImplied(&single)
	if err := result.Err(); err != nil {
		return c.Fault(err, "get it")
	}
	infos, err := result.Infos()
	if len(infos) == 0 && err != nil {
		return c.Fault(err, "get it")
	}
	p := &objectPrinter{out: env.Out, o: o, several: severalKinds(infos), single: single}
	if err := p.printAll(infos); err != nil {
		return err
	}
	if len(infos) == 0 || p.rows == 0 && o.tabular() {
		sayNothing(env, o, c)
	}
	return c.Fault(err, "get all of it")
}

func sayNothing(env *command.Env, o getOptions, c *kube.Cluster) {
	if o.all {
		fmt.Fprintln(env.Err, "nothing found in any namespace")
		return
	}
	fmt.Fprintf(env.Err, "nothing found in namespace %s\n", c.Namespace)
}

// askForTable asks for the server's own columns, and for the object where a
// kind has none.
func askForTable(r *rest.Request) {
	r.SetHeader("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io,application/json")
}

func severalKinds(infos []*resource.Info) bool {
	seen := map[schema.GroupResource]bool{}
	for _, info := range infos {
		seen[info.Mapping.Resource.GroupResource()] = true
	}
	return len(seen) > 1
}

// objectPrinter prints objects, or the tables that the server made of them.
type objectPrinter struct {
	out     io.Writer
	o       getOptions
	several bool // kinds: then names carry theirs
	single  bool // one object was named, not a list
	rows    int
	printer printers.ResourcePrinter // of the table that is being written
	kind    schema.GroupKind
}

func (p *objectPrinter) printAll(infos []*resource.Info) error {
	if !p.o.tabular() {
		return p.printObjects(infos)
	}
	w := printers.GetNewTabWriter(p.out)
	for _, info := range infos {
		table, err := asTable(info.Object)
		if err != nil {
			return err
		}
		if len(table.Rows) == 0 {
			continue
		}
		if err := p.printTable(w, info, table); err != nil {
			return err
		}
	}
	return w.Flush()
}

func (p *objectPrinter) printTable(w io.Writer, info *resource.Info, table *metav1.Table) error {
	kind := info.Mapping.GroupVersionKind.GroupKind()
	if p.printer == nil || p.kind != kind {
		if p.printer != nil {
			fmt.Fprintln(w)
		}
		p.kind = kind
		p.printer = printers.NewTablePrinter(printers.PrintOptions{
			Wide: p.o.format == output.Wide, ShowLabels: p.o.labels,
			WithNamespace: p.o.all && info.Namespaced(), WithKind: p.several, Kind: kind,
		})
	}
	p.rows += len(table.Rows)
	return p.printer.PrintObj(table, w)
}

// asTable decodes a table with the rows' objects, whose names and labels the
// printer shows. An object of a kind without columns becomes a row itself.
func asTable(obj runtime.Object) (*metav1.Table, error) {
	u, isUnstructured := obj.(*unstructured.Unstructured)
	if !isUnstructured {
		return nil, fmt.Errorf("unexpected answer %T", obj)
	}
	if u.GetKind() != "Table" {
		return nil, fmt.Errorf("the server makes no table of %s %s: use -o yaml", u.GetKind(), u.GetName())
	}
	table := &metav1.Table{}
	if err := fromUnstructured(u.Object, table); err != nil {
		return nil, err
	}
	for i := range table.Rows {
		row := &table.Rows[i]
		if row.Object.Raw == nil {
			continue
		}
		decoded, err := runtime.Decode(unstructured.UnstructuredJSONScheme, row.Object.Raw)
		if err != nil {
			return nil, err
		}
		row.Object.Object = decoded
	}
	return table, nil
}

// printObjects prints one object as itself and several as a List.
func (p *objectPrinter) printObjects(infos []*resource.Info) error {
	if p.o.format == output.Name {
		for _, info := range infos {
			if err := printName(p.out, info); err != nil {
				return err
			}
		}
		return nil
	}
	var shown any
	if p.single && len(infos) == 1 {
		shown = plainObject(infos[0].Object)
	} else {
		items := []any{}
		for _, info := range infos {
			items = append(items, plainObject(info.Object))
		}
		shown = map[string]any{"apiVersion": "v1", "kind": "List", "items": items, "metadata": map[string]any{}}
	}
	return p.o.format.Print(p.out, output.List{Objects: shown})
}

func printName(w io.Writer, info *resource.Info) error {
	kind := strings.ToLower(info.Mapping.GroupVersionKind.Kind)
	if group := info.Mapping.GroupVersionKind.Group; group != "" {
		kind += "." + group
	}
	_, err := fmt.Fprintf(w, "%s/%s\n", kind, info.Name)
	return err
}

// plainObject leaves the managed fields out, which hide the rest.
func plainObject(obj runtime.Object) any {
	u, isUnstructured := obj.(*unstructured.Unstructured)
	if !isUnstructured {
		return obj
	}
	u = u.DeepCopy()
	u.SetManagedFields(nil)
	return u.Object
}

// watchObjects prints what there is and then every change, until ctx ends.
func watchObjects(ctx context.Context, env *command.Env, o getOptions, c *kube.Cluster, result *resource.Result) error {
	obj, err := result.Object()
	if err != nil {
		return c.Fault(err, "get it")
	}
	infos, err := result.Infos()
	if err != nil {
		return c.Fault(err, "get it")
	}
	p := &objectPrinter{out: env.Out, o: o}
	if err := p.printFirst(obj, infos); err != nil {
		return err
	}
	versioned, isObject := obj.(interface{ GetResourceVersion() string })
	if !isObject {
		return fmt.Errorf("unexpected answer %T", obj)
	}
	watcher, err := result.Watch(versioned.GetResourceVersion())
	if err != nil {
		return c.Fault(err, "watch it")
	}
	defer watcher.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case event, open := <-watcher.ResultChan():
			if !open {
				return fault.New(fault.Unavailable, "go on watching", "run it again", "the server ended the watch")
			}
			if err := p.printEvent(event, infos[0]); err != nil {
				return err
			}
		}
	}
}

// printFirst prints what there is when a watch begins: each object by itself.
func (p *objectPrinter) printFirst(obj runtime.Object, infos []*resource.Info) error {
	if p.o.tabular() {
		return p.printAll(infos)
	}
	if !meta.IsListType(obj) {
		return p.printOne(obj)
	}
	return meta.EachListItem(obj, p.printOne)
}

func (p *objectPrinter) printOne(obj runtime.Object) error {
	u, isUnstructured := obj.(*unstructured.Unstructured)
	if !isUnstructured {
		return fmt.Errorf("unexpected answer %T", obj)
	}
	if p.o.format == output.YAML {
		if _, err := fmt.Fprintln(p.out, "---"); err != nil {
			return err
		}
	}
	return p.o.format.Print(p.out, output.List{Objects: plainObject(u), Names: []string{nameOf(u)}})
}

func (p *objectPrinter) printEvent(event watch.Event, info *resource.Info) error {
	switch event.Type {
	case watch.Bookmark:
		return nil
	case watch.Error:
		return fault.New(fault.Unavailable, "go on watching", "run it again", "%v", event.Object)
	}
	if !p.o.tabular() {
		return p.printOne(event.Object)
	}
	table, err := asTable(event.Object)
	if err != nil {
		return err
	}
	w := printers.GetNewTabWriter(p.out)
	if err := p.printTable(w, info, table); err != nil {
		return err
	}
	return w.Flush()
}
