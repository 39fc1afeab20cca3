package ingress

import (
	"fmt"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// backend finds the service's port. A backend that cannot be found still stands
// in the table, without endpoints, so that its path answers 503 and not 404.
func (b *builder) backend(namespace string, to *networkingv1.IngressServiceBackend) (*Backend, error) {
	want := to.Port.Name
	if want == "" {
		want = fmt.Sprint(to.Port.Number)
	}
	name := fmt.Sprintf("%s/%s:%s", namespace, to.Name, want)
	if known := b.backends[name]; known != nil {
		return known, nil
	}
	out := &Backend{Name: name}
	b.backends[name] = out
	service := b.Service(namespace, to.Name)
	if service == nil {
		return out, fmt.Errorf("there is no service %s/%s", namespace, to.Name)
	}
	if service.Spec.Type == corev1.ServiceTypeExternalName {
		return out, fmt.Errorf("service %s/%s is of type ExternalName: traffic is sent to pods only", namespace, to.Name)
	}
	at := slices.IndexFunc(service.Spec.Ports, func(p corev1.ServicePort) bool {
		return to.Port.Name != "" && p.Name == to.Port.Name || to.Port.Name == "" && p.Port == to.Port.Number
	})
	if at < 0 {
		return out, fmt.Errorf("service %s/%s has no port %s", namespace, to.Name, want)
	}
	port := service.Spec.Ports[at]
	if port.AppProtocol != nil {
		switch *port.AppProtocol {
		case "kubernetes.io/h2c", "grpc":
			out.H2C = true
		case "https", "HTTPS", "kubernetes.io/wss":
			out.TLS = true
		}
	}
	out.Endpoints = b.endpoints(b.Slices(namespace, to.Name), port)
	return out, nil
}

// endpoints lists the addresses that answer for port: the ready ones, or where
// none is ready those that still serve while they end.
func (b *builder) endpoints(all []*discoveryv1.EndpointSlice, port corev1.ServicePort) []netip.AddrPort {
	var ready, ending []netip.AddrPort
	for _, s := range all {
		number, ok := slicePort(s, port)
		if !ok {
			continue
		}
		for _, e := range s.Endpoints {
			for _, a := range e.Addresses {
				ip, err := netip.ParseAddr(a)
				switch {
				case err != nil:
				case b.Ending != nil && b.Ending(a):
					ending = append(ending, netip.AddrPortFrom(ip, number))
				case e.Conditions.Ready == nil || *e.Conditions.Ready:
					ready = append(ready, netip.AddrPortFrom(ip, number))
				case isTrue(e.Conditions.Serving) && isTrue(e.Conditions.Terminating):
					ending = append(ending, netip.AddrPortFrom(ip, number))
				}
			}
		}
	}
	if len(ready) == 0 {
		ready = ending
	}
	slices.SortFunc(ready, netip.AddrPort.Compare)
	return slices.Compact(ready)
}

func isTrue(b *bool) bool { return b != nil && *b }

func slicePort(s *discoveryv1.EndpointSlice, port corev1.ServicePort) (uint16, bool) {
	for _, p := range s.Ports {
		named := p.Name != nil && *p.Name == port.Name || p.Name == nil && port.Name == ""
		if named && p.Port != nil {
			return uint16(*p.Port), true
		}
	}
	// A slice written by hand may not name its only port.
	if len(s.Ports) == 1 && s.Ports[0].Port != nil && port.TargetPort.Type == intstr.Int && port.TargetPort.IntVal == *s.Ports[0].Port {
		return uint16(*s.Ports[0].Port), true
	}
	return 0, false
}
