package ingress

import (
	"cmp"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// BalancerClass is the loadBalancerClass that may be named for this machine's
// addresses; a service that names none is served too.
const BalancerClass = "garboard.dev/machine"

// Share gives each LoadBalancer service the machine's address, as long as no
// older one and nothing else on the machine has one of its ports; busy names
// what has, or returns "". Share returns the services that have the address,
// the older first, and why the others do not. Services that are not ours to
// serve are in neither.
func Share(services []*corev1.Service, busy func(*corev1.Service, corev1.ServicePort) string) (granted []*corev1.Service, refused map[*corev1.Service]string) {
	refused = map[*corev1.Service]string{}
	wanting := slices.DeleteFunc(slices.Clone(services), func(s *corev1.Service) bool {
		return s.Spec.Type != corev1.ServiceTypeLoadBalancer || s.DeletionTimestamp != nil ||
			s.Spec.LoadBalancerClass != nil && *s.Spec.LoadBalancerClass != BalancerClass
	})
	slices.SortFunc(wanting, func(a, b *corev1.Service) int {
		return cmp.Or(a.CreationTimestamp.Time.Compare(b.CreationTimestamp.Time), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	taken := map[string]*corev1.Service{}
	for _, s := range wanting {
		if why := clash(s, taken, busy); why != "" {
			refused[s] = why
			continue
		}
		for _, p := range s.Spec.Ports {
			taken[PortKey(p)] = s
		}
		granted = append(granted, s)
	}
	return granted, refused
}

func clash(s *corev1.Service, taken map[string]*corev1.Service, busy func(*corev1.Service, corev1.ServicePort) string) string {
	for _, p := range s.Spec.Ports {
		holder := ""
		if other := taken[PortKey(p)]; other != nil {
			holder = fmt.Sprintf("the older service %s/%s", other.Namespace, other.Name)
		} else {
			holder = busy(s, p)
		}
		if holder != "" {
			return fmt.Sprintf("port %s of this machine belongs to %s: use another port, or an Ingress", PortKey(p), holder)
		}
	}
	return ""
}

// PortKey names a port with its protocol, as "80/TCP".
func PortKey(p corev1.ServicePort) string {
	return fmt.Sprintf("%d/%s", p.Port, cmp.Or(p.Protocol, corev1.ProtocolTCP))
}
