package browser_test

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	authentication "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbac "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	apppage "garboard.dev/garboard/capability/app/page"
	"garboard.dev/garboard/console"
	"garboard.dev/garboard/console/table"
	"garboard.dev/garboard/test/cluster"
)

func TestMain(m *testing.M) { os.Exit(cluster.Main(m, cluster.Options{})) }

// A service account's token, a real API server's rights: who may see one
// namespace sees that one, and nobody who is not known gets in.
func TestTokensOfARealCluster(t *testing.T) {
	c := cluster.Get(t)
	mine, other := c.Namespace(t), c.Namespace(t)
	token := account(t, c, mine)
	for _, namespace := range []string{mine, other} {
		p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "web"}, Spec: corev1.PodSpec{ServiceAccountName: "guest", Containers: []corev1.Container{{Name: "main", Image: "web:1"}}}}
		if namespace == other {
			account(t, c, other)
		}
		if _, err := c.Client.CoreV1().Pods(namespace).Create(t.Context(), p, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	env := console.Env{Log: slog.New(slog.DiscardHandler), Now: time.Now, Client: c.Client}
	server := console.New(env, apppage.Pages(env), console.Options{Key: console.NewKey(), TLS: console.ServerTLS(time.Now, console.SelfSigned("127.0.0.1")),
		Authenticator: console.ClusterAuthenticator(c.Config, time.Now)})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go server.Serve(t.Context(), l) // ends with the test
	ask := asker(t, "https://"+l.Addr().String())

	if res := ask("POST", "/api/login", `{"token":"`+token[:len(token)-4]+`AAAA"}`); res.StatusCode != http.StatusForbidden {
		t.Errorf("a forged token: %s", res.Status)
	}
	if res := ask("POST", "/api/login", `{"token":"`+token+`"}`); res.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(res.Body)
		t.Fatalf("a good token: %s %s", res.Status, body)
	}
	if got := pods(t, ask("GET", "/api/live", "").Body); len(got) != 1 || got[0] != mine+"/web" {
		t.Errorf("the account sees %v, want %s/web alone", got, mine)
	}
	for namespace, want := range map[string]int{mine: http.StatusOK, other: http.StatusForbidden} {
		if res := ask("GET", "/api/app/object?kind=Pod&name=web&namespace="+namespace, ""); res.StatusCode != want {
			t.Errorf("a pod in %s: %s, want %d", namespace, res.Status, want)
		}
	}
}

// account makes a service account that may view its namespace, and returns a token.
func account(t *testing.T, c *cluster.Cluster, namespace string) string {
	t.Helper()
	accounts := c.Client.CoreV1().ServiceAccounts(namespace)
	if _, err := accounts.Create(t.Context(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "guest"}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	binding := &rbac.RoleBinding{ObjectMeta: metav1.ObjectMeta{Name: "guest"}, RoleRef: rbac.RoleRef{APIGroup: rbac.GroupName, Kind: "Role", Name: "guest"},
		Subjects: []rbac.Subject{{Kind: "ServiceAccount", Name: "guest", Namespace: namespace}}}
	role := &rbac.Role{ObjectMeta: metav1.ObjectMeta{Name: "guest"}, Rules: []rbac.PolicyRule{{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"get", "list"}}}}
	if _, err := c.Client.RbacV1().Roles(namespace).Create(t.Context(), role, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Client.RbacV1().RoleBindings(namespace).Create(t.Context(), binding, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	request, err := accounts.CreateToken(t.Context(), "guest", &authentication.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return request.Status.Token
}

// asker sends requests of one session, which the first login begins.
func asker(t *testing.T, base string) func(method, path, body string) *http.Response {
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	t.Cleanup(client.CloseIdleConnections)
	var cookies []*http.Cookie
	var half struct{ Key string }
	return func(method, path, body string) *http.Response {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, base+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Garboard-Key", half.Key)
		for _, c := range cookies {
			r.AddCookie(c)
		}
		res, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { res.Body.Close() })
		if path == "/api/login" && res.StatusCode == http.StatusOK {
			cookies = res.Cookies()
			if err := json.NewDecoder(res.Body).Decode(&half); err != nil {
				t.Fatal(err)
			}
		}
		return res
	}
}

// pods reads the live stream until it has all pods, and returns their keys.
func pods(t *testing.T, stream io.Reader) []string {
	t.Helper()
	var keys []string
	lines := bufio.NewScanner(stream)
	for lines.Scan() {
		var m struct {
			Feed string
			Data table.Message
		}
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
			t.Fatal(err)
		}
		if m.Feed != "app/pods" {
			continue
		}
		keys = append(keys, m.Data.Keys...)
		if m.Data.State != nil && m.Data.State.Synced {
			return keys
		}
	}
	t.Fatalf("the stream ended early: %v", lines.Err())
	return nil
}
