// Package console is the web shell: login, the page application and the live
// data that its pages show. It knows no capability; pages are handed to it.
package console

import (
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
	Client    kubernetes.Interface
	Informers informers.SharedInformerFactory
}

// Page is one capability's part of the console: its entry in the navigation
// and the handlers below /api/<Name>/ that its front end asks. Every request
// that reaches them is of a user who has logged in.
type Page struct {
	Name, Title string
	Routes      func(*http.ServeMux)
}
