package cli

import (
	"bufio"
	"context"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"garboard.dev/garboard/capability/app"
	"garboard.dev/garboard/command"
	"garboard.dev/garboard/command/output"
	"garboard.dev/garboard/fault"
	"garboard.dev/garboard/kube/apply"
)

// join makes the objects members of the set and records, before anything is
// applied, where members may be: a run that is cut off leaves none unknown. It
// returns where members may be from now on.
func (a *application) join(ctx context.Context) (app.Members, error) {
	if a.set == nil {
		return app.Members{}, nil
	}
	now := app.Members{Namespaces: []string{a.set.Namespace}}
	for _, obj := range a.objs {
		now.Kinds = append(now.Kinds, obj.GroupVersionKind().GroupKind())
		if ns := obj.GetNamespace(); ns != "" {
			now.Namespaces = append(now.Namespaces, ns)
		}
	}
	parent, err := a.applier.Live(ctx, a.set.Parent(app.Members{}))
	if err != nil {
		return now, err
	}
	before, err := a.set.MembersOf(parent)
	if err != nil {
		return now, fault.Wrap(err, fault.Conflict, "use the set "+a.set.Name, "choose another name with --name")
	}
	if err := a.mark(ctx); err != nil {
		return now, err
	}
	all := before.Union(now)
	return all, a.record(ctx, all)
}

// mark labels the objects. What belongs to another set stays there, unless
// this one prunes: then the two sets would delete each other's objects.
func (a *application) mark(ctx context.Context) error {
	for _, obj := range a.objs {
		live, err := a.applier.Live(ctx, obj.Unstructured)
		if err != nil {
			return err
		}
		if live != nil {
			if other := live.GetLabels()[app.PartOf]; other != "" && other != a.set.ID() {
				if a.prune {
					return malformedFault(obj.At("metadata.name", fmt.Sprintf("%s belongs to another set already: --prune cannot tell whose it is", apply.Title(live))))
				}
				labels := obj.GetLabels()
				if labels == nil {
					labels = map[string]string{}
				}
				labels[app.PartOf] = other
				obj.SetLabels(labels)
				continue
			}
		}
		a.set.Mark(obj.Unstructured)
	}
	return nil
}

// record writes the set's parent object. Where its namespace comes with the
// set itself, that is applied first.
func (a *application) record(ctx context.Context, m app.Members) error {
	if a.dryRun || a.diff {
		return nil
	}
	first := slices.DeleteFunc(a.unstructured(), func(obj *unstructured.Unstructured) bool {
		return obj.GetKind() != "Namespace" || obj.GetName() != a.set.Namespace
	})
	err := a.applier.Apply(ctx, append(first, a.set.Parent(m)), nil)
	return a.cluster.Fault(err, "record the set "+a.set.Name)
}

// pruneSet deletes the members that the set does not have any more.
func (a *application) pruneSet(ctx context.Context, m app.Members) error {
	gone, err := a.left(ctx, m)
	if err != nil {
		return err
	}
	if precious := dataOf(gone); len(precious) > 0 && !a.dryRun && !a.diff && !a.yes {
		if err := confirm(a.env, "Data are lost with "+strings.Join(precious, ", ")+". Delete?"); err != nil {
			return err
		}
	}
	err = a.applier.Delete(ctx, gone, func(r apply.Result) {
		a.results = append(a.results, r)
		if a.format == output.TableFormat && !a.diff {
			a.say(r)
		}
	})
	if err != nil {
		return err
	}
	now := app.Members{Namespaces: []string{a.set.Namespace}}
	for _, obj := range a.objs {
		now = now.Union(app.Members{Kinds: []schema.GroupKind{obj.GroupVersionKind().GroupKind()}, Namespaces: []string{obj.GetNamespace()}})
	}
	return a.record(ctx, now)
}

// left lists the members that are not in the set now.
func (a *application) left(ctx context.Context, m app.Members) ([]*unstructured.Unstructured, error) {
	here := map[string]bool{}
	for _, obj := range a.objs {
		here[a.key(obj.Unstructured, obj.GetNamespace())] = true
	}
	var out []*unstructured.Unstructured
	for _, kind := range m.Kinds {
		mapping, err := a.cluster.Mapper.RESTMapping(kind)
		if meta.IsNoMatchError(err) {
			continue // the kind has gone, and its objects with it
		}
		if err != nil {
			return nil, err
		}
		namespaces := []string{""}
		if mapping.Scope.Name() == meta.RESTScopeNameNamespace {
			namespaces = m.Namespaces
		}
		for _, ns := range namespaces {
			list, err := a.cluster.Dynamic.Resource(mapping.Resource).Namespace(ns).List(ctx, metav1.ListOptions{LabelSelector: app.PartOf + "=" + a.set.ID()})
			if err != nil {
				return nil, err
			}
			for i := range list.Items {
				if obj := &list.Items[i]; !here[a.key(obj, obj.GetNamespace())] && obj.GetDeletionTimestamp() == nil {
					out = append(out, obj)
				}
			}
		}
	}
	return out, nil
}

// key tells objects apart; an object of the set that names no namespace is in
// the cluster's, unless its kind has none.
func (a *application) key(obj *unstructured.Unstructured, namespace string) string {
	kind := obj.GroupVersionKind()
	if mapping, err := a.applier.Mapping(kind); err == nil && namespace == "" && mapping.Scope.Name() == meta.RESTScopeNameNamespace {
		namespace = a.cluster.Namespace
	}
	return kind.GroupKind().String() + " " + namespace + "/" + obj.GetName()
}

// dataOf names the objects with which data go.
func dataOf(objs []*unstructured.Unstructured) []string {
	var out []string
	for _, obj := range objs {
		switch obj.GetKind() {
		case "PersistentVolumeClaim", "PersistentVolume", "Namespace", "CustomResourceDefinition":
			out = append(out, apply.Title(obj))
		}
	}
	return out
}

// confirm asks on a terminal; elsewhere the answer is no.
func confirm(env *command.Env, question string) error {
	if !env.Terminal {
		return fault.New(fault.Misuse, "go on without an answer", "--yes answers", "%s", question)
	}
	fmt.Fprintf(env.Err, "%s [y/N] ", question)
	line, err := bufio.NewReader(env.In).ReadString('\n')
	if answer := strings.ToLower(strings.TrimSpace(line)); answer == "y" || answer == "yes" {
		return nil
	}
	if err != nil && line == "" {
		return fault.New(fault.Interrupted, "go on without an answer", "--yes answers", "%w", err)
	}
	return fault.New(fault.Interrupted, "go on", "", "you said no; nothing was deleted")
}
