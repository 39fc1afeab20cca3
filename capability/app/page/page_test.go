package page_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	authentication "k8s.io/api/authentication/v1"
	authorization "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/fake"
	kubetest "k8s.io/client-go/testing"

	"garboard.dev/garboard/capability/app/page"
	"garboard.dev/garboard/console"
	"garboard.dev/garboard/console/table"
)

func pod(namespace, name string) *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, CreationTimestamp: metav1.Now(),
		ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "somebody"}}}}
	p.Spec = corev1.PodSpec{NodeName: "oak", Containers: []corev1.Container{{Name: "main", Image: "web:1"}}}
	p.Status = corev1.PodStatus{Phase: corev1.PodRunning, Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}},
		ContainerStatuses: []corev1.ContainerStatus{{Name: "main", Ready: true, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}}}
	return p
}

func crashing(namespace, name string) *corev1.Pod {
	p := pod(namespace, name)
	p.Status.Conditions[0].Status = corev1.ConditionFalse
	p.Status.ContainerStatuses[0] = corev1.ContainerStatus{Name: "main", RestartCount: 4,
		State:                corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}},
		LastTerminationState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 3}}}
	return p
}

// guest is who logs in with a token: may list and read in namespace "mine" only.
type guest struct{ client *fake.Clientset }

func newGuest(objects ...runtime.Object) guest {
	g := guest{fake.NewClientset(objects...)}
	g.client.PrependReactor("create", "selfsubjectreviews", func(kubetest.Action) (bool, runtime.Object, error) {
		return true, &authentication.SelfSubjectReview{Status: authentication.SelfSubjectReviewStatus{UserInfo: authentication.UserInfo{Username: "guest"}}}, nil
	})
	g.client.PrependReactor("create", "selfsubjectaccessreviews", func(action kubetest.Action) (bool, runtime.Object, error) {
		review := action.(kubetest.CreateAction).GetObject().(*authorization.SelfSubjectAccessReview).DeepCopy()
		review.Status.Allowed = review.Spec.ResourceAttributes.Namespace == "mine"
		return true, review, nil
	})
	g.client.PrependReactor("get", "pods", func(action kubetest.Action) (bool, runtime.Object, error) {
		if action.GetNamespace() == "mine" {
			return false, nil, nil
		}
		return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, action.(kubetest.GetAction).GetName(), nil)
	})
	return g
}

func (g guest) Authenticate(ctx context.Context, _ string) (*console.User, error) {
	return console.Identify(ctx, g.client, time.Now)
}

// window is a browser that has logged in.
type window struct {
	t      *testing.T
	client *http.Client
	base   string
	cookie *http.Cookie
	key    string
}

// open serves the page with what client has and logs in: as the console's own
// user, or as the guest.
func open(t *testing.T, client *fake.Clientset, as *guest) *window {
	t.Helper()
	env := console.Env{Log: slog.New(slog.DiscardHandler), Now: time.Now, Client: client}
	key := console.NewKey()
	options := console.Options{Key: key, TLS: console.ServerTLS(time.Now, console.SelfSigned("127.0.0.1"))}
	if as != nil {
		options.Authenticator = as
	}
	server := console.New(env, page.Pages(env), options)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx, l) }()
	t.Cleanup(func() {
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	w := &window{t: t, base: "https://" + l.Addr().String(), client: &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}}
	t.Cleanup(w.client.CloseIdleConnections)
	body := `{"code":"` + key.Code(time.Now()) + `"}`
	if as != nil {
		body = `{"token":"guest"}`
	}
	res := w.ask("POST", "/api/login", body)
	var half struct{ Key string }
	if err := json.NewDecoder(res.Body).Decode(&half); err != nil || len(res.Cookies()) != 1 {
		t.Fatalf("login: %s, %v", res.Status, err)
	}
	w.cookie, w.key = res.Cookies()[0], half.Key
	return w
}

func (w *window) ask(method, path, body string) *http.Response {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), method, w.base+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Garboard-Key", w.key)
	if w.cookie != nil {
		r.AddCookie(w.cookie)
	}
	res, err := w.client.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { res.Body.Close() })
	return res
}

func (w *window) text(path string) (int, string) {
	w.t.Helper()
	res := w.ask("GET", path, "")
	b, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

// feeds reads the live stream; next returns the next message of one feed.
type feeds struct {
	t     *testing.T
	lines *bufio.Scanner
}

func (w *window) live() *feeds {
	w.t.Helper()
	lines := bufio.NewScanner(w.ask("GET", "/api/live", "").Body)
	lines.Buffer(nil, 64<<20)
	return &feeds{w.t, lines}
}

func (f *feeds) next(feed string) table.Message {
	f.t.Helper()
	for f.lines.Scan() {
		var m struct {
			Feed string
			Data table.Message
		}
		if err := json.Unmarshal(f.lines.Bytes(), &m); err != nil {
			f.t.Fatal(err)
		}
		if m.Feed == feed {
			return m.Data
		}
	}
	f.t.Fatalf("the stream ended before a message of %s: %v", feed, f.lines.Err())
	return table.Message{}
}

// synced reads until the feed has all its rows, and returns their keys.
func (f *feeds) synced(feed string) map[string]bool {
	f.t.Helper()
	keys := map[string]bool{}
	for {
		m := f.next(feed)
		for _, k := range m.Keys {
			keys[k] = true
		}
		if m.State != nil && m.State.Synced {
			return keys
		}
	}
}

func TestPodsTravelAndChange(t *testing.T) {
	t.Parallel()
	client := fake.NewClientset(pod("shop", "web"), crashing("shop", "mail"))
	f := open(t, client, nil).live()
	if got := f.synced("app/pods"); len(got) != 2 || !got["shop/web"] || !got["shop/mail"] {
		t.Errorf("rows %v", got)
	}
	broken := crashing("shop", "web")
	if _, err := client.CoreV1().Pods("shop").Update(t.Context(), broken, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	m := f.next("app/pods")
	text, _ := json.Marshal(m)
	for _, want := range []string{"CrashLoopBackOff", "wrong", "exit code 3", "garboard logs --previous web"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the change %s lacks %q", text, want)
		}
	}
	if err := client.CoreV1().Pods("shop").Delete(t.Context(), "mail", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if m := f.next("app/pods"); len(m.Gone) != 1 || m.Gone[0] != "shop/mail" {
		t.Errorf("gone: %v", m.Gone)
	}
}

func TestAGuestSeesOnlyItsNamespace(t *testing.T) {
	t.Parallel()
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "secret", Name: "plan"}}
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "oak"}}
	client := fake.NewClientset(pod("mine", "web"), pod("secret", "plan"), d, node)
	as := newGuest(pod("mine", "web"), pod("secret", "plan"))
	w := open(t, client, &as)
	f := w.live()
	if got := f.synced("app/nodes"); len(got) != 0 {
		t.Errorf("the guest sees the nodes %v", got)
	}
	if got := f.synced("app/workloads"); len(got) != 0 {
		t.Errorf("the guest sees the workloads %v", got)
	}
	if got := f.synced("app/pods"); len(got) != 1 || !got["mine/web"] {
		t.Errorf("the guest sees the pods %v", got)
	}
	if status, text := w.text("/api/app/object?kind=Pod&namespace=mine&name=web"); status != http.StatusOK {
		t.Errorf("its own pod: %d %s", status, text)
	}
	if status, text := w.text("/api/app/object?kind=Pod&namespace=secret&name=plan"); status != http.StatusForbidden || !strings.Contains(text, "administrator") {
		t.Errorf("a secret pod: %d %s", status, text)
	}
}

func TestDetails(t *testing.T) {
	t.Parallel()
	event := &corev1.Event{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "mail.1"}, Reason: "BackOff", Message: "Back-off", Type: "Warning",
		InvolvedObject: corev1.ObjectReference{Kind: "Pod", Namespace: "shop", Name: "mail"}}
	client := fake.NewClientset(crashing("shop", "mail"), event, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "oak"}})
	w := open(t, client, nil)
	status, text := w.text("/api/app/object?kind=Pod&namespace=shop&name=mail")
	for _, want := range []string{`"kind":"Pod"`, "kind: Pod", "apiVersion: v1", `"state":"waiting"`, `"restarts":4`, "BackOff", "exit code 3", "--previous"} {
		if !strings.Contains(text, want) {
			t.Errorf("%d: the details lack %q: %s", status, want, text)
		}
	}
	if strings.Contains(text, "managedFields") {
		t.Error("the YAML has managed fields")
	}
	if status, _ := w.text("/api/app/object?kind=Node&name=oak"); status != http.StatusOK {
		t.Errorf("a node: %d", status)
	}
	if status, _ := w.text("/api/app/object?kind=Pod&namespace=shop&name=gone"); status != http.StatusNotFound {
		t.Errorf("a pod that is gone: %d", status)
	}
	if status, _ := w.text("/api/app/object?kind=Secret&namespace=shop&name=x"); status != http.StatusBadRequest {
		t.Errorf("a kind that is not shown: %d", status)
	}
	if status, text := w.text("/api/app/logs?namespace=shop&name=mail&container=main"); status != http.StatusOK || text != "fake logs" {
		t.Errorf("the log: %d %q", status, text)
	}
}

func TestWhatCannotBeListedIsSaid(t *testing.T) {
	t.Parallel()
	client := fake.NewClientset()
	client.PrependReactor("list", "pods", func(kubetest.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "", nil)
	})
	f := open(t, client, nil).live()
	for {
		if m := f.next("app/pods"); m.State != nil {
			if m.State.Synced || !strings.Contains(m.State.Problem, "forbidden") {
				t.Errorf("state %+v", m.State)
			}
			return
		}
	}
}
