package apply

import (
	"context"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"garboard.dev/garboard/fault"
)

const gonePause = 200 * time.Millisecond

// Delete deletes objs in the reverse order of applying, what depends on them
// too. An object that is not there counts as deleted but each is not told of
// it. With DryRun the server only checks. It does not wait: see WaitGone.
func (a *Applier) Delete(ctx context.Context, objs []*unstructured.Unstructured, each func(Result)) error {
	var failed Errors
	for _, wave := range slices.Backward(Waves(objs)) {
		for _, obj := range wave {
			result, err := a.deleteOne(ctx, obj)
			if err != nil {
				failed = append(failed, &ObjectError{Object: obj, Err: err})
			} else if result.Action == Deleted && each != nil {
				each(result)
			}
		}
	}
	if len(failed) > 0 {
		return failed
	}
	return ctx.Err()
}

func (a *Applier) deleteOne(ctx context.Context, obj *unstructured.Unstructured) (Result, error) {
	result := Result{Wanted: obj}
	client, err := a.resource(obj)
	if meta.IsNoMatchError(err) { // its definition has gone, and it with it
		return result, nil
	}
	if err != nil {
		return result, err
	}
	background := metav1.DeletePropagationBackground
	options := metav1.DeleteOptions{PropagationPolicy: &background}
	if uid := obj.GetUID(); uid != "" {
		options.Preconditions = &metav1.Preconditions{UID: &uid}
	}
	if a.options.DryRun {
		options.DryRun = []string{metav1.DryRunAll}
	}
	switch err := client.Delete(ctx, obj.GetName(), options); {
	case apierrors.IsNotFound(err):
		return result, nil
	case err != nil:
		return result, err
	}
	result.Action = Deleted
	return result, nil
}

// WaitGone waits until none of objs exists any more; waiting is told which
// object is waited for and why. An object of the same name that was made
// meanwhile is another one where objs carry their UIDs.
func (a *Applier) WaitGone(ctx context.Context, objs []*unstructured.Unstructured, waiting func(obj *unstructured.Unstructured, why string)) error {
	for _, obj := range objs {
		for {
			live, err := a.Live(ctx, obj)
			if err != nil {
				return &ObjectError{Object: obj, Err: err}
			}
			if live == nil || otherUID(obj.GetUID(), live.GetUID()) {
				break
			}
			why := "it is being deleted"
			if left := live.GetFinalizers(); len(left) > 0 {
				why = "its finalizers are not done: " + strings.Join(left, ", ")
			}
			if waiting != nil {
				waiting(obj, why)
			}
			select {
			case <-ctx.Done():
				return &ObjectError{Object: obj, Err: fault.Wrap(ctx.Err(), fault.KindOf(ctx.Err()), "see it go: "+why, "")}
			case <-time.After(gonePause):
			}
		}
	}
	return nil
}

func otherUID(wanted, live types.UID) bool { return wanted != "" && wanted != live }

// Live is the object as the server has it; nil where it has none.
func (a *Applier) Live(ctx context.Context, obj *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	client, err := a.resource(obj)
	if meta.IsNoMatchError(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	live, err := client.Get(ctx, obj.GetName(), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	return live, err
}
