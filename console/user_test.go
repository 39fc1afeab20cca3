package console

import (
	"errors"
	"testing"
	"time"

	authentication "k8s.io/api/authentication/v1"
	authorization "k8s.io/api/authorization/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	kubetest "k8s.io/client-go/testing"

	"garboard.dev/garboard/fault"
)

// account is an API server that knows one user, who may list in one namespace.
type account struct {
	*fake.Clientset
	asked int
	err   error
}

func newAccount(name, namespace string) *account {
	a := &account{Clientset: fake.NewClientset()}
	a.PrependReactor("create", "selfsubjectreviews", func(kubetest.Action) (bool, runtime.Object, error) {
		return true, &authentication.SelfSubjectReview{Status: authentication.SelfSubjectReviewStatus{UserInfo: authentication.UserInfo{Username: name}}}, a.err
	})
	a.PrependReactor("create", "selfsubjectaccessreviews", func(action kubetest.Action) (bool, runtime.Object, error) {
		a.asked++
		review := action.(kubetest.CreateAction).GetObject().(*authorization.SelfSubjectAccessReview).DeepCopy()
		review.Status.Allowed = review.Spec.ResourceAttributes.Namespace == namespace
		return true, review, a.err
	})
	return a
}

func TestIdentify(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		user string
		err  error
		kind fault.Kind
	}{
		"known":     {"alice", nil, 0},
		"anonymous": {"system:anonymous", nil, fault.Denied},
		"ended":     {"", apierrors.NewUnauthorized("expired"), fault.Denied},
		"away":      {"", errors.New("connection refused"), fault.Unavailable},
	} {
		a := newAccount(c.user, "")
		a.err = c.err
		user, err := Identify(t.Context(), a, time.Now)
		if c.kind == 0 && (err != nil || user.Name != c.user) || c.kind != 0 && fault.KindOf(err) != c.kind {
			t.Errorf("%s: %v, %v", name, user, err)
		}
	}
}

func TestRightsAreAskedOnceAMinute(t *testing.T) {
	t.Parallel()
	a, c := newAccount("alice", "shop"), newClock()
	user, err := Identify(t.Context(), a, c.Now)
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if !user.MayList(t.Context(), "", "pods", "shop") || user.MayList(t.Context(), "", "pods", "bank") || user.MayList(t.Context(), "", "pods", "") {
			t.Fatal("the answers are not those of the API server")
		}
	}
	if a.asked != 3 {
		t.Errorf("asked %d times, want 3", a.asked)
	}
	c.move(rightLife + time.Second)
	a.err = errors.New("away")
	if user.MayList(t.Context(), "", "pods", "shop") {
		t.Error("what cannot be asked is allowed")
	}
}

func TestACredentialThatEndsEndsTheSession(t *testing.T) {
	t.Parallel()
	a, c := newAccount("alice", ""), newClock()
	user, err := Identify(t.Context(), a, c.Now)
	if err != nil {
		t.Fatal(err)
	}
	s := newSessions(c.Now, time.Hour, 12*time.Hour)
	cookie, key := s.open(t.Context(), user)
	check := func(want bool) {
		t.Helper()
		if got := s.find(cookie, key); s.valid(t.Context(), got) != want {
			t.Errorf("valid: %v, want %v", !want, want)
		}
	}
	a.err = apierrors.NewUnauthorized("expired")
	check(true) // was good a moment ago
	c.move(2 * recheckAfter)
	check(false)
	a.err = errors.New("connection refused") // nobody is logged out by that
	check(true)
}

func TestSessionsAreBounded(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := newSessions(c.Now, time.Hour, 12*time.Hour)
	first, key := s.open(t.Context(), Administrator(nil))
	old := s.find(first, key)
	for range maxSessions {
		c.move(time.Millisecond)
		s.open(t.Context(), Administrator(nil))
	}
	if len(s.all) != maxSessions || s.find(first, key) != nil || old.ctx.Err() == nil {
		t.Errorf("%d sessions; the oldest still there: %v", len(s.all), s.find(first, key) != nil)
	}
}
