// Package controller watches what the routing table is made of, serves by it,
// and says in the cluster what it serves.
package controller

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/scheme"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	corelisters "k8s.io/client-go/listers/core/v1"
	discoverylisters "k8s.io/client-go/listers/discovery/v1"
	networkinglisters "k8s.io/client-go/listers/networking/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/record"

	"garboard.dev/garboard/capability/ingress"
	"garboard.dev/garboard/capability/ingress/proxy"
	"garboard.dev/garboard/capability/platform"
	"garboard.dev/garboard/loop"
)

const (
	gather = 20 * time.Millisecond // changes this close together make one new table
	drain  = 25 * time.Second      // what requests under way have at the end
)

// Controllers returns the proxy and the addresses of LoadBalancer services.
func Controllers(env loop.Env) []loop.Controller {
	c := newController(env)
	return []loop.Controller{{Name: "ingress", Run: c.run}, balancers(env)}
}

type controller struct {
	env       loop.Env
	ingresses networkinglisters.IngressLister
	classes   networkinglisters.IngressClassLister
	services  corelisters.ServiceLister
	slices    discoverylisters.EndpointSliceLister
	secrets   corelisters.SecretLister
	factory   informers.SharedInformerFactory // of TLS secrets alone
	informers []cache.SharedIndexInformer
	events    record.EventRecorder
	reported  map[ingress.Problem]bool
}

func newController(env loop.Env) *controller {
	onlyTLS := informers.WithTweakListOptions(func(o *metav1.ListOptions) {
		o.FieldSelector = fields.OneTermEqualSelector("type", string(corev1.SecretTypeTLS)).String()
	})
	factory := informers.NewSharedInformerFactoryWithOptions(env.Client, 0, onlyTLS, informers.WithTransform(loop.Slim))
	net1, core1 := env.Informers.Networking().V1(), env.Informers.Core().V1()
	endpointSlices := env.Informers.Discovery().V1().EndpointSlices()
	secrets := factory.Core().V1().Secrets()
	return &controller{
		env: env, factory: factory,
		ingresses: net1.Ingresses().Lister(), classes: net1.IngressClasses().Lister(),
		services: core1.Services().Lister(), slices: endpointSlices.Lister(), secrets: secrets.Lister(),
		informers: []cache.SharedIndexInformer{net1.Ingresses().Informer(), net1.IngressClasses().Informer(),
			core1.Services().Informer(), endpointSlices.Informer(), secrets.Informer()},
		reported: map[ingress.Problem]bool{},
	}
}

func (c *controller) run(ctx context.Context) error {
	settings, err := platform.ReadSettings(platform.LayoutOf(c.env.StateDir))
	if err != nil {
		return err
	}
	plain, err := net.Listen("tcp", net.JoinHostPort(c.env.Listen, strconv.Itoa(settings.HTTPPort)))
	if err != nil {
		return fmt.Errorf("listen for HTTP: %w", err)
	}
	secure, err := net.Listen("tcp", net.JoinHostPort(c.env.Listen, strconv.Itoa(settings.HTTPSPort)))
	if err != nil {
		return errors.Join(fmt.Errorf("listen for HTTPS: %w", err), plain.Close())
	}
	issuer, err := newIssuer(platform.LayoutOf(c.env.StateDir), c.env.Now)
	if err != nil {
		return errors.Join(err, plain.Close(), secure.Close())
	}
	server := proxy.New(proxy.Options{Log: c.env.Log, HTTPSPort: settings.HTTPSPort, Issue: issuer.issue})
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	followed := make(chan error, 1)
	go func() {
		followed <- c.follow(ctx, server)
		cancel()
	}()
	err = server.Serve(ctx, plain, secure, drain)
	cancel()
	return errors.Join(err, <-followed)
}

// follow keeps the server's table up to date until ctx ends.
func (c *controller) follow(ctx context.Context, server *proxy.Server) error {
	if err := c.ensureClass(ctx); err != nil {
		return err
	}
	changed := make(chan struct{}, 1)
	notify := func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
	for _, informer := range c.informers {
		registration, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc: func(any) { notify() }, UpdateFunc: func(any, any) { notify() }, DeleteFunc: func(any) { notify() },
		})
		if err != nil {
			return err
		}
		defer func() { _ = informer.RemoveEventHandler(registration) }() // fails only for a handler of another informer
	}
	c.factory.Start(ctx.Done())
	synced := make([]cache.InformerSynced, len(c.informers))
	for i, informer := range c.informers {
		synced[i] = informer.HasSynced
	}
	if !cache.WaitForCacheSync(ctx.Done(), synced...) {
		return ctx.Err()
	}
	broadcaster := record.NewBroadcaster(record.WithContext(ctx))
	broadcaster.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: c.env.Client.CoreV1().Events("")})
	defer broadcaster.Shutdown()
	c.events = broadcaster.NewRecorder(scheme.Scheme, corev1.EventSource{Component: ingress.Controller})
	notify()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
		table, err := c.build()
		if err != nil {
			return err
		}
		server.Set(table)
		c.report(ctx, table)
		select {
		case <-ctx.Done():
		case <-time.After(gather):
		}
	}
}

func (c *controller) ensureClass(ctx context.Context) error {
	_, err := c.env.Client.NetworkingV1().IngressClasses().Create(ctx, ingress.Class(), metav1.CreateOptions{FieldManager: "garboard"})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("make the ingress class %s: %w", ingress.ClassName, err)
	}
	return nil
}

func (c *controller) build() (*ingress.Table, error) {
	ingresses, err := c.ingresses.List(labels.Everything())
	if err != nil {
		return nil, err
	}
	classes, err := c.classes.List(labels.Everything())
	if err != nil {
		return nil, err
	}
	return ingress.Build(ingress.Input{
		Ingresses: ingresses, Classes: classes,
		Service: func(namespace, name string) *corev1.Service {
			s, err := c.services.Services(namespace).Get(name)
			if err != nil { // a lister fails only for what is not there
				return nil
			}
			return s
		},
		Slices: func(namespace, service string) []*discoveryv1.EndpointSlice {
			out, err := c.slices.EndpointSlices(namespace).List(labels.SelectorFromSet(labels.Set{discoveryv1.LabelServiceName: service}))
			if err != nil {
				return nil
			}
			return out
		},
		Secret: func(namespace, name string) *corev1.Secret {
			s, err := c.secrets.Secrets(namespace).Get(name)
			if err != nil {
				return nil
			}
			return s
		},
	}), nil
}
