package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	//lint:ignore SA1019 client-go v0.36 takes no other type
	"k8s.io/apimachinery/pkg/util/httpstream"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"

	"garboard.dev/garboard/command"
	"garboard.dev/garboard/fault"
	"garboard.dev/garboard/kube"
)

type forwardOptions struct {
	place
	addresses []string
	wait      time.Duration
}

func forwardCommand(env *command.Env) *command.Command {
	var o forwardOptions
	return &command.Command{
		Name: "port-forward", Args: "POD|KIND/NAME [LOCAL:]PORT...", Summary: "Reach ports of a pod or a service from this machine",
		Help: `Listens on this machine's loopback. Of a service or a workload a pod that is ready is chosen, and another
one when that ends; the local port stays. A port may be the name that the service or the container gives it; LOCAL may
be 0 for any free one.`,
		Examples: `
			garboard port-forward service/web 8080:80
			garboard port-forward db-0 3306`,
		Flags: func(f *pflag.FlagSet) {
			o.place.bind(f)
			f.StringSliceVar(&o.addresses, "address", []string{"localhost"}, "listen on these `ADDRESSES`; anybody who reaches them reaches the pod")
			f.DurationVar(&o.wait, "wait", forwardWait, "how long to wait for a pod that runs")
		},
		Complete:      completePods(env, &o.place),
		CompleteFlags: map[string]completer{"namespace": completeNamespaces(env)},
		Run: func(ctx context.Context, args []string) error {
			if len(args) < 2 {
				return fault.Usage("garboard port-forward service/web 8080:80", "port-forward needs a target and a port")
			}
			return withCluster(env, o.namespace, "forward "+args[0], func(c *kube.Cluster) error {
				f, err := newForwarder(env, c, o, args[0], args[1:])
				if err != nil {
					return err
				}
				return f.run(ctx)
			})
		},
	}
}

// pair is one forwarded port. remote may be a name.
type pair struct {
	local  int // 0: any
	remote string
}

// parsePair reads [LOCAL:]PORT. Without LOCAL it is the same number.
func parsePair(text string) (pair, error) {
	local, remote, found := strings.Cut(text, ":")
	if !found {
		remote = local
		if _, err := strconv.ParseUint(remote, 10, 16); err != nil {
			local = "0"
		}
	}
	if local == "" {
		local = "0"
	}
	n, err := strconv.ParseUint(local, 10, 16)
	if err != nil || remote == "" || remote == "0" || strings.Contains(remote, ":") {
		return pair{}, fault.Usage("write it as 8080:80, 80 or 0:http", "%q is no pair of ports", text)
	}
	return pair{int(n), remote}, nil
}

// forwarder keeps ports forwarded to whichever pod serves.
type forwarder struct {
	env     *command.Env
	cluster *kube.Cluster
	options forwardOptions
	object  *unstructured.Unstructured
	target  string
	pairs   []pair
	onReady func(ports []int) // is told the local ports, each time they are there
}

func newForwarder(env *command.Env, c *kube.Cluster, o forwardOptions, target string, ports []string) (*forwarder, error) {
	f := &forwarder{env: env, cluster: c, options: o, target: target}
	for _, text := range ports {
		p, err := parsePair(text)
		if err != nil {
			return nil, err
		}
		f.pairs = append(f.pairs, p)
	}
	obj, err := findObject(c, []string{target})
	f.object = obj
	return f, err
}

const (
	reconnectPause = 300 * time.Millisecond
	forwardWait    = time.Minute
)

// run forwards until ctx ends. A pod that was named itself is not replaced, but
// one that is started again in place, as StatefulSets do, is used again.
func (f *forwarder) run(ctx context.Context) error {
	first := true
	for {
		pod, err := f.choose(ctx)
		if ctx.Err() != nil {
			return nil // Ctrl-C is how it ends
		}
		if err != nil {
			return err
		}
		err = f.once(ctx, pod, first)
		if ctx.Err() != nil {
			return nil
		}
		if first && err != nil && !errors.Is(err, portforward.ErrLostConnectionToPod) {
			return err
		}
		first = false
		if !f.env.Global.Quiet {
			fmt.Fprintf(f.env.Err, "connection to pod %s lost; looking for another\n", pod.Name)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(reconnectPause):
		}
	}
}

// choose waits for a pod that runs, and prefers one that is ready.
func (f *forwarder) choose(ctx context.Context) (*corev1.Pod, error) {
	limited, cancel := context.WithTimeout(ctx, f.options.wait)
	defer cancel()
	for {
		pods, err := findPods(limited, f.cluster, []string{f.target}, "")
		if err == nil {
			if p := usablePod(pods); p != nil && p.Status.Phase == corev1.PodRunning && p.DeletionTimestamp == nil {
				return p, nil
			}
			err = f.noPod(limited)
		}
		select {
		case <-limited.Done():
			return nil, err
		case <-time.After(reconnectPause):
		}
	}
}

// noPod says why no pod of the target runs.
func (f *forwarder) noPod(ctx context.Context) error {
	finding, _, err := observer{f.cluster}.why(ctx, f.object)
	if err != nil || finding.OK() {
		return fault.New(fault.Unavailable, "forward "+f.target, "garboard get pods -n "+f.cluster.Namespace, "no pod of it runs")
	}
	return fault.New(fault.Unavailable, "forward "+f.target, finding.Fix, "%s", finding.Sentence)
}

// once forwards to one pod until the connection to it is lost or it ends.
func (f *forwarder) once(ctx context.Context, pod *corev1.Pod, first bool) error {
	specs := make([]string, len(f.pairs))
	for i, p := range f.pairs {
		port, err := f.portOf(pod, p.remote)
		if err != nil {
			return err
		}
		specs[i] = fmt.Sprintf("%d:%d", p.local, port)
	}
	dialer, err := f.dialer(pod)
	if err != nil {
		return err
	}
	stop, ready := make(chan struct{}), make(chan struct{})
	talk := io.Discard
	if f.env.Global.Verbose > 0 {
		talk = f.env.Err
	}
	pf, err := portforward.NewOnAddresses(dialer, f.options.addresses, specs, stop, ready, io.Discard, talk)
	if err != nil {
		return fault.Usage("", "%v", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- pf.ForwardPorts() }()
	select {
	case err := <-ended:
		return f.listenFault(err)
	case <-ready:
	}
	f.ready(pf, pod, first)
	watching, end := context.WithCancel(ctx)
	defer end()
	go func() {
		f.watchEnd(watching, pod)
		close(stop)
	}()
	return <-ended
}

// ready keeps the local ports that were chosen, and says where they lead.
func (f *forwarder) ready(pf *portforward.PortForwarder, pod *corev1.Pod, first bool) {
	ports, err := pf.GetPorts()
	if err != nil {
		return // it was closed already; run tries again
	}
	var locals []int
	for i, p := range ports {
		f.pairs[i].local = int(p.Local)
		locals = append(locals, int(p.Local))
		if !f.env.Global.Quiet || first {
			fmt.Fprintf(f.env.Err, "%s:%d -> pod %s:%d\n", f.options.addresses[0], p.Local, pod.Name, p.Remote)
		}
	}
	if f.onReady != nil {
		f.onReady(locals)
	}
}

func (f *forwarder) listenFault(err error) error {
	if err != nil && strings.Contains(err.Error(), "unable to listen") {
		return fault.New(fault.Conflict, "listen", "choose another one, or 0 for any: 0:"+f.pairs[0].remote, "%w", err)
	}
	return err
}

// watchEnd returns when the pod ends or ctx does. A watch that breaks is begun
// again; each begins with the pod's present state.
func (f *forwarder) watchEnd(ctx context.Context, pod *corev1.Pod) {
	match := metav1.ListOptions{FieldSelector: "metadata.name=" + pod.Name}
	for ctx.Err() == nil {
		if watcher, err := f.cluster.Client.CoreV1().Pods(pod.Namespace).Watch(ctx, match); err == nil {
			ended := sawEnd(watcher.ResultChan(), pod.UID)
			watcher.Stop()
			if ended {
				return
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(reconnectPause):
		}
	}
}

// sawEnd reads until the pod has ended (true) or the watch has (false).
func sawEnd(events <-chan watch.Event, uid types.UID) bool {
	for event := range events {
		live, isPod := event.Object.(*corev1.Pod)
		if !isPod {
			continue
		}
		if event.Type == watch.Deleted || live.UID != uid || live.DeletionTimestamp != nil || live.Status.Phase != corev1.PodRunning {
			return true
		}
	}
	return false
}

func (f *forwarder) dialer(pod *corev1.Pod) (httpstream.Dialer, error) {
	address := f.cluster.Client.CoreV1().RESTClient().Post().Resource("pods").Namespace(pod.Namespace).Name(pod.Name).SubResource("portforward").URL()
	websocket, err := portforward.NewSPDYOverWebsocketDialer(address, f.cluster.Config)
	if err != nil {
		return nil, err
	}
	transport, upgrader, err := spdy.RoundTripperFor(f.cluster.Config)
	if err != nil {
		return nil, err
	}
	plain := spdy.NewDialer(upgrader, &http.Client{Transport: transport}, http.MethodPost, address)
	return portforward.NewFallbackDialer(websocket, plain, func(err error) bool {
		return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
	}), nil
}

// portOf is the container's port for what was asked: a service's port leads to
// its target port, and names are looked up.
func (f *forwarder) portOf(pod *corev1.Pod, wanted string) (int32, error) {
	if f.object.GetKind() == "Service" {
		var s corev1.Service
		if err := fromUnstructured(f.object.Object, &s); err != nil {
			return 0, err
		}
		var have []string
		for _, p := range s.Spec.Ports {
			have = append(have, strconv.Itoa(int(p.Port)))
			if p.Name != wanted && strconv.Itoa(int(p.Port)) != wanted {
				continue
			}
			switch target := p.TargetPort; {
			case target.StrVal != "":
				return namedPort(pod, target.StrVal)
			case target.IntVal > 0:
				return target.IntVal, nil
			}
			return p.Port, nil
		}
		return 0, fault.New(fault.NotFound, "forward "+f.target, "it has "+strings.Join(have, ", "), "the service has no port %s", wanted)
	}
	if n, err := strconv.ParseUint(wanted, 10, 16); err == nil {
		return int32(n), nil
	}
	return namedPort(pod, wanted)
}

func namedPort(pod *corev1.Pod, name string) (int32, error) {
	for _, c := range pod.Spec.Containers {
		for _, p := range c.Ports {
			if p.Name == name {
				return p.ContainerPort, nil
			}
		}
	}
	return 0, fault.New(fault.NotFound, "find the port "+name, "use its number", "no container of pod %s names a port so", pod.Name)
}
