package ingress

import (
	"cmp"
	"crypto/tls"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Input is all that a table depends on.
type Input struct {
	Ingresses []*networkingv1.Ingress
	Classes   []*networkingv1.IngressClass
	Service   func(namespace, name string) *corev1.Service // nil where there is none
	Slices    func(namespace, service string) []*discoveryv1.EndpointSlice
	Secret    func(namespace, name string) *corev1.Secret
}

// Class is the IngressClass of this controller; it is the cluster's default.
func Class() *networkingv1.IngressClass {
	return &networkingv1.IngressClass{
		ObjectMeta: metav1.ObjectMeta{Name: ClassName, Labels: map[string]string{"app.kubernetes.io/managed-by": "garboard"}, Annotations: map[string]string{annotationDefaultClass: "true"}},
		Spec:       networkingv1.IngressClassSpec{Controller: Controller},
	}
}

// Build makes the table. Where two Ingresses claim the same host and path the
// older one has it, by the time they were made and then by name.
func Build(in Input) *Table {
	b := builder{Input: in, table: &Table{Hosts: map[string]*Host{}}, backends: map[string]*Backend{}}
	ours := slices.DeleteFunc(slices.Clone(in.Ingresses), func(i *networkingv1.Ingress) bool { return !b.isOurs(i) })
	slices.SortFunc(ours, func(a, c *networkingv1.Ingress) int {
		return cmp.Or(a.CreationTimestamp.Time.Compare(c.CreationTimestamp.Time), cmp.Compare(a.Namespace, c.Namespace), cmp.Compare(a.Name, c.Name))
	})
	for _, i := range ours {
		b.add(i)
		b.table.Accepted = append(b.table.Accepted, Object{i.Namespace, i.Name})
	}
	for _, h := range b.table.Hosts {
		slices.SortStableFunc(h.Routes, precedence)
	}
	return b.table
}

// precedence is that of networking.k8s.io/v1: the longest path first, and an
// exact one before a prefix of the same length.
func precedence(a, b Route) int {
	if n := cmp.Compare(len(b.Path), len(a.Path)); n != 0 {
		return n
	}
	switch {
	case a.Exact == b.Exact:
		return 0
	case a.Exact:
		return -1
	}
	return 1
}

type builder struct {
	Input
	table    *Table
	backends map[string]*Backend
}

func (b *builder) isOurs(i *networkingv1.Ingress) bool {
	if i.DeletionTimestamp != nil {
		return false
	}
	name := i.Annotations[annotationLegacyClass]
	if i.Spec.IngressClassName != nil {
		name = *i.Spec.IngressClassName
	}
	for _, c := range b.Classes {
		if c.Spec.Controller == Controller && (c.Name == name || name == "" && c.Annotations[annotationDefaultClass] == "true") {
			return true
		}
	}
	return false
}

func (b *builder) problem(i *networkingv1.Ingress, format string, args ...any) {
	b.table.Problems = append(b.table.Problems, Problem{Object{i.Namespace, i.Name}, fmt.Sprintf(format, args...)})
}

func (b *builder) host(name string) *Host {
	name = strings.ToLower(name)
	if b.table.Hosts[name] == nil {
		b.table.Hosts[name] = &Host{}
	}
	return b.table.Hosts[name]
}

func (b *builder) add(i *networkingv1.Ingress) {
	redirect := i.Annotations[AnnotationRedirect] == "true"
	if i.Spec.DefaultBackend != nil {
		b.route(i, "", Route{Path: "/", Redirect: redirect}, *i.Spec.DefaultBackend)
	}
	for _, rule := range i.Spec.Rules {
		if rule.HTTP == nil {
			continue
		}
		for _, p := range rule.HTTP.Paths {
			r := Route{Path: p.Path, Redirect: redirect, Exact: p.PathType != nil && *p.PathType == networkingv1.PathTypeExact}
			if r.Path == "" {
				r.Path = "/"
			}
			b.route(i, rule.Host, r, p.Backend)
		}
	}
	for _, t := range i.Spec.TLS {
		b.certificate(i, t)
	}
}

func (b *builder) route(i *networkingv1.Ingress, host string, r Route, to networkingv1.IngressBackend) {
	if to.Service == nil {
		b.problem(i, "%s%s: a backend that is a resource is not served; name a service", host, r.Path)
		return
	}
	h := b.host(host)
	if slices.ContainsFunc(h.Routes, func(o Route) bool { return o.Path == r.Path && o.Exact == r.Exact }) {
		b.problem(i, "%s%s is served by an older Ingress already", host, r.Path)
		return
	}
	backend, err := b.backend(i.Namespace, to.Service)
	if err != nil {
		b.problem(i, "%s%s: %v", host, r.Path, err)
	}
	r.Backend = backend
	h.Routes = append(h.Routes, r)
}

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
	at := slices.IndexFunc(service.Spec.Ports, func(p corev1.ServicePort) bool {
		return to.Port.Name != "" && p.Name == to.Port.Name || to.Port.Name == "" && p.Port == to.Port.Number
	})
	if at < 0 {
		return out, fmt.Errorf("service %s/%s has no port %s", namespace, to.Name, want)
	}
	port := service.Spec.Ports[at]
	if port.AppProtocol != nil {
		out.H2C = *port.AppProtocol == "kubernetes.io/h2c" || *port.AppProtocol == "grpc"
		out.TLS = *port.AppProtocol == "https"
	}
	out.Endpoints = endpoints(b.Slices(namespace, to.Name), port)
	return out, nil
}

// endpoints lists the addresses that answer for port: the ready ones, or where
// none is ready those that still serve while they end.
func endpoints(all []*discoveryv1.EndpointSlice, port corev1.ServicePort) []netip.AddrPort {
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
				case e.Conditions.Ready == nil || *e.Conditions.Ready:
					ready = append(ready, netip.AddrPortFrom(ip, number))
				case e.Conditions.Serving != nil && *e.Conditions.Serving && e.Conditions.Terminating != nil && *e.Conditions.Terminating:
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

// certificate gives the hosts of t the secret's certificate. Where there is none
// that can be used they get one of the platform's own authority, which is said.
func (b *builder) certificate(i *networkingv1.Ingress, t networkingv1.IngressTLS) {
	var pair *tls.Certificate
	if t.SecretName != "" {
		secret := b.Secret(i.Namespace, t.SecretName)
		if secret == nil {
			b.problem(i, "there is no secret %s/%s: a certificate of the platform's own authority is served", i.Namespace, t.SecretName)
		} else if p, err := tls.X509KeyPair(secret.Data[corev1.TLSCertKey], secret.Data[corev1.TLSPrivateKeyKey]); err != nil {
			b.problem(i, "secret %s/%s cannot be used (%v): a certificate of the platform's own authority is served", i.Namespace, t.SecretName, err)
		} else {
			pair = &p
		}
	}
	for _, name := range t.Hosts {
		h := b.host(name)
		h.TLS = true
		if h.Certificate == nil {
			h.Certificate = pair
		}
	}
}

// Find returns the host's entry: the exact name, then the wildcard one level
// up, then the entry for any host.
func (t *Table) Find(host string) *Host {
	if h := t.Hosts[host]; h != nil && len(h.Routes) > 0 {
		return h
	}
	if _, parent, ok := strings.Cut(host, "."); ok {
		if h := t.Hosts["*."+parent]; h != nil && len(h.Routes) > 0 {
			return h
		}
	}
	return t.Hosts[""]
}

// Match returns the first route for path, nil where there is none.
func (h *Host) Match(path string) *Route {
	for i := range h.Routes {
		if r := &h.Routes[i]; r.matches(path) {
			return r
		}
	}
	return nil
}

// matches compares a prefix element by element: "/a" matches "/a" and "/a/b",
// not "/ab". A slash at the end of the prefix does not count.
func (r *Route) matches(path string) bool {
	if r.Exact {
		return path == r.Path
	}
	prefix := strings.TrimSuffix(r.Path, "/")
	return strings.HasPrefix(path, prefix) && (len(path) == len(prefix) || path[len(prefix)] == '/')
}
