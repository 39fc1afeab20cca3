package controller

import (
	"context"
	"crypto/tls"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	corelisters "k8s.io/client-go/listers/core/v1"
	networkinglisters "k8s.io/client-go/listers/networking/v1"
	"k8s.io/client-go/tools/cache"

	"garboard.dev/garboard/capability/ingress"
	"garboard.dev/garboard/loop"
)

const (
	gather     = 20 * time.Millisecond // changes this close together make one new table
	againAfter = time.Second           // what could not be reported is tried again
)

// byService is the index of EndpointSlices by namespace and service.
const byService = "garboard.dev/service"

// sources are the objects that the table is made of.
type sources struct {
	env       loop.Env
	ingresses networkinglisters.IngressLister
	classes   networkinglisters.IngressClassLister
	services  corelisters.ServiceLister
	slices    cache.Indexer
	shared    []cache.SharedIndexInformer
	indexing  error
}

func newSources(env loop.Env) *sources {
	net1 := env.Informers.Networking().V1()
	services := env.Informers.Core().V1().Services()
	endpoints := env.Informers.Discovery().V1().EndpointSlices().Informer()
	s := &sources{
		env: env, ingresses: net1.Ingresses().Lister(), classes: net1.IngressClasses().Lister(), services: services.Lister(),
		shared: []cache.SharedIndexInformer{net1.Ingresses().Informer(), net1.IngressClasses().Informer(), services.Informer(), endpoints},
	}
	s.indexing = endpoints.AddIndexers(cache.Indexers{byService: func(object any) ([]string, error) {
		slice, ok := object.(*discoveryv1.EndpointSlice)
		if !ok {
			return nil, fmt.Errorf("%T is no EndpointSlice", object)
		}
		return []string{slice.Namespace + "/" + slice.Labels[discoveryv1.LabelServiceName]}, nil
	}})
	s.slices = endpoints.GetIndexer()
	return s
}

// opened are sources that are watched.
type opened struct {
	*sources
	secrets corelisters.SecretLister
	ending  cache.Indexer // pods that are being deleted, by their addresses
	pairs   map[ingress.Object]pair
	changed chan struct{}
	undo    []func()
}

// pair is a secret's certificate as it was parsed.
type pair struct {
	secret      *corev1.Secret
	certificate *tls.Certificate
	err         error
}

// open watches, and returns when everything that there is has been seen. Secrets
// have an informer of their own, which gets certificates only and ends with ctx.
func (s *sources) open(ctx context.Context) (*opened, error) {
	if s.indexing != nil {
		return nil, s.indexing
	}
	o := &opened{sources: s, pairs: map[ingress.Object]pair{}, changed: make(chan struct{}, 1)}
	factory := informers.NewSharedInformerFactoryWithOptions(s.env.Client, 0, informers.WithTransform(loop.Slim), informers.WithTweakListOptions(func(l *metav1.ListOptions) {
		l.FieldSelector = fields.OneTermEqualSelector("type", string(corev1.SecretTypeTLS)).String()
	}))
	secrets := factory.Core().V1().Secrets()
	o.secrets = secrets.Lister()
	var synced []cache.InformerSynced
	for _, informer := range append([]cache.SharedIndexInformer{secrets.Informer()}, s.shared...) {
		registration, err := informer.AddEventHandler(onChange(o.notify))
		if err != nil {
			o.close()
			return nil, err
		}
		o.undo = append(o.undo, func() { _ = informer.RemoveEventHandler(registration) }) // fails only for a handler of another informer
		synced = append(synced, informer.HasSynced)
	}
	ending, ended, err := o.watchPods(ctx)
	if err != nil {
		o.close()
		return nil, err
	}
	o.ending = ending
	synced = append(synced, ended)
	factory.Start(ctx.Done())
	if !cache.WaitForCacheSync(ctx.Done(), synced...) {
		o.close()
		return nil, ctx.Err()
	}
	return o, nil
}

// byAddress is the index of pods that are being deleted, by address.
const byAddress = "garboard.dev/ending"

// watchPods watches for pods that are being deleted. The EndpointSlice says so
// too, but later than the kubelet acts on it: a pod that closes its connections
// would still be sent requests. Of each pod only its addresses are kept.
func (o *opened) watchPods(ctx context.Context) (cache.Indexer, cache.InformerSynced, error) {
	factory := informers.NewSharedInformerFactoryWithOptions(o.env.Client, 0, informers.WithTransform(addressesOnly))
	informer := factory.Core().V1().Pods().Informer()
	err := informer.AddIndexers(cache.Indexers{byAddress: func(object any) ([]string, error) {
		pod, ok := object.(*corev1.Pod)
		if !ok || pod.DeletionTimestamp == nil {
			return nil, nil
		}
		var out []string
		for _, a := range pod.Status.PodIPs {
			out = append(out, a.IP)
		}
		return out, nil
	}})
	if err != nil {
		return nil, nil, err
	}
	_, err = informer.AddEventHandler(cache.ResourceEventHandlerFuncs{UpdateFunc: func(before, after any) {
		old, isPod := before.(*corev1.Pod)
		now, isToo := after.(*corev1.Pod)
		if isPod && isToo && old.DeletionTimestamp == nil && now.DeletionTimestamp != nil {
			o.notify()
		}
	}})
	factory.Start(ctx.Done())
	return informer.GetIndexer(), informer.HasSynced, err
}

func addressesOnly(object any) (any, error) {
	pod, ok := object.(*corev1.Pod)
	if !ok { // a tombstone
		return object, nil
	}
	out := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Namespace: pod.Namespace, Name: pod.Name, UID: pod.UID, ResourceVersion: pod.ResourceVersion, DeletionTimestamp: pod.DeletionTimestamp,
	}}
	if !pod.Spec.HostNetwork { // another pod may have the same address then
		out.Status.PodIPs = pod.Status.PodIPs
	}
	return out, nil
}

func (o *opened) close() {
	for _, f := range o.undo {
		f()
	}
}

// notify wakes wait; it may be called from anywhere.
func (o *opened) notify() {
	select {
	case o.changed <- struct{}{}:
	default:
	}
}

// again notifies in a while.
func (o *opened) again(ctx context.Context) {
	time.AfterFunc(againAfter, func() {
		if ctx.Err() == nil {
			o.notify()
		}
	})
}

// wait returns true after a change, and false when ctx ends.
func (o *opened) wait(ctx context.Context) bool { return awaitChange(ctx, o.changed) }

// awaitChange gathers what comes close together: the first change is waited
// for, those that follow it at once are one with it.
func awaitChange(ctx context.Context, changed <-chan struct{}) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(gather):
	}
	select {
	case <-ctx.Done():
		return false
	case <-changed:
		return true
	}
}

func onChange(notify func()) cache.ResourceEventHandler {
	return cache.ResourceEventHandlerFuncs{
		AddFunc: func(any) { notify() }, UpdateFunc: func(any, any) { notify() }, DeleteFunc: func(any) { notify() },
	}
}

// build makes the table of what is there at the time now.
func (o *opened) build(now time.Time) (*ingress.Table, error) {
	ingresses, err := o.ingresses.List(labels.Everything())
	if err != nil {
		return nil, err
	}
	classes, err := o.classes.List(labels.Everything())
	if err != nil {
		return nil, err
	}
	return ingress.Build(ingress.Input{
		Now: now, Ingresses: ingresses, Classes: classes, Slices: o.endpoints, Certificate: o.certificate,
		Ending: func(address string) bool {
			pods, err := o.ending.ByIndex(byAddress, address)
			return err == nil && len(pods) > 0 // only an index that does not exist fails
		},
		Service: func(namespace, name string) *corev1.Service {
			s, err := o.services.Services(namespace).Get(name)
			if err != nil { // a lister fails only for what is not there
				return nil
			}
			return s
		},
	}), nil
}

func (o *opened) endpoints(namespace, service string) []*discoveryv1.EndpointSlice {
	objects, err := o.slices.ByIndex(byService, namespace+"/"+service)
	if err != nil {
		return nil // only an index that does not exist fails
	}
	var out []*discoveryv1.EndpointSlice
	for _, object := range objects {
		if slice, ok := object.(*discoveryv1.EndpointSlice); ok {
			out = append(out, slice)
		}
	}
	return out
}

// certificate parses a secret once for each of its versions: with every change
// of a pod the whole table is made anew, and keys are slow to parse.
func (o *opened) certificate(namespace, name string) (*tls.Certificate, error) {
	key := ingress.Object{Namespace: namespace, Name: name}
	secret, err := o.secrets.Secrets(namespace).Get(name)
	if err != nil {
		delete(o.pairs, key)
		return nil, fmt.Errorf("there is no secret %s/%s of type %s", namespace, name, corev1.SecretTypeTLS)
	}
	if known := o.pairs[key]; known.secret == secret {
		return known.certificate, known.err
	}
	p := pair{secret: secret}
	if c, err := tls.X509KeyPair(secret.Data[corev1.TLSCertKey], secret.Data[corev1.TLSPrivateKeyKey]); err != nil {
		p.err = fmt.Errorf("secret %s/%s cannot be used (%w)", namespace, name, err)
	} else {
		p.certificate = &c
	}
	o.pairs[key] = p
	return p.certificate, p.err
}
