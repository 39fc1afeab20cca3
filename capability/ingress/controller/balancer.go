package controller

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/kubernetes/scheme"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/record"

	"garboard.dev/garboard/capability/ingress"
	"garboard.dev/garboard/loop"
)

// balancers gives services of type LoadBalancer this machine's address. What
// carries their traffic is kube-proxy: an address in the status is enough for it.
func balancers(env loop.Env) loop.Controller {
	services := env.Informers.Core().V1().Services()
	lister, informer := services.Lister(), services.Informer()
	return loop.Controller{Name: "loadbalancer", Run: func(ctx context.Context) error {
		changed := make(chan struct{}, 1)
		notify := func(any) {
			select {
			case changed <- struct{}{}:
			default:
			}
		}
		registration, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{AddFunc: notify, UpdateFunc: func(any, any) { notify(nil) }, DeleteFunc: notify})
		if err != nil {
			return err
		}
		defer func() { _ = informer.RemoveEventHandler(registration) }() // fails only for a handler of another informer
		broadcaster := record.NewBroadcaster(record.WithContext(ctx))
		broadcaster.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: env.Client.CoreV1().Events("")})
		defer broadcaster.Shutdown()
		b := &balancer{env: env, events: broadcaster.NewRecorder(scheme.Scheme, corev1.EventSource{Component: ingress.BalancerClass}), told: map[string]string{}}
		for {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-changed:
			}
			all, err := lister.List(labels.Everything())
			if err != nil {
				return err
			}
			if err := b.share(ctx, all); err != nil {
				return err
			}
			select {
			case <-ctx.Done():
			case <-time.After(gather):
			}
		}
	}}
}

type balancer struct {
	env    loop.Env
	events record.EventRecorder
	told   map[string]string // by service: the refusal that was said last
}

func (b *balancer) share(ctx context.Context, all []*corev1.Service) error {
	granted, refused := ingress.Share(all)
	for _, s := range granted {
		if err := b.publish(ctx, s, []corev1.LoadBalancerIngress{{IP: b.address()}}); err != nil {
			return err
		}
	}
	for s, why := range refused {
		if key := s.Namespace + "/" + s.Name; b.told[key] != why {
			b.told[key] = why
			b.events.Event(s, corev1.EventTypeWarning, "PortTaken", why)
		}
		if err := b.publish(ctx, s, nil); err != nil {
			return err
		}
	}
	return nil
}

func (b *balancer) publish(ctx context.Context, s *corev1.Service, addresses []corev1.LoadBalancerIngress) error {
	have := s.Status.LoadBalancer.Ingress
	if len(have) == len(addresses) && (len(have) == 0 || have[0].IP == addresses[0].IP) {
		return nil
	}
	s = s.DeepCopy()
	s.Status.LoadBalancer.Ingress = addresses
	_, err := b.env.Client.CoreV1().Services(s.Namespace).UpdateStatus(ctx, s, metav1.UpdateOptions{FieldManager: "garboard"})
	return err
}

// address is the machine's: the one it listens on, or the one that pods reach
// it by where it listens on loopback or on all.
func (b *balancer) address() string {
	if b.env.Listen == "127.0.0.1" || b.env.Listen == "0.0.0.0" {
		return b.env.NodeIP
	}
	return b.env.Listen
}
