package ingress_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"garboard.dev/garboard/capability/ingress"
)

var (
	exact  = networkingv1.PathTypeExact
	prefix = networkingv1.PathTypePrefix
)

var now = time.Unix(1_000_000, 0)

// certificates are in secrets of their names; "ended" is also for another host.
var certificates = map[string]*tls.Certificate{
	"good":  {Leaf: &x509.Certificate{DNSNames: []string{"a.example.org"}, NotAfter: now.Add(time.Hour)}},
	"ended": {Leaf: &x509.Certificate{DNSNames: []string{"*.example.com"}, NotAfter: time.Unix(86400, 0).UTC()}},
}

// match is what a request for host and path comes to, nil for nothing.
func match(t *ingress.Table, host, path string) *ingress.Route {
	h := t.Find(host)
	if h == nil {
		return nil
	}
	return h.Match(path)
}

type path struct {
	host, path string
	kind       *networkingv1.PathType
	service    string
}

func rules(name string, age int, paths ...path) *networkingv1.Ingress {
	i := &networkingv1.Ingress{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, CreationTimestamp: metav1.NewTime(time.Unix(int64(1000-age), 0))}}
	for _, p := range paths {
		i.Spec.Rules = append(i.Spec.Rules, networkingv1.IngressRule{Host: p.host, IngressRuleValue: networkingv1.IngressRuleValue{HTTP: &networkingv1.HTTPIngressRuleValue{
			Paths: []networkingv1.HTTPIngressPath{{Path: p.path, PathType: p.kind, Backend: networkingv1.IngressBackend{
				Service: &networkingv1.IngressServiceBackend{Name: p.service, Port: networkingv1.ServiceBackendPort{Number: 80}}}}},
		}}})
	}
	return i
}

// build makes the table where every service but "missing" has one endpoint.
func build(ingresses ...*networkingv1.Ingress) *ingress.Table {
	return ingress.Build(ingress.Input{
		Ingresses: ingresses, Classes: []*networkingv1.IngressClass{ingress.Class()},
		Service: func(namespace, name string) *corev1.Service {
			if name == "missing" {
				return nil
			}
			return &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80}}}}
		},
		Slices: func(string, string) []*discoveryv1.EndpointSlice {
			return []*discoveryv1.EndpointSlice{slice(true, true, false)}
		},
		Now: now,
		Certificate: func(_, name string) (*tls.Certificate, error) {
			if certificate := certificates[name]; certificate != nil {
				return certificate, nil
			}
			return nil, errors.New("there is no secret " + name)
		},
	})
}

func slice(ready, serving, terminating bool) *discoveryv1.EndpointSlice {
	port, name := int32(8080), ""
	return &discoveryv1.EndpointSlice{
		Ports:     []discoveryv1.EndpointPort{{Name: &name, Port: &port}},
		Endpoints: []discoveryv1.Endpoint{{Addresses: []string{"10.0.0.1"}, Conditions: discoveryv1.EndpointConditions{Ready: &ready, Serving: &serving, Terminating: &terminating}}},
	}
}

// The examples of "Path matching" and "Multiple matches" in Kubernetes' documentation of Ingress.
func TestPathMatching(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind    *networkingv1.PathType
		paths   []string
		request string
		want    string // the path of the rule, "" for none
	}{
		{&prefix, []string{"/"}, "/any", "/"},
		{&exact, []string{"/foo"}, "/foo", "/foo"},
		{&exact, []string{"/foo"}, "/bar", ""},
		{&exact, []string{"/foo"}, "/foo/", ""},
		{&exact, []string{"/foo/"}, "/foo", ""},
		{&prefix, []string{"/foo"}, "/foo", "/foo"},
		{&prefix, []string{"/foo"}, "/foo/", "/foo"},
		{&prefix, []string{"/foo/"}, "/foo", "/foo/"},
		{&prefix, []string{"/aaa/bb"}, "/aaa/bbb", ""},
		{&prefix, []string{"/aaa/bbb"}, "/aaa/bbb/ccc", "/aaa/bbb"},
		{&prefix, []string{"/aaa/bbb"}, "/aaa/bbbxyz", ""},
		{&prefix, []string{"/", "/aaa"}, "/aaa/ccc", "/aaa"},
		{nil, []string{"/aaa"}, "/aaa/ccc", "/aaa"}, // ImplementationSpecific is as Prefix
		{&prefix, []string{"/", "/aaa", "/aaa/bbb"}, "/aaa/bbb", "/aaa/bbb"},
		{&prefix, []string{"/", "/aaa", "/aaa/bbb"}, "/ccc", "/"},
	} {
		var paths []path
		for _, p := range c.paths {
			paths = append(paths, path{"h", p, c.kind, "web"})
		}
		route := match(build(rules("a", 1, paths...)), "h", c.request)
		got := ""
		if route != nil {
			got = route.Path
		}
		if got != c.want {
			t.Errorf("%v for %s: %q, want %q", c.paths, c.request, got, c.want)
		}
	}
}

func TestExactBeforePrefix(t *testing.T) {
	t.Parallel()
	table := build(rules("a", 1, path{"h", "/foo", &prefix, "one"}, path{"h", "/foo", &exact, "two"}))
	if got := match(table, "h", "/foo").Backend.Name; got != "shop/two:80" {
		t.Errorf("got %s, want the exact path's backend", got)
	}
}

// "Hostname wildcards" in Kubernetes' documentation of Ingress.
func TestHosts(t *testing.T) {
	t.Parallel()
	table := build(rules("a", 1, path{"*.foo.com", "/", &prefix, "wild"}, path{"bar.foo.com", "/", &prefix, "exact"}, path{"", "/", &prefix, "any"}))
	for host, want := range map[string]string{
		"bar.foo.com": "exact", "other.foo.com": "wild", "baz.bar.foo.com": "any", "foo.com": "any",
	} {
		if got := match(table, host, "/").Backend.Name; got != "shop/"+want+":80" {
			t.Errorf("%s goes to %s, want %s", host, got, want)
		}
	}
}

func TestOlderIngressWins(t *testing.T) {
	t.Parallel()
	table := build(rules("new", 1, path{"h", "/", &prefix, "new"}), rules("old", 2, path{"h", "/", &prefix, "old"}))
	if got := match(table, "h", "/").Backend.Name; got != "shop/old:80" {
		t.Errorf("got %s", got)
	}
	if len(table.Problems) != 1 || table.Problems[0].Name != "new" {
		t.Errorf("problems %v, want one of the newer Ingress", table.Problems)
	}
}

func TestMissingServiceAnswers503(t *testing.T) {
	t.Parallel()
	table := build(rules("a", 1, path{"h", "/", &prefix, "missing"}))
	if r := match(table, "h", "/"); r == nil || len(r.Backend.Endpoints) != 0 || len(table.Problems) != 1 {
		t.Errorf("route %v, problems %v", r, table.Problems)
	}
}

func TestClassOfAnotherController(t *testing.T) {
	t.Parallel()
	other := "nginx"
	i := rules("a", 1, path{"h", "/", &prefix, "web"})
	i.Spec.IngressClassName = &other
	if table := build(i); len(table.Hosts) != 0 || len(table.Accepted) != 0 {
		t.Errorf("served %v", table.Hosts)
	}
}

func TestEndpointsThatEnd(t *testing.T) {
	t.Parallel()
	address := netip.MustParseAddrPort("10.0.0.1:8080")
	for _, c := range []struct {
		ready, serving, terminating, want bool
	}{
		{true, true, false, true},
		{false, true, true, true}, // nobody else is there, and it still answers
		{false, false, true, false},
		{false, true, false, false},
	} {
		table := ingress.Build(ingress.Input{
			Ingresses: []*networkingv1.Ingress{rules("a", 1, path{"h", "/", &prefix, "web"})}, Classes: []*networkingv1.IngressClass{ingress.Class()},
			Service: func(string, string) *corev1.Service {
				return &corev1.Service{Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80}}}}
			},
			Slices: func(string, string) []*discoveryv1.EndpointSlice {
				return []*discoveryv1.EndpointSlice{slice(c.ready, c.serving, c.terminating)}
			},
		})
		got := fmt.Sprint(match(table, "h", "/").Backend.Endpoints)
		if want := fmt.Sprint([]netip.AddrPort{address}); (got == want) != c.want {
			t.Errorf("%+v: endpoints %s", c, got)
		}
	}
}

// A pod that is being deleted is left at once, whatever its EndpointSlice says,
// as long as another one is there.
func TestPodsThatAreDeleted(t *testing.T) {
	t.Parallel()
	two := slice(true, true, false)
	two.Endpoints = append(two.Endpoints, discoveryv1.Endpoint{Addresses: []string{"10.0.0.2"}, Conditions: discoveryv1.EndpointConditions{Ready: new(true)}})
	for deleted, want := range map[string]string{
		"":                  "[10.0.0.1:8080 10.0.0.2:8080]",
		"10.0.0.1":          "[10.0.0.2:8080]",
		"10.0.0.1 10.0.0.2": "[10.0.0.1:8080 10.0.0.2:8080]",
	} {
		table := ingress.Build(ingress.Input{
			Ingresses: []*networkingv1.Ingress{rules("a", 1, path{"h", "/", &prefix, "web"})}, Classes: []*networkingv1.IngressClass{ingress.Class()},
			Service: func(string, string) *corev1.Service {
				return &corev1.Service{Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80}}}}
			},
			Slices: func(string, string) []*discoveryv1.EndpointSlice { return []*discoveryv1.EndpointSlice{two} },
			Ending: func(address string) bool { return slices.Contains(strings.Fields(deleted), address) },
		})
		if got := fmt.Sprint(match(table, "h", "/").Backend.Endpoints); got != want {
			t.Errorf("deleted %q: endpoints %s, want %s", deleted, got, want)
		}
	}
}

func TestShare(t *testing.T) {
	t.Parallel()
	service := func(name string, age int, port int32) *corev1.Service {
		return &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: name, CreationTimestamp: metav1.NewTime(time.Unix(int64(1000-age), 0))},
			Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer, Ports: []corev1.ServicePort{{Port: port}}}}
	}
	old, young, apart, reserved := service("old", 2, 80), service("young", 1, 80), service("apart", 1, 81), service("reserved", 3, 6443)
	other := service("other", 3, 80)
	other.Spec.LoadBalancerClass = new("example.org/lb")
	inner := service("inner", 3, 80)
	inner.Spec.Type = corev1.ServiceTypeClusterIP
	busy := func(_ *corev1.Service, p corev1.ServicePort) string {
		if p.Port == 6443 {
			return "the API server"
		}
		return ""
	}
	granted, refused := ingress.Share([]*corev1.Service{young, apart, old, reserved, other, inner}, busy)
	if len(granted) != 2 || granted[0] != old || granted[1] != apart || len(refused) != 2 {
		t.Errorf("granted %v, refused %v", granted, refused)
	}
	if !strings.Contains(refused[young], "/old") || !strings.Contains(refused[reserved], "the API server") {
		t.Errorf("refused %v", refused)
	}
}

// TestFallback has an Ingress with rules and a default backend, and an older one
// that is all default backend.
func TestFallback(t *testing.T) {
	t.Parallel()
	all := &networkingv1.Ingress{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "all", CreationTimestamp: metav1.NewTime(time.Unix(1, 0))}}
	all.Spec.DefaultBackend = &networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: "all", Port: networkingv1.ServiceBackendPort{Number: 80}}}
	some := rules("some", 1, path{"h", "/a", &prefix, "a"}, path{"g", "/", &prefix, "g"})
	some.Spec.DefaultBackend = &networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: "rest", Port: networkingv1.ServiceBackendPort{Number: 80}}}
	table := build(some, all)
	for _, c := range []struct{ host, path, want string }{
		{"h", "/a/b", "a"}, {"h", "/c", "rest"}, {"g", "/c", "g"}, {"elsewhere", "/", "all"},
	} {
		if got := match(table, c.host, c.path); got == nil || got.Backend.Name != "shop/"+c.want+":80" {
			t.Errorf("%s%s goes to %+v, want %s", c.host, c.path, got, c.want)
		}
	}
	if len(table.Problems) != 0 {
		t.Errorf("problems %v", table.Problems)
	}
}

func TestRedirectAnnotation(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]struct {
		redirect bool
		problems int
	}{"true": {true, 0}, "false": {false, 0}, "yes": {false, 1}} {
		i := rules("a", 1, path{"h", "/", &prefix, "web"})
		i.Annotations = map[string]string{ingress.AnnotationRedirect: value}
		table := build(i)
		if r := match(table, "h", "/"); r.Redirect != want.redirect || len(table.Problems) != want.problems {
			t.Errorf("%s: redirect %v, problems %v", value, r.Redirect, table.Problems)
		}
	}
}

func TestCertificates(t *testing.T) {
	t.Parallel()
	i := rules("a", 1, path{"a.example.org", "/", &prefix, "web"}, path{"*.example.net", "/", &prefix, "web"})
	i.Spec.TLS = []networkingv1.IngressTLS{
		{Hosts: []string{"a.example.org"}, SecretName: "good"}, {Hosts: []string{"b.example.org"}, SecretName: "missing"},
		{Hosts: []string{"*.example.net"}, SecretName: "ended"}, {Hosts: []string{"c.example.org"}},
	}
	table := build(i)
	for host, want := range map[string]*tls.Certificate{"a.example.org": certificates["good"], "b.example.org": nil, "*.example.net": certificates["ended"], "c.example.org": nil} {
		if h := table.Hosts[host]; h == nil || h.Certificate != want {
			t.Errorf("%s: %+v", host, h)
		}
	}
	if h := table.Find("b.example.org"); h != nil {
		t.Errorf("a name with a certificate alone has routes: %+v", h)
	}
	var reasons []string
	for _, p := range table.Problems {
		reasons = append(reasons, p.Reason)
	}
	if all := strings.Join(reasons, "; "); len(reasons) != 3 || !strings.Contains(all, "missing") || !strings.Contains(all, "ended on 1970-01-02") || !strings.Contains(all, "not for *.example.net") {
		t.Errorf("problems: %s", all)
	}
}
