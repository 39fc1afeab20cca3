package cli

import (
	"fmt"
	"io"

	"github.com/rogpeppe/go-internal/diff"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"garboard.dev/garboard/kube/apply"
)

// printDiff prints, object by object, how the cluster would change.
func (a *application) printDiff() error {
	for _, r := range a.results {
		before, after := r.Before, r.After
		if r.Action == apply.Deleted {
			before, after = r.Wanted, nil
		}
		if r.Action == apply.Unchanged {
			continue
		}
		if err := writeDiff(a.env.Out, before, after); err != nil {
			return err
		}
	}
	return nil
}

// writeDiff writes a unified diff of two states of one object; either may be
// nil. A secret's values are masked, so that only the change shows.
func writeDiff(w io.Writer, before, after *unstructured.Unstructured) error {
	obj := after
	if obj == nil {
		obj = before
	}
	name := apply.Title(obj)
	before, after = masked(before, after)
	old, err := asText(before)
	if err != nil {
		return err
	}
	now, err := asText(after)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s", diff.Diff("live "+name, old, "new "+name, now))
	return err
}

func asText(obj *unstructured.Unstructured) ([]byte, error) {
	if obj == nil {
		return nil, nil
	}
	return yaml.Marshal(apply.Plain(obj).Object)
}

// The masks say no more than whether a value is the same.
const (
	maskSame = "***"
	maskOld  = "*** (before)"
	maskNew  = "*** (after)"
)

// masked hides the values of secrets, in data, stringData and in what kubectl
// apply keeps of them in an annotation.
func masked(before, after *unstructured.Unstructured) (_, _ *unstructured.Unstructured) {
	if !isSecret(before) && !isSecret(after) {
		return before, after
	}
	before, after = copyOf(before), copyOf(after)
	for _, field := range []string{"data", "stringData"} {
		old, now := valuesOf(before, field), valuesOf(after, field)
		for key, value := range old {
			if other, both := now[key]; both && other == value {
				old[key], now[key] = maskSame, maskSame
				continue
			}
			old[key] = maskOld
		}
		for key, value := range now {
			if value != maskSame {
				now[key] = maskNew
			}
		}
	}
	for _, obj := range []*unstructured.Unstructured{before, after} {
		if obj != nil {
			unstructured.RemoveNestedField(obj.Object, "metadata", "annotations", "kubectl.kubernetes.io/last-applied-configuration")
		}
	}
	return before, after
}

func isSecret(obj *unstructured.Unstructured) bool { return obj != nil && obj.GetKind() == "Secret" }

func copyOf(obj *unstructured.Unstructured) *unstructured.Unstructured {
	if obj == nil {
		return nil
	}
	return obj.DeepCopy()
}

// valuesOf is the object's own map, not a copy.
func valuesOf(obj *unstructured.Unstructured, field string) map[string]any {
	if obj == nil {
		return nil
	}
	values, _ := obj.Object[field].(map[string]any)
	return values
}
