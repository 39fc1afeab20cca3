// Package apply brings a set of objects into a cluster by server-side apply
// (https://kubernetes.io/docs/reference/using-api/server-side-apply/): in
// dependency order, definitions of new kinds established before their objects,
// and each conflict named with the other manager and the field.
package apply

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"garboard.dev/garboard/kube"
)

// Manager is the field manager that Garboard applies as.
const Manager = "garboard"

// Options say how to apply.
type Options struct {
	Manager        string // the field manager; empty: Manager
	Namespace      string // of namespaced objects that name none; empty: the cluster's
	ForceConflicts bool   // take fields over that another manager owns
	DryRun         bool   // the server checks and answers, and stores nothing
}

// Action is what applying an object did, or with DryRun would do.
type Action string

// The actions.
const (
	Created   Action = "created"
	Changed   Action = "changed"
	Unchanged Action = "unchanged"
	Deleted   Action = "deleted"
)

// Result is what became of one object.
type Result struct {
	Wanted *unstructured.Unstructured // as it was handed in
	Before *unstructured.Unstructured // as the server had it; nil where it had none
	After  *unstructured.Unstructured // as the server has it, or with DryRun would have it
	Action Action
	// Unchecked says that the server could not check a dry run, because the
	// object's namespace or kind only comes with the set. After is then Wanted.
	Unchecked bool
}

// Applier applies sets to one cluster.
type Applier struct {
	cluster *kube.Cluster
	options Options
}

// New returns an Applier.
func New(cluster *kube.Cluster, options Options) *Applier {
	if options.Manager == "" {
		options.Manager = Manager
	}
	if options.Namespace == "" {
		options.Namespace = cluster.Namespace
	}
	return &Applier{cluster: cluster, options: options}
}

// inFlight is how many objects of a wave are sent at once.
const inFlight = 8

// Apply applies objs, wave after wave (see Waves). each, which may be nil, is
// told of every object that was applied, one at a time. Where objects of a wave
// fail, the rest of that wave is still applied and the later waves are not; the
// error is then an Errors.
func (a *Applier) Apply(ctx context.Context, objs []*unstructured.Unstructured, each func(Result)) error {
	coming := newComing(objs)
	for _, wave := range Waves(objs) {
		if err := a.applyWave(ctx, wave, coming, each); err != nil {
			return err
		}
		if a.options.DryRun {
			continue
		}
		if err := a.established(ctx, wave); err != nil {
			return err
		}
	}
	return nil
}

func (a *Applier) applyWave(ctx context.Context, wave []*unstructured.Unstructured, coming coming, each func(Result)) error {
	var mu sync.Mutex
	var failed Errors
	var group errgroup.Group
	group.SetLimit(inFlight)
	order := newTold(len(wave), each)
	for i, obj := range wave {
		group.Go(func() error {
			result, err := a.one(ctx, obj, coming)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failed = append(failed, &ObjectError{Object: obj, Err: err})
				order.skip(i)
			} else {
				order.add(i, result)
			}
			return nil
		})
	}
	_ = group.Wait() // no function returns an error: they gather in failed
	if len(failed) > 0 {
		return failed.sorted(wave)
	}
	return ctx.Err()
}

// told tells of results in the order of the wave, each as soon as all before it
// are there, however they arrive.
type told struct {
	each    func(Result)
	next    int
	known   []bool
	results []*Result
}

func newTold(n int, each func(Result)) *told {
	return &told{each: each, known: make([]bool, n), results: make([]*Result, n)}
}

func (t *told) skip(i int) {
	t.known[i] = true
	for ; t.next < len(t.known) && t.known[t.next]; t.next++ {
		if r := t.results[t.next]; r != nil && t.each != nil {
			t.each(*r)
		}
	}
}

func (t *told) add(i int, r Result) {
	t.results[i] = &r
	t.skip(i)
}

// one applies one object.
func (a *Applier) one(ctx context.Context, obj *unstructured.Unstructured, coming coming) (Result, error) {
	result := Result{Wanted: obj, Action: Created}
	client, err := a.resource(obj)
	if err != nil {
		if a.options.DryRun && meta.IsNoMatchError(err) && coming.kinds[obj.GroupVersionKind().GroupKind()] {
			result.After, result.Unchecked = obj, true
			return result, nil
		}
		return result, err
	}
	result.Before, err = client.Get(ctx, obj.GetName(), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		result.Before = nil
	} else if err != nil {
		return result, err
	}
	result.After, err = a.patch(ctx, client, obj)
	if a.options.DryRun && result.Before == nil && apierrors.IsNotFound(err) && coming.namespaces[a.namespace(obj)] {
		result.After, result.Unchecked = obj, true
		return result, nil
	}
	if err != nil {
		return result, a.allFields(ctx, client, obj, explain(err))
	}
	result.Action = actionOf(result.Before, result.After)
	return result, nil
}

func (a *Applier) patch(ctx context.Context, client dynamic.ResourceInterface, obj *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	data, err := json.Marshal(sendable(obj).Object)
	if err != nil {
		return nil, err
	}
	options := metav1.PatchOptions{
		FieldManager:    a.options.Manager,
		Force:           &a.options.ForceConflicts,
		FieldValidation: metav1.FieldValidationStrict,
	}
	if a.options.DryRun {
		options.DryRun = []string{metav1.DryRunAll}
	}
	return client.Patch(ctx, obj.GetName(), types.ApplyPatchType, data, options)
}

// sendable is obj without what exported manifests carry and the server refuses.
func sendable(obj *unstructured.Unstructured) *unstructured.Unstructured {
	sent := obj.DeepCopy()
	sent.SetManagedFields(nil)
	sent.SetResourceVersion("")
	sent.SetUID("")
	unstructured.RemoveNestedField(sent.Object, "metadata", "creationTimestamp")
	return sent
}

// allFields puts all unknown fields in the place of those that an error names: a
// patch is refused at one or the other, while decoding for a creation, which is
// only tried dry, lists every one in the order of the manifest.
func (a *Applier) allFields(ctx context.Context, client dynamic.ResourceInterface, obj *unstructured.Unstructured, err error) error {
	var first *FieldError
	if !errors.As(err, &first) || first.Problems[0].Reason != unknownField {
		return err
	}
	_, strict := client.Create(ctx, sendable(obj), metav1.CreateOptions{
		DryRun: []string{metav1.DryRunAll}, FieldManager: a.options.Manager, FieldValidation: metav1.FieldValidationStrict,
	})
	var all *FieldError
	if strict != nil && errors.As(explain(strict), &all) && len(all.Problems) >= len(first.Problems) {
		return all
	}
	return err
}

// actionOf compares what was there with what is. Versions tell nothing: a dry
// run keeps them, and a status that a controller writes meanwhile changes them.
func actionOf(before, after *unstructured.Unstructured) Action {
	if before == nil {
		return Created
	}
	was, is := Plain(before), Plain(after)
	delete(was.Object, "status")
	delete(is.Object, "status")
	if equality.Semantic.DeepEqual(was.Object, is.Object) {
		return Unchanged
	}
	return Changed
}

// Plain is a copy of obj without what the server keeps for itself: managed
// fields, versions and times.
func Plain(obj *unstructured.Unstructured) *unstructured.Unstructured {
	out := obj.DeepCopy()
	for _, field := range []string{"managedFields", "resourceVersion", "generation", "creationTimestamp", "uid", "selfLink"} {
		unstructured.RemoveNestedField(out.Object, "metadata", field)
	}
	return out
}

// namespace is where obj goes if its kind is namespaced.
func (a *Applier) namespace(obj *unstructured.Unstructured) string {
	if ns := obj.GetNamespace(); ns != "" {
		return ns
	}
	return a.options.Namespace
}

// Mapping asks what the server calls the kind; a kind that it did not know
// before is asked for once more, since it may be new.
func (a *Applier) Mapping(kind schema.GroupVersionKind) (*meta.RESTMapping, error) {
	mapping, err := a.cluster.Mapper.RESTMapping(kind.GroupKind(), kind.Version)
	if meta.IsNoMatchError(err) {
		a.cluster.Mapper.Reset()
		mapping, err = a.cluster.Mapper.RESTMapping(kind.GroupKind(), kind.Version)
	}
	return mapping, err
}

// resource is the client for obj's kind and namespace.
func (a *Applier) resource(obj *unstructured.Unstructured) (dynamic.ResourceInterface, error) {
	mapping, err := a.Mapping(obj.GroupVersionKind())
	if err != nil {
		return nil, err
	}
	client := a.cluster.Dynamic.Resource(mapping.Resource)
	if mapping.Scope.Name() == meta.RESTScopeNameNamespace {
		return client.Namespace(a.namespace(obj)), nil
	}
	return client, nil
}

const (
	establishLimit = 30 * time.Second
	establishPause = 100 * time.Millisecond
)

// established waits until the server serves the kinds that the wave defines.
func (a *Applier) established(ctx context.Context, wave []*unstructured.Unstructured) error {
	limited, cancel := context.WithTimeout(ctx, establishLimit)
	defer cancel()
	for _, obj := range wave {
		if !isDefinition(obj) {
			continue
		}
		for {
			served, err := a.serves(limited, obj)
			if err != nil {
				return Errors{{Object: obj, Err: err}}
			}
			if served {
				break
			}
			select {
			case <-limited.Done():
				if ctx.Err() != nil {
					return ctx.Err()
				}
				return Errors{{Object: obj, Err: errors.New("the API server has not begun to serve the kind within " + establishLimit.String())}}
			case <-time.After(establishPause):
			}
		}
	}
	return nil
}

// serves asks for the Established condition and then whether discovery shows
// the kind: it lags behind a little.
func (a *Applier) serves(ctx context.Context, definition *unstructured.Unstructured) (bool, error) {
	client, err := a.resource(definition)
	if err != nil {
		return false, err
	}
	live, err := client.Get(ctx, definition.GetName(), metav1.GetOptions{})
	if err != nil {
		return false, err
	}
	list, _, _ := unstructured.NestedSlice(live.Object, "status", "conditions")
	for _, entry := range list {
		condition, _ := entry.(map[string]any)
		if condition["type"] == "NamesAccepted" && condition["status"] == "False" {
			message, _ := condition["message"].(string)
			return false, errors.New("the kind's names are taken: " + strings.TrimSpace(message))
		}
		if condition["type"] == "Established" && condition["status"] == "True" {
			a.cluster.Mapper.Reset()
			_, err := a.cluster.Mapper.RESTMapping(definedKind(live))
			return err == nil, nil
		}
	}
	return false, nil
}
