package controller

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/fake"

	"garboard.dev/garboard/capability/platform"
	"garboard.dev/garboard/capability/platform/pki"
	"garboard.dev/garboard/fault"
	"garboard.dev/garboard/loop"
	"garboard.dev/garboard/test/cluster"
)

func TestMain(m *testing.M) { os.Exit(cluster.Main(m, cluster.Options{})) }

// edge is a running ingress.
type edge struct {
	settings platform.Settings
	roots    *x509.CertPool // the platform's authority alone
}

// start runs both controllers against client on free ports of loopback.
func start(t *testing.T, client kubernetes.Interface) *edge {
	t.Helper()
	state := t.TempDir()
	layout := platform.LayoutOf(state)
	e := &edge{settings: platform.DefaultSettings(), roots: x509.NewCertPool()}
	e.settings.HTTPPort, e.settings.HTTPSPort = freePort(t), freePort(t)
	text, err := json.Marshal(e.settings)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(layout.SettingsFile(), text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(layout.CACert()), 0o700); err != nil {
		t.Fatal(err)
	}
	authority, err := pki.EnsureAuthority(filepath.Dir(layout.CACert()), "ca", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	e.roots.AddCert(authority.Cert)
	env := loop.Env{
		Log: slog.New(slog.DiscardHandler), Now: time.Now, Client: client, StateDir: state, NodeIP: "10.42.0.1", Listen: "127.0.0.1",
		Informers: informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithTransform(loop.Slim)),
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	runner, controllers := loop.NewRunner(env), Controllers(env)
	go func() { runner.Run(ctx, controllers); close(done) }()
	t.Cleanup(func() { cancel(); <-done })
	return e
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// get asks for / of host and returns "status body".
func (e *edge) get(ctx context.Context, scheme, host string) (string, error) {
	port := e.settings.HTTPPort
	if scheme == "https" {
		port = e.settings.HTTPSPort
	}
	to := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	transport := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", to)
		},
		TLSClientConfig: &tls.Config{RootCAs: e.roots}, DisableKeepAlives: true,
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://"+host+"/", nil)
	if err != nil {
		return "", err
	}
	answer, err := transport.RoundTrip(r)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	return fmt.Sprintf("%d %s", answer.StatusCode, strings.TrimSpace(string(body))), err
}

// answers waits until host answers with what begins with want.
func (e *edge) answers(t *testing.T, scheme, host, want string) {
	t.Helper()
	until(t, scheme+"://"+host+" answers "+want, func() error {
		got, err := e.get(t.Context(), scheme, host)
		if err == nil && !strings.HasPrefix(got, want) {
			err = errors.New(got)
		}
		return err
	})
}

func until(t *testing.T, what string, ask func() error) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for err := ask(); err != nil; err = ask() {
		if time.Now().After(deadline) {
			t.Fatalf("%s: %v", what, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func rule(name, host, service string) *networkingv1.Ingress {
	kind := networkingv1.PathTypePrefix
	i := &networkingv1.Ingress{ObjectMeta: metav1.ObjectMeta{Name: name}}
	i.Spec.Rules = []networkingv1.IngressRule{{Host: host, IngressRuleValue: networkingv1.IngressRuleValue{HTTP: &networkingv1.HTTPIngressRuleValue{
		Paths: []networkingv1.HTTPIngressPath{{Path: "/", PathType: &kind, Backend: networkingv1.IngressBackend{
			Service: &networkingv1.IngressServiceBackend{Name: service, Port: networkingv1.ServiceBackendPort{Number: 80}}}}}}}}}
	i.Spec.TLS = []networkingv1.IngressTLS{{Hosts: []string{host}}}
	return i
}

func service(name string, kind corev1.ServiceType, port int32) *corev1.Service {
	return &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: corev1.ServiceSpec{Type: kind, Ports: []corev1.ServicePort{{Port: port}}}}
}

// event waits for an event about name whose message has want in it.
func event(t *testing.T, client kubernetes.Interface, namespace, name, want string) {
	t.Helper()
	until(t, "an event about "+name, func() error {
		all, err := client.CoreV1().Events(namespace).List(t.Context(), metav1.ListOptions{FieldSelector: "involvedObject.name=" + name})
		if err != nil {
			return err
		}
		var said []string
		for _, e := range all.Items {
			if strings.Contains(e.Message, want) {
				return nil
			}
			said = append(said, e.Message)
		}
		return fmt.Errorf("no event says %q: %q", want, said)
	})
}

// TestIngressOnAnAPIServer has a rule whose service comes later: it is admitted
// to the default class, served by a certificate of the platform's authority,
// and its status says what is wrong for as long as it is.
func TestIngressOnAnAPIServer(t *testing.T) {
	t.Parallel()
	c := cluster.Get(t)
	namespace := c.Namespace(t)
	e := start(t, c.Client)
	until(t, "the class", func() error {
		_, err := c.Client.NetworkingV1().IngressClasses().Get(t.Context(), "garboard", metav1.GetOptions{})
		return err
	})
	if _, err := c.Client.NetworkingV1().Ingresses(namespace).Create(t.Context(), rule("web", "web.example.org", "web"), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	e.answers(t, "https", "web.example.org", "503 no pod is ready behind "+namespace+"/web:80")
	e.answers(t, "http", "elsewhere.example.org", "404")
	event(t, c.Client, namespace, "web", "there is no service "+namespace+"/web")
	status := func(want string) {
		t.Helper()
		until(t, "the status is "+want, func() error {
			i, err := c.Client.NetworkingV1().Ingresses(namespace).Get(t.Context(), "web", metav1.GetOptions{})
			if err != nil {
				return err
			}
			got := ""
			for _, l := range i.Status.LoadBalancer.Ingress {
				got += l.IP
				for _, p := range l.Ports {
					got += " " + *p.Error
				}
			}
			if got != want {
				return errors.New(got)
			}
			return nil
		})
	}
	status("127.0.0.1 garboard.dev/NotServed")
	if _, err := c.Client.CoreV1().Services(namespace).Create(t.Context(), service("web", corev1.ServiceTypeClusterIP, 80), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	status("127.0.0.1")
}

func TestBalancerOnAnAPIServer(t *testing.T) {
	t.Parallel()
	c := cluster.Get(t)
	namespace := c.Namespace(t)
	start(t, c.Client)
	services := c.Client.CoreV1().Services(namespace)
	create := func(name string, port int32) {
		t.Helper()
		if _, err := services.Create(t.Context(), service(name, corev1.ServiceTypeLoadBalancer, port), metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	address := func(name, want string) {
		t.Helper()
		until(t, name+" has the address "+want, func() error {
			s, err := services.Get(t.Context(), name, metav1.GetOptions{})
			if err != nil {
				return err
			}
			got := ""
			for _, l := range s.Status.LoadBalancer.Ingress {
				got += l.IP
			}
			if got != want {
				return fmt.Errorf("it has %q", got)
			}
			return nil
		})
	}
	create("old", 7000)
	address("old", "10.42.0.1")
	create("young", 7000)
	event(t, c.Client, namespace, "young", "port 7000/TCP of this machine belongs to the older service "+namespace+"/old")
	create("thief", 6443)
	event(t, c.Client, namespace, "thief", "belongs to the API server")
	address("young", "")
	address("thief", "")

	s, err := services.Get(t.Context(), "old", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s.Spec.Type = corev1.ServiceTypeClusterIP
	if _, err := services.Update(t.Context(), s, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	address("old", "")
	address("young", "10.42.0.1")
}

// TestFollowsEndpoints uses a fake API server: a real one refuses pods on loopback.
func TestFollowsEndpoints(t *testing.T) {
	t.Parallel()
	client := fake.NewClientset()
	e := start(t, client)
	pod := func(says string) *discoveryv1.EndpointSlice {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, says) }))
		t.Cleanup(s.Close)
		at := netip.MustParseAddrPort(s.Listener.Addr().String())
		port, name := int32(at.Port()), ""
		return &discoveryv1.EndpointSlice{
			ObjectMeta: metav1.ObjectMeta{Name: "web-1", Labels: map[string]string{discoveryv1.LabelServiceName: "web"}}, AddressType: discoveryv1.AddressTypeIPv4,
			Ports: []discoveryv1.EndpointPort{{Name: &name, Port: &port}}, Endpoints: []discoveryv1.Endpoint{{Addresses: []string{at.Addr().String()}}},
		}
	}
	slices := client.DiscoveryV1().EndpointSlices("shop")
	ctx := t.Context()
	_, err1 := client.CoreV1().Services("shop").Create(ctx, service("web", corev1.ServiceTypeClusterIP, 80), metav1.CreateOptions{})
	_, err2 := client.NetworkingV1().Ingresses("shop").Create(ctx, rule("web", "web.example.org", "web"), metav1.CreateOptions{})
	_, err3 := slices.Create(ctx, pod("one"), metav1.CreateOptions{})
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	e.answers(t, "http", "web.example.org", "200 one")
	if _, err := slices.Update(ctx, pod("two"), metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	e.answers(t, "https", "web.example.org", "200 two")
	if err := slices.Delete(ctx, "web-1", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	e.answers(t, "http", "web.example.org", "503")
}

func TestTakenPortNamesItsHolder(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	_, err = listen("127.0.0.1", port, "HTTP")
	if fault.KindOf(err) != fault.Conflict || fault.Hint(err) == "" || !strings.Contains(err.Error(), fmt.Sprintf("port %d belongs to", port)) {
		t.Errorf("%v (hint %q)", err, fault.Hint(err))
	}
}
