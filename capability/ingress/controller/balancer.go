package controller

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/record"

	"garboard.dev/garboard/capability/ingress"
	"garboard.dev/garboard/capability/platform"
	"garboard.dev/garboard/host/socket"
	"garboard.dev/garboard/loop"
)

// balancer gives services of type LoadBalancer this machine's address. What
// carries their traffic is kube-proxy: an address in the status is enough for it.
type balancer struct {
	env      loop.Env
	lister   corelisters.ServiceLister
	informer cache.SharedIndexInformer
	taken    func(protocol string, address netip.AddrPort) (bool, error)
	events   record.EventRecorder
	told     map[types.UID]string // the refusal that was said last
}

func newBalancer(env loop.Env) *balancer {
	services := env.Informers.Core().V1().Services()
	return &balancer{env: env, lister: services.Lister(), informer: services.Informer(), taken: socket.Taken, told: map[types.UID]string{}}
}

func (b *balancer) run(ctx context.Context) error {
	settings, err := platform.ReadSettings(platform.LayoutOf(b.env.StateDir))
	if err != nil {
		return err
	}
	changed := make(chan struct{}, 1)
	notify := func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
	registration, err := b.informer.AddEventHandler(onChange(notify))
	if err != nil {
		return err
	}
	defer func() { _ = b.informer.RemoveEventHandler(registration) }() // fails only for a handler of another informer
	if !cache.WaitForCacheSync(ctx.Done(), b.informer.HasSynced) {
		return ctx.Err()
	}
	var stop func()
	b.events, stop = recorder(ctx, b.env.Client, ingress.BalancerClass)
	defer stop()
	for {
		all, err := b.lister.List(labels.Everything())
		if err != nil {
			return err
		}
		if !b.share(ctx, all, reserved(settings)) {
			time.AfterFunc(againAfter, notify)
		}
		if !awaitChange(ctx, changed) {
			return nil
		}
	}
}

// reserved are the ports of the platform itself. A service that got one would
// take the platform's traffic, whether the platform listens at that moment or not.
func reserved(s platform.Settings) map[string]string {
	out := map[string]string{}
	for port, of := range map[int]string{
		s.APIPort: "the API server", s.ConsolePort: "the console", s.HTTPPort: "the ingress", s.HTTPSPort: "the ingress",
		53: "the cluster's DNS", 2379: "etcd", 2380: "etcd", 5000: "the registry", 10250: "the kubelet", 10256: "kube-proxy",
	} {
		out[fmt.Sprintf("%d/TCP", port)] = of
	}
	out["53/UDP"] = "the cluster's DNS"
	return out
}

// share writes the addresses; false means that it should be tried again.
func (b *balancer) share(ctx context.Context, all []*corev1.Service, reserved map[string]string) bool {
	address, done := b.address(), true
	busy := func(s *corev1.Service, p corev1.ServicePort) string {
		return b.busy(s, p, address, reserved)
	}
	granted, refused := ingress.Share(all, busy)
	for _, s := range granted {
		delete(b.told, s.UID)
		mode := corev1.LoadBalancerIPModeVIP
		done = b.publish(ctx, s, []corev1.LoadBalancerIngress{{IP: address, IPMode: &mode}}) && done
	}
	for s, why := range refused {
		if b.told[s.UID] != why {
			b.told[s.UID] = why
			b.events.Event(s, corev1.EventTypeWarning, "PortTaken", why)
		}
		done = b.publish(ctx, s, nil) && done
	}
	for _, s := range all {
		// kube-proxy goes by the status alone, whatever the type has become.
		if s.Spec.Type != corev1.ServiceTypeLoadBalancer {
			done = b.publish(ctx, s, nil) && done
		}
	}
	return done
}

// busy says what on the machine has a service's port. A service that has the
// address already keeps it.
func (b *balancer) busy(s *corev1.Service, p corev1.ServicePort, address string, reserved map[string]string) string {
	if of := reserved[ingress.PortKey(p)]; of != "" {
		return of
	}
	at, err := netip.ParseAddr(address)
	if err != nil || len(s.Status.LoadBalancer.Ingress) > 0 {
		return ""
	}
	protocol := "tcp"
	switch p.Protocol {
	case corev1.ProtocolUDP:
		protocol = "udp"
	case corev1.ProtocolSCTP:
		return ""
	}
	taken, err := b.taken(protocol, netip.AddrPortFrom(at, uint16(p.Port)))
	switch {
	case err != nil:
		b.env.Log.Debug("look at a port", "port", p.Port, "error", err)
		return ""
	case !taken:
		return ""
	}
	if holder := socket.Holder(int(p.Port)); holder != "" && protocol == "tcp" {
		return holder
	}
	return "another program"
}

func (b *balancer) publish(ctx context.Context, s *corev1.Service, want []corev1.LoadBalancerIngress) bool {
	if equality.Semantic.DeepEqual(s.Status.LoadBalancer.Ingress, want) {
		return true
	}
	s = s.DeepCopy()
	s.Status.LoadBalancer.Ingress = want
	_, err := b.env.Client.CoreV1().Services(s.Namespace).UpdateStatus(ctx, s, metav1.UpdateOptions{FieldManager: "garboard"})
	if err != nil {
		b.env.Log.Debug("service status", "service", s.Namespace+"/"+s.Name, "error", err)
	}
	return err == nil
}

// address is the machine's; where it listens on loopback it is the one that
// pods reach it by, which is this machine's own too: kube-proxy does not serve
// addresses of the loopback interface.
func (b *balancer) address() string {
	address := machineAddress(b.env)
	if a, err := netip.ParseAddr(address); err == nil && a.IsLoopback() {
		return b.env.NodeIP
	}
	return address
}
