package kube

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"garboard.dev/garboard/fault"
)

func writeConfig(t *testing.T, server string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kubeconfig")
	text := `apiVersion: v1
kind: Config
current-context: one
clusters: [{name: c, cluster: {server: "` + server + `"}}]
users: [{name: u, user: {token: secret}}]
contexts:
- {name: one, context: {cluster: c, user: u}}
- {name: two, context: {cluster: c, user: u, namespace: shop}}
`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestConnectWithoutPlatform(t *testing.T) {
	t.Parallel()
	_, err := Connect(Options{Default: filepath.Join(t.TempDir(), "kubeconfig")})
	if fault.KindOf(err) != fault.Unavailable || fault.Hint(err) != "run garboard up" {
		t.Fatalf("got %v (kind %d, hint %q), want Unavailable and a hint to run garboard up", err, fault.KindOf(err), fault.Hint(err))
	}
}

func TestConnectMissingKubeconfig(t *testing.T) {
	t.Parallel()
	_, err := Connect(Options{Kubeconfig: filepath.Join(t.TempDir(), "absent"), Default: writeConfig(t, "https://127.0.0.1:1")})
	if fault.KindOf(err) != fault.Unavailable || strings.Contains(fault.Hint(err), "garboard up") {
		t.Fatalf("got %v, hint %q: a kubeconfig of the user's own is not made by garboard up", err, fault.Hint(err))
	}
}

func TestConnectContext(t *testing.T) {
	t.Parallel()
	path := writeConfig(t, "https://127.0.0.1:1")
	for _, test := range []struct{ context, namespace, want string }{
		{"", "", "default"}, {"two", "", "shop"}, {"two", "other", "other"},
	} {
		c, err := Connect(Options{Kubeconfig: path, Context: test.context, Namespace: test.namespace})
		if err != nil {
			t.Fatal(err)
		}
		if c.Namespace != test.want {
			t.Errorf("context %q, namespace %q: got %q, want %q", test.context, test.namespace, c.Namespace, test.want)
		}
		if c.Config.QPS != requestsPerSecond || c.Own() {
			t.Errorf("QPS %v, own %v: want %d and false", c.Config.QPS, c.Own(), requestsPerSecond)
		}
	}
	if _, err := Connect(Options{Kubeconfig: path, Context: "three"}); fault.KindOf(err) != fault.Misuse {
		t.Errorf("an unknown context gave %v, want Misuse", err)
	}
}

func TestFaultOfServerThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	free.Close()
	c, err := Connect(Options{Default: writeConfig(t, "https://"+address)})
	if err != nil {
		t.Fatal(err)
	}
	err = c.Dial(2 * time.Second)
	if fault.KindOf(err) != fault.Unavailable || fault.Hint(err) != "run garboard up" || !strings.Contains(err.Error(), address) {
		t.Fatalf("got %v (hint %q), want Unavailable that names %s", err, fault.Hint(err), address)
	}
}

func TestFaultKinds(t *testing.T) {
	t.Parallel()
	pods := schema.GroupResource{Resource: "pods"}
	c := &Cluster{}
	for _, test := range []struct {
		err  error
		want fault.Kind
	}{
		{apierrors.NewNotFound(pods, "web"), fault.NotFound},
		{apierrors.NewForbidden(pods, "web", errors.New("no")), fault.Denied},
		{apierrors.NewUnauthorized("who"), fault.Denied},
		{apierrors.NewConflict(pods, "web", errors.New("changed")), fault.Conflict},
		{apierrors.NewBadRequest("what"), fault.Misuse},
		{apierrors.NewServiceUnavailable("later"), fault.Unavailable},
		{errors.New("other"), fault.Failed},
	} {
		if got := fault.KindOf(c.Fault(test.err, "get it")); got != test.want {
			t.Errorf("%v: kind %d, want %d", test.err, got, test.want)
		}
	}
	if c.Fault(nil, "get it") != nil {
		t.Error("no error became one")
	}
}
