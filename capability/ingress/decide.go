package ingress

import (
	"cmp"
	"crypto/tls"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Input is all that a table depends on.
type Input struct {
	Now         time.Time // against which certificates are judged
	Ingresses   []*networkingv1.Ingress
	Classes     []*networkingv1.IngressClass
	Service     func(namespace, name string) *corev1.Service // nil where there is none
	Slices      func(namespace, service string) []*discoveryv1.EndpointSlice
	Certificate func(namespace, secret string) (*tls.Certificate, error) // with its Leaf
	// Ending says whether the pod at an address is being deleted, which its
	// EndpointSlice may not say yet. It may be nil.
	Ending func(address string) bool
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
	b := builder{Input: in, table: &Table{Hosts: map[string]*Host{}, Ending: in.Ending}, backends: map[string]*Backend{}}
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
// exact one before a prefix of the same length. A prefix's slash at the end
// does not count; a default backend comes last.
func precedence(a, b Route) int {
	return cmp.Or(
		first(b.Fallback, a.Fallback),
		cmp.Compare(len(b.key()), len(a.key())),
		first(a.Exact, b.Exact),
	)
}

// first is negative where only a holds, and positive where only b does.
func first(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

// key is the path as it is compared with other rules' paths.
func (r *Route) key() string {
	if r.Exact {
		return r.Path
	}
	return strings.TrimSuffix(r.Path, "/")
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
	model := Route{Redirect: b.redirects(i)}
	var hosts []string
	for _, rule := range i.Spec.Rules {
		if !slices.Contains(hosts, rule.Host) {
			hosts = append(hosts, rule.Host)
		}
		if rule.HTTP == nil {
			continue
		}
		for _, p := range rule.HTTP.Paths {
			r := model
			r.Path, r.Exact = cmp.Or(p.Path, "/"), p.PathType != nil && *p.PathType == networkingv1.PathTypeExact
			b.route(i, rule.Host, r, p.Backend)
		}
	}
	if i.Spec.DefaultBackend != nil {
		b.fallback(i, hosts, model)
	}
	for _, t := range i.Spec.TLS {
		b.certificate(i, t, hosts)
	}
}

// redirects says whether HTTP is sent to HTTPS.
func (b *builder) redirects(i *networkingv1.Ingress) bool {
	switch v := i.Annotations[AnnotationRedirect]; v {
	case "true":
		return true
	case "", "false":
	default:
		b.problem(i, "%s is %q: write true or false", AnnotationRedirect, v)
	}
	return false
}

// fallback sends what no path of the Ingress's own hosts takes to its default
// backend. The oldest default backend also has the hosts that nobody names.
func (b *builder) fallback(i *networkingv1.Ingress, hosts []string, r Route) {
	r.Path, r.Fallback = "/", true
	for _, h := range hosts {
		if h != "" {
			b.route(i, h, r, *i.Spec.DefaultBackend)
		}
	}
	everyone := b.table.Hosts[""]
	taken := everyone != nil && slices.ContainsFunc(everyone.Routes, func(o Route) bool { return o.Fallback })
	if len(hosts) == 0 || !taken {
		b.route(i, "", r, *i.Spec.DefaultBackend)
	}
}

func (b *builder) route(i *networkingv1.Ingress, host string, r Route, to networkingv1.IngressBackend) {
	if to.Service == nil {
		b.problem(i, "%s%s: a backend that is a resource is not served; name a service", host, r.Path)
		return
	}
	h := b.host(host)
	same := func(o Route) bool {
		return o.key() == r.key() && o.Exact == r.Exact && o.Fallback == r.Fallback
	}
	if slices.ContainsFunc(h.Routes, same) {
		b.problem(i, "%s%s is taken by an older rule: it keeps serving that one", host, r.Path)
		return
	}
	backend, err := b.backend(i.Namespace, to.Service)
	if err != nil {
		b.problem(i, "%s%s: %v", host, r.Path, err)
	}
	r.Backend = backend
	h.Routes = append(h.Routes, r)
}

// certificate gives the hosts of t the secret's certificate. Where there is none
// that can be used they get one of the platform's own authority, which is said.
func (b *builder) certificate(i *networkingv1.Ingress, t networkingv1.IngressTLS, hosts []string) {
	if len(t.Hosts) > 0 {
		hosts = t.Hosts
	}
	var pair *tls.Certificate
	if t.SecretName != "" {
		var err error
		if pair, err = b.Certificate(i.Namespace, t.SecretName); err != nil {
			b.problem(i, "%v: a certificate of the platform's own authority is served", err)
		} else {
			b.judge(i, t.SecretName, pair, hosts)
		}
	}
	for _, name := range hosts {
		h := b.host(name)
		h.TLS = true
		if h.Certificate == nil {
			h.Certificate = pair
		}
	}
}

// judge says what clients will object to in a certificate that is served nevertheless.
func (b *builder) judge(i *networkingv1.Ingress, secret string, pair *tls.Certificate, hosts []string) {
	if b.Now.After(pair.Leaf.NotAfter) {
		b.problem(i, "the certificate in secret %s/%s ended on %s: clients will refuse it", i.Namespace, secret, pair.Leaf.NotAfter.Format(time.DateOnly))
	}
	for _, h := range hosts {
		name := h
		if rest, wild := strings.CutPrefix(h, "*."); wild {
			name = "any." + rest
		}
		if h != "" && pair.Leaf.VerifyHostname(name) != nil {
			b.problem(i, "the certificate in secret %s/%s is not for %s: clients will refuse it", i.Namespace, secret, h)
		}
	}
}

// Find returns the entry with routes that serves host: that of the exact name,
// of the wildcard one level up, or of any host.
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
	prefix := r.key()
	return strings.HasPrefix(path, prefix) && (len(path) == len(prefix) || path[len(prefix)] == '/')
}
