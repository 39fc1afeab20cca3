package console

import (
	"context"
	"sync"
	"time"

	authentication "k8s.io/api/authentication/v1"
	authorization "k8s.io/api/authorization/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"garboard.dev/garboard/fault"
)

// User is who has logged in.
type User struct {
	Name   string
	Groups []string
	Client kubernetes.Interface // asks the API server as this user

	own    bool // logged in by a link: sees what the console itself sees
	now    func() time.Time
	mu     sync.Mutex
	rights map[right]answer
}

type right struct{ group, resource, namespace string }

type answer struct {
	yes   bool
	until time.Time
}

// rightLife is how long an answer about a right is kept: a right that is taken
// away shows within that time.
const rightLife = time.Minute

// Administrator is the user of a one-time link: whoever could read the key
// that signs links is root on the machine, or started the console.
func Administrator(client kubernetes.Interface) *User {
	return &User{Name: "administrator", Client: client, own: true}
}

// Authenticator turns a bearer token into a user.
type Authenticator interface {
	// Authenticate fails with kind Denied where the token is not accepted, and
	// Unavailable where nobody could be asked.
	Authenticate(ctx context.Context, token string) (*User, error)
}

// ClusterAuthenticator asks the API server that config names, with the token
// itself, whose it is (SelfSubjectReview, authentication.k8s.io/v1). Only the
// server's address and authority are taken from config, none of its credentials.
func ClusterAuthenticator(config *rest.Config, now func() time.Time) Authenticator {
	return &clusterAuthenticator{config: rest.AnonymousClientConfig(config), now: now}
}

type clusterAuthenticator struct {
	config *rest.Config
	now    func() time.Time
}

func (a *clusterAuthenticator) Authenticate(ctx context.Context, token string) (*User, error) {
	config := rest.CopyConfig(a.config)
	config.BearerToken = token
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	return Identify(ctx, client, a.now)
}

// Identify asks the API server that client talks to whose credentials client
// uses, and returns that user. It fails as Authenticate does.
func Identify(ctx context.Context, client kubernetes.Interface, now func() time.Time) (*User, error) {
	const op = "log in with this token"
	review, err := client.AuthenticationV1().SelfSubjectReviews().Create(ctx, &authentication.SelfSubjectReview{}, metav1.CreateOptions{})
	switch {
	case apierrors.IsUnauthorized(err), apierrors.IsForbidden(err):
		return nil, fault.New(fault.Denied, op, "get a new one: garboard kubectl create token NAME", "the API server does not accept it: it has ended, or is of another cluster")
	case err != nil:
		return nil, fault.New(fault.Unavailable, op, "see garboard status", "the API server does not answer: %w", err)
	}
	info := review.Status.UserInfo
	if info.Username == "" || info.Username == "system:anonymous" {
		return nil, fault.New(fault.Denied, op, "get a new one: garboard kubectl create token NAME", "the API server takes it for nobody's")
	}
	return &User{Name: info.Username, Groups: info.Groups, Client: client, now: now, rights: map[right]answer{}}, nil
}

// MayList says whether the user may list resource of the API group in
// namespace; an empty namespace means all of them. What cannot be found out
// is not allowed.
func (u *User) MayList(ctx context.Context, group, resource, namespace string) bool {
	if u.own {
		return true
	}
	key := right{group, resource, namespace}
	u.mu.Lock()
	known, ok := u.rights[key]
	u.mu.Unlock()
	if ok && u.now().Before(known.until) {
		return known.yes
	}
	review := &authorization.SelfSubjectAccessReview{Spec: authorization.SelfSubjectAccessReviewSpec{
		ResourceAttributes: &authorization.ResourceAttributes{Group: group, Resource: resource, Namespace: namespace, Verb: "list"},
	}}
	result, err := u.Client.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
	if err != nil {
		return false
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.rights[key] = answer{result.Status.Allowed, u.now().Add(rightLife)}
	return result.Status.Allowed
}

// alive says whether the user's credentials are still accepted; an API server
// that does not answer takes nobody's session away.
func (u *User) alive(ctx context.Context) bool {
	if u.own {
		return true
	}
	_, err := Identify(ctx, u.Client, u.now)
	return err == nil || fault.KindOf(err) != fault.Denied
}

type userKey struct{}

// UserOf returns the user that a page's handler serves.
func UserOf(ctx context.Context) *User {
	u, _ := ctx.Value(userKey{}).(*User)
	return u
}

func withUser(ctx context.Context, u *User) context.Context {
	return context.WithValue(ctx, userKey{}, u)
}
