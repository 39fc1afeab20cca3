// Package console is the web shell: login, the page application and the live
// data that its pages show. It knows no capability; pages are handed to it.
//
// What reaches a browser passes three doors. A one-time link or a bearer token
// opens a session; every request of a session carries two halves of its secret,
// one in a cookie that scripts cannot read and one in a header that other ports
// of the same host cannot send; and a page shows a user only what the API
// server lets that user list.
package console

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
)

// Env is what a page may use.
type Env struct {
	Log       *slog.Logger
	Now       func() time.Time
	Client    kubernetes.Interface // the console's own; for what a user asks take UserOf(ctx).Client
	Informers informers.SharedInformerFactory

	StateDir string // of the platform on this machine; empty where the console looks at another cluster
}

// Page is one capability's part of the console: its entry in the navigation
// and the handlers below /api/<Name>/ that its front end asks. Every request
// that reaches them is of a user who has logged in; UserOf names that user.
type Page struct {
	Name, Title string
	Routes      func(*http.ServeMux) // may be nil
	Feeds       []Feed
}

// Feed is one stream of live data; the front end knows it as <page>/<Name>.
type Feed struct {
	Name string
	// Run keeps the feed's data fresh until ctx ends. It runs only while
	// somebody reads, and a little longer.
	Run func(ctx context.Context)
	// Open gives one reader its place at the feed's beginning.
	Open func(user *User) Reader
}

// Reader is one browser's place in a feed.
type Reader interface {
	// Next returns what the browser does not have yet, as a value for
	// encoding/json, or nil. more says that another call returns the rest at once.
	Next(ctx context.Context) (data any, more bool)
}
