package controller

import (
	"context"
	"net/netip"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	networkinglisters "k8s.io/client-go/listers/networking/v1"
	"k8s.io/client-go/tools/record"

	"garboard.dev/garboard/capability/ingress"
	"garboard.dev/garboard/host/socket"
	"garboard.dev/garboard/loop"
)

// notServed is the error in the status of an Ingress that is not served as it
// is written; its events say what is wrong.
const notServed = "garboard.dev/NotServed"

// reporter writes into the cluster what the table says.
type reporter struct {
	env       loop.Env
	ingresses networkinglisters.IngressLister
	events    record.EventRecorder
	told      map[ingress.Problem]bool
}

// report writes the address into the status of what is served, and an event for
// what is not. Neither may hold up serving: false means that it should be tried
// again.
func (r *reporter) report(ctx context.Context, table *ingress.Table) bool {
	faulty := map[ingress.Object]bool{}
	now := map[ingress.Problem]bool{}
	for _, p := range table.Problems {
		faulty[p.Object], now[p] = true, true
		if r.told[p] {
			continue
		}
		if i, err := r.ingresses.Ingresses(p.Namespace).Get(p.Name); err == nil {
			r.events.Event(i, corev1.EventTypeWarning, "NotServed", p.Reason)
		}
	}
	r.told = now
	address, all := machineAddress(r.env), true
	for _, o := range table.Accepted {
		i, err := r.ingresses.Ingresses(o.Namespace).Get(o.Name)
		if err != nil {
			continue // it has gone meanwhile
		}
		if err := r.publish(ctx, i, statusOf(address, faulty[o])); err != nil {
			r.env.Log.Debug("ingress status", "ingress", o, "error", err)
			all = false
		}
	}
	return all
}

func statusOf(address string, faulty bool) []networkingv1.IngressLoadBalancerIngress {
	out := networkingv1.IngressLoadBalancerIngress{IP: address}
	if faulty {
		reason := notServed
		out.Ports = []networkingv1.IngressPortStatus{{Port: 80, Protocol: corev1.ProtocolTCP, Error: &reason}}
	}
	return []networkingv1.IngressLoadBalancerIngress{out}
}

func (r *reporter) publish(ctx context.Context, i *networkingv1.Ingress, want []networkingv1.IngressLoadBalancerIngress) error {
	if equality.Semantic.DeepEqual(i.Status.LoadBalancer.Ingress, want) {
		return nil
	}
	i = i.DeepCopy()
	i.Status.LoadBalancer.Ingress = want
	_, err := r.env.Client.NetworkingV1().Ingresses(i.Namespace).UpdateStatus(ctx, i, metav1.UpdateOptions{FieldManager: "garboard"})
	return err
}

// machineAddress is where clients reach the proxy: where it listens, or where it
// listens on every address the one that other machines use.
func machineAddress(env loop.Env) string {
	if a, err := netip.ParseAddr(env.Listen); err != nil || !a.IsUnspecified() {
		return env.Listen
	}
	if a, ok := socket.Outward(); ok {
		return a.String()
	}
	return env.NodeIP
}
