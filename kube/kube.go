// Package kube talks to a Kubernetes API server: Connect finds the cluster and
// makes the clients, Fault turns what it answers into errors that people can
// act on. Packages below apply sets of objects (apply) and say whether a
// workload is ready (ready).
package kube

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"

	"garboard.dev/garboard/fault"
)

// Options say which cluster is meant.
type Options struct {
	Kubeconfig string // a file, or several as $KUBECONFIG has them; wins over Default
	Context    string // the context in that kubeconfig; empty: its current one
	Default    string // the platform's own kubeconfig, used where Kubeconfig is empty

	Namespace string       // instead of the context's
	Warn      func(string) // is told the server's warnings; nil drops them
}

// Cluster is a Kubernetes that can be talked to. Connect does not dial: a
// server that does not answer shows in the first request (see Fault).
type Cluster struct {
	Config     *rest.Config
	Client     kubernetes.Interface
	Dynamic    dynamic.Interface
	Discovery  discovery.CachedDiscoveryInterface // kept in memory
	Mapper     meta.ResettableRESTMapper          // deferred: asks the server when first used
	Namespace  string                             // where namespaced objects go that name none
	Kubeconfig string                             // the file that this was read from

	own bool // the platform of this machine
}

// Requests that one client may send: the server has priority and fairness of
// its own, and client-go's 5 requests a second make every command wait.
const (
	requestsPerSecond = 300
	requestBurst      = 600
)

// Connect reads the kubeconfig and makes the clients. A kubeconfig that does
// not exist is Unavailable, one that cannot be read or used Misuse or Denied.
func Connect(o Options) (*Cluster, error) {
	c := &Cluster{Kubeconfig: o.Kubeconfig}
	if c.Kubeconfig == "" {
		c.Kubeconfig, c.own = o.Default, true
	}
	loader, err := c.load(o)
	if err != nil {
		return nil, err
	}
	if c.Config, err = loader.ClientConfig(); err != nil {
		return nil, fault.Wrap(err, fault.Misuse, "use the kubeconfig "+c.Kubeconfig, "name another one with --kubeconfig, or another context with --context")
	}
	if c.Namespace, _, err = loader.Namespace(); err != nil {
		return nil, fault.Wrap(err, fault.Misuse, "use the kubeconfig "+c.Kubeconfig, "")
	}
	c.Config.QPS, c.Config.Burst = requestsPerSecond, requestBurst
	c.Config.WarningHandler = warnings{o.Warn}
	return c, c.clients()
}

// load finds the files. A missing file is told apart from a broken one: the
// first means that no platform runs here.
func (c *Cluster) load(o Options) (clientcmd.ClientConfig, error) {
	rules := &clientcmd.ClientConfigLoadingRules{Precedence: splitList(c.Kubeconfig)}
	for _, path := range rules.Precedence {
		if err := readable(path); err != nil {
			return nil, c.unreadable(path, err)
		}
	}
	if len(rules.Precedence) == 0 {
		return nil, fault.New(fault.Unavailable, "reach a cluster", "name one with --kubeconfig", "no kubeconfig was named")
	}
	over := &clientcmd.ConfigOverrides{CurrentContext: o.Context}
	over.Context.Namespace = o.Namespace
	return clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, over), nil
}

// splitList is the files that a KUBECONFIG value names; those that do not
// exist are kept, so that naming one is an error.
func splitList(value string) []string {
	var out []string
	for _, path := range filepath.SplitList(value) {
		if path != "" {
			out = append(out, path)
		}
	}
	return out
}

func readable(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return f.Close()
}

func (c *Cluster) unreadable(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist) && c.own:
		return fault.New(fault.Unavailable, "reach the platform", hintUp, "it has never been started here: %s does not exist", path)
	case errors.Is(err, fs.ErrNotExist):
		return fault.Wrap(err, fault.Unavailable, "read the kubeconfig", "name an existing file with --kubeconfig or KUBECONFIG")
	case errors.Is(err, fs.ErrPermission):
		return fault.Wrap(err, fault.Denied, "read the kubeconfig", "run this as the user that owns the file, or with sudo")
	}
	return fault.Wrap(err, fault.Failed, "read the kubeconfig", "")
}

func (c *Cluster) clients() error {
	client, err := kubernetes.NewForConfig(c.Config)
	if err != nil {
		return fault.Wrap(err, fault.Misuse, "use the kubeconfig "+c.Kubeconfig, "")
	}
	dyn, err := dynamic.NewForConfig(c.Config)
	if err != nil {
		return fault.Wrap(err, fault.Misuse, "use the kubeconfig "+c.Kubeconfig, "")
	}
	c.Client, c.Dynamic = client, dyn
	c.Discovery = memory.NewMemCacheClient(client.Discovery())
	c.Mapper = restmapper.NewDeferredDiscoveryRESTMapper(c.Discovery)
	return nil
}

// Own says whether the cluster is this machine's platform and not one that
// --kubeconfig or KUBECONFIG named.
func (c *Cluster) Own() bool { return c.own }

// Dial asks the server for its version, and returns a fault where it does not
// answer within limit.
func (c *Cluster) Dial(limit time.Duration) error {
	config := rest.CopyConfig(c.Config)
	config.Timeout = limit
	client, err := discovery.NewDiscoveryClientForConfig(config)
	if err == nil {
		_, err = client.ServerVersion()
	}
	return c.Fault(err, "reach the cluster")
}

type warnings struct{ say func(string) }

// HandleWarningHeader gets the server's "Warning: 299" headers; other codes
// are not meant for people.
func (w warnings) HandleWarningHeader(code int, _ string, text string) {
	if w.say != nil && code == 299 && text != "" {
		w.say(text)
	}
}
