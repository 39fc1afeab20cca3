// Package controller watches what the routing table is made of, serves by it,
// and says in the cluster what it serves and what not, and why.
package controller

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/record"

	"garboard.dev/garboard/capability/ingress"
	"garboard.dev/garboard/capability/ingress/proxy"
	"garboard.dev/garboard/capability/platform"
	"garboard.dev/garboard/fault"
	"garboard.dev/garboard/host/socket"
	"garboard.dev/garboard/loop"
)

// drain is what requests under way have at the end; the agent is given more.
const drain = 25 * time.Second

// Controllers returns the proxy and the addresses of LoadBalancer services.
func Controllers(env loop.Env) []loop.Controller {
	c := newController(env)
	b := newBalancer(env)
	return []loop.Controller{{Name: "ingress", Run: c.run}, {Name: "loadbalancer", Run: b.run}}
}

type controller struct {
	env     loop.Env
	sources *sources
}

func newController(env loop.Env) *controller {
	return &controller{env: env, sources: newSources(env)}
}

// run serves until ctx ends. Requests are taken once the first table is made:
// until then the kernel keeps clients waiting, instead of their getting 404.
func (c *controller) run(ctx context.Context) error {
	settings, err := platform.ReadSettings(platform.LayoutOf(c.env.StateDir))
	if err != nil {
		return err
	}
	plain, err := listen(c.env.Listen, settings.HTTPPort, "HTTP")
	if err != nil {
		return err
	}
	defer plain.Close() // a second time after Serve, which is no harm
	secure, err := listen(c.env.Listen, settings.HTTPSPort, "HTTPS")
	if err != nil {
		return err
	}
	defer secure.Close()
	issuer, err := newIssuer(platform.LayoutOf(c.env.StateDir), []string{"localhost", c.env.Listen, c.env.NodeIP}, c.env.Now)
	if err != nil {
		return err
	}
	if err := ensureClass(ctx, c.env.Client); err != nil {
		return err
	}
	server := proxy.New(proxy.Options{Log: c.env.Log, HTTPSPort: settings.HTTPSPort, Issue: issuer.issue})
	return c.serve(ctx, server, plain, secure)
}

func (c *controller) serve(ctx context.Context, server *proxy.Server, plain, secure net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	first := make(chan struct{})
	followed := make(chan error, 1)
	go func() {
		followed <- c.follow(ctx, server, first)
		cancel()
	}()
	select {
	case <-first:
	case err := <-followed:
		return err
	}
	err := server.Serve(ctx, plain, secure, drain)
	cancel()
	return errors.Join(err, <-followed)
}

// follow keeps the server's table up to date until ctx ends, and closes first
// when it has one.
func (c *controller) follow(ctx context.Context, server *proxy.Server, first chan<- struct{}) error {
	opened, err := c.sources.open(ctx)
	if err != nil {
		return err
	}
	defer opened.close()
	events, stop := recorder(ctx, c.env.Client, ingress.Controller)
	defer stop()
	r := &reporter{env: c.env, ingresses: c.sources.ingresses, events: events, told: map[ingress.Problem]bool{}}
	for {
		table, err := opened.build(c.env.Now())
		if err != nil {
			return err
		}
		server.Set(table)
		if first != nil {
			close(first)
			first = nil
		}
		if !r.report(ctx, table) {
			opened.again(ctx)
		}
		if !opened.wait(ctx) {
			return nil
		}
	}
}

// listen says who has the port where it is taken.
func listen(address string, port int, what string) (net.Listener, error) {
	l, err := net.Listen("tcp", net.JoinHostPort(address, strconv.Itoa(port)))
	if err == nil {
		return l, nil
	}
	kind, hint := fault.Failed, ""
	if errors.Is(err, syscall.EADDRINUSE) {
		kind, hint = fault.Conflict, "stop the program that has it, or run garboard up with another port"
		if holder := socket.Holder(port); holder != "" {
			err = fmt.Errorf("port %d belongs to %s", port, holder)
		}
	}
	return nil, fault.Wrap(err, kind, fmt.Sprintf("listen for %s on port %d of %s", what, port, address), hint)
}

func ensureClass(ctx context.Context, client kubernetes.Interface) error {
	_, err := client.NetworkingV1().IngressClasses().Create(ctx, ingress.Class(), metav1.CreateOptions{FieldManager: "garboard"})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("make the ingress class %s: %w", ingress.ClassName, err)
	}
	return nil
}

// recorder returns what writes events until stop is called.
func recorder(ctx context.Context, client kubernetes.Interface, component string) (events record.EventRecorder, stop func()) {
	b := record.NewBroadcaster(record.WithContext(ctx))
	b.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: client.CoreV1().Events("")})
	return b.NewRecorder(scheme.Scheme, corev1.EventSource{Component: component}), b.Shutdown
}
