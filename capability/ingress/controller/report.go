package controller

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"garboard.dev/garboard/capability/ingress"
)

// report writes the address into the status of what is served, and an event for
// what is not. Neither may hold up serving: a failure is logged and tried again
// with the next table.
func (c *controller) report(ctx context.Context, table *ingress.Table) {
	for _, o := range table.Accepted {
		i, err := c.ingresses.Ingresses(o.Namespace).Get(o.Name)
		if err != nil || hasAddress(i, c.address()) {
			continue
		}
		i = i.DeepCopy()
		i.Status.LoadBalancer.Ingress = []networkingv1.IngressLoadBalancerIngress{{IP: c.address()}}
		if _, err := c.env.Client.NetworkingV1().Ingresses(o.Namespace).UpdateStatus(ctx, i, metav1.UpdateOptions{FieldManager: "garboard"}); err != nil {
			c.env.Log.Debug("ingress status", "ingress", o, "error", err)
		}
	}
	now := map[ingress.Problem]bool{}
	for _, p := range table.Problems {
		now[p] = true
		if c.reported[p] {
			continue
		}
		if i, err := c.ingresses.Ingresses(p.Namespace).Get(p.Name); err == nil {
			c.events.Event(i, corev1.EventTypeWarning, "NotServed", p.Reason)
		}
	}
	c.reported = now
}

func hasAddress(i *networkingv1.Ingress, address string) bool {
	have := i.Status.LoadBalancer.Ingress
	return len(have) == 1 && have[0].IP == address
}

// address is where clients reach the proxy.
func (c *controller) address() string {
	if c.env.Listen == "0.0.0.0" {
		return c.env.NodeIP
	}
	return c.env.Listen
}
