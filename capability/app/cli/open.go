package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"garboard.dev/garboard/capability/platform"
	"garboard.dev/garboard/command"
	"garboard.dev/garboard/fault"
	"garboard.dev/garboard/host/program"
	"garboard.dev/garboard/kube"
)

type openOptions struct {
	place
	printOnly bool
	runner    program.Runner
}

func openCommand(env *command.Env) *command.Command {
	o := openOptions{runner: program.Linux{}}
	return &command.Command{
		Name: "open", Args: "[INGRESS | KIND/NAME]", Summary: "Show an application in the browser",
		Help: `Prints the address of the Ingress that leads to the object, and opens it where there is a browser. Where no
Ingress does, the object's first port is forwarded until Ctrl-C. Without a name all addresses are printed.`,
		Examples: `
			garboard open
			garboard open wordpress
			garboard open service/web --print`,
		Flags: func(f *pflag.FlagSet) {
			o.place.bind(f)
			f.BoolVar(&o.printOnly, "print", false, "print the address and do not open it")
		},
		Complete: func(ctx context.Context, args []string, word string) []string {
			if strings.Contains(word, "/") {
				return completeObjects(env, &o.place)(ctx, nil, word)
			}
			return offer(ctx, env, o.namespace, func(ctx context.Context, c *kube.Cluster) []string {
				return withPrefix(namesOfKind(ctx, c, "ingresses"), word)
			})
		},
		CompleteFlags: map[string]completer{"namespace": completeNamespaces(env)},
		Run: func(ctx context.Context, args []string) error {
			if len(args) > 1 {
				return fault.Usage("garboard open NAME", "open takes one name")
			}
			return withCluster(env, o.namespace, "open it", func(c *kube.Cluster) error { return runOpen(ctx, env, o, c, args) })
		},
	}
}

func runOpen(ctx context.Context, env *command.Env, o openOptions, c *kube.Cluster, args []string) error {
	list, err := c.Client.NetworkingV1().Ingresses(c.Namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	ports := entryPorts(env, c)
	if len(args) == 0 {
		var all []string
		for i := range list.Items {
			all = append(all, addresses(&list.Items[i], ports, nil)...)
		}
		if len(all) == 0 {
			return fault.New(fault.NotFound, "open it", "name what to open: garboard open service/NAME", "namespace %s has no Ingress", c.Namespace)
		}
		return printLines(env, all)
	}
	found, target, err := findEntry(ctx, c, list.Items, args[0], ports)
	if err != nil {
		return err
	}
	if len(found) > 0 {
		return show(ctx, env, o, found[0])
	}
	return forwardAndShow(ctx, env, o, c, target)
}

func printLines(env *command.Env, lines []string) error {
	for _, l := range lines {
		if _, err := fmt.Fprintln(env.Out, l); err != nil {
			return err
		}
	}
	return nil
}

// webPorts are where HTTP and HTTPS come in from outside.
type webPorts struct{ http, https int }

// entryPorts are the platform's where the cluster is this machine's.
func entryPorts(env *command.Env, c *kube.Cluster) webPorts {
	settings := platform.DefaultSettings()
	if c.Own() {
		data, err := os.ReadFile(platform.LayoutOf(env.Global.StateDir).SettingsFile())
		if err == nil {
			err = json.Unmarshal(data, &settings)
		}
		if err != nil {
			settings = platform.DefaultSettings()
		}
	}
	return webPorts{settings.HTTPPort, settings.HTTPSPort}
}

// addresses are the URLs of an Ingress; with service only those whose path
// leads there.
func addresses(in *networkingv1.Ingress, ports webPorts, service *string) []string {
	var out []string
	for _, rule := range in.Spec.Rules {
		if rule.HTTP == nil {
			continue
		}
		for _, p := range rule.HTTP.Paths {
			if service != nil && (p.Backend.Service == nil || p.Backend.Service.Name != *service) {
				continue
			}
			out = append(out, address(in, rule.Host, p.Path, ports))
		}
	}
	return slices.Compact(out)
}

func address(in *networkingv1.Ingress, host, path string, ports webPorts) string {
	if host == "" {
		host = "localhost"
		for _, at := range in.Status.LoadBalancer.Ingress {
			host = firstOf(at.Hostname, at.IP, host)
		}
	}
	host = strings.Replace(host, "*", "www", 1)
	if path == "" {
		path = "/"
	}
	for _, t := range in.Spec.TLS {
		if len(t.Hosts) == 0 || slices.Contains(t.Hosts, host) {
			return "https://" + withPort(host, ports.https, 443) + path
		}
	}
	return "http://" + withPort(host, ports.http, 80) + path
}

func withPort(host string, port, usual int) string {
	if port == usual {
		return host
	}
	return net.JoinHostPort(host, strconv.Itoa(port))
}

// findEntry finds the addresses that lead to what was named; where there are
// none it returns the object that ports can be forwarded to.
func findEntry(ctx context.Context, c *kube.Cluster, all []networkingv1.Ingress, name string, ports webPorts) ([]string, *unstructured.Unstructured, error) {
	bare := strings.TrimPrefix(strings.TrimPrefix(name, "ingress/"), "ing/")
	for i := range all {
		if all[i].Name == bare && (bare == name || strings.Contains(name, "ing")) {
			return addresses(&all[i], ports, nil), nil, nil
		}
	}
	if !strings.Contains(name, "/") {
		name = "service/" + name
	}
	obj, err := findObject(c, []string{name})
	if err != nil {
		return nil, nil, err
	}
	services, err := servicesOf(ctx, c, obj)
	if err != nil {
		return nil, nil, err
	}
	for _, service := range services {
		for i := range all {
			if found := addresses(&all[i], ports, &service); len(found) > 0 {
				return found, obj, nil
			}
		}
	}
	return nil, obj, nil
}

// servicesOf are the services that lead to a workload's or a pod's pods.
func servicesOf(ctx context.Context, c *kube.Cluster, obj *unstructured.Unstructured) ([]string, error) {
	if obj.GetKind() == "Service" {
		return []string{obj.GetName()}, nil
	}
	pods, err := findPods(ctx, c, []string{strings.ToLower(obj.GetKind()) + "/" + obj.GetName()}, "")
	if err != nil {
		return nil, err
	}
	list, err := c.Client.CoreV1().Services(c.Namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	var out []string
	for _, s := range list.Items {
		if slices.ContainsFunc(pods, func(p corev1.Pod) bool { return selects(s.Spec.Selector, p.Labels) }) {
			out = append(out, s.Name)
		}
	}
	return out, nil
}

func selects(selector, labels map[string]string) bool {
	for key, value := range selector {
		if labels[key] != value {
			return false
		}
	}
	return len(selector) > 0
}

// show prints the address, says what is missing to reach it, and opens it.
func show(ctx context.Context, env *command.Env, o openOptions, url string) error {
	if _, err := fmt.Fprintln(env.Out, url); err != nil {
		return err
	}
	_, rest, _ := strings.Cut(url, "://")
	host, _, _ := strings.Cut(rest, "/")
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	local := host == "localhost" || strings.HasSuffix(host, ".localhost") // browsers know these without DNS (RFC 6761)
	if _, err := net.DefaultResolver.LookupHost(ctx, host); err != nil && !local && !env.Global.Quiet {
		fmt.Fprintf(env.Err, "the name %s is unknown to this machine: add it to /etc/hosts with the cluster's address\n", host)
	}
	if o.printOnly || !env.Terminal || env.Getenv("DISPLAY") == "" && env.Getenv("WAYLAND_DISPLAY") == "" {
		return nil
	}
	err := o.runner.Run(ctx, program.Command{Name: "xdg-open", Args: []string{url}})
	var missing *program.MissingError
	if errors.As(err, &missing) {
		return nil // the address is printed: that is what there is without a browser
	}
	return err
}

// forwardAndShow forwards the first port until ctx ends.
func forwardAndShow(ctx context.Context, env *command.Env, o openOptions, c *kube.Cluster, obj *unstructured.Unstructured) error {
	target := strings.ToLower(obj.GetKind()) + "/" + obj.GetName()
	port, err := firstPort(ctx, c, obj, target)
	if err != nil {
		return err
	}
	f, err := newForwarder(env, c, forwardOptions{place: o.place, addresses: []string{"localhost"}, wait: forwardWait}, target, []string{"0:" + port})
	if err != nil {
		return err
	}
	shown := false
	f.onReady = func(ports []int) {
		if shown {
			return
		}
		shown = true
		scheme := "http"
		if port == "443" || port == "8443" || port == "https" {
			scheme = "https"
		}
		if err := show(ctx, env, o, fmt.Sprintf("%s://localhost:%d/", scheme, ports[0])); err != nil {
			fmt.Fprintln(env.Err, err)
		}
	}
	return f.run(ctx)
}

// firstPort is the first port that a service or a pod has.
func firstPort(ctx context.Context, c *kube.Cluster, obj *unstructured.Unstructured, target string) (string, error) {
	if obj.GetKind() == "Service" {
		var s corev1.Service
		if err := fromUnstructured(obj.Object, &s); err != nil {
			return "", err
		}
		if len(s.Spec.Ports) > 0 {
			return strconv.Itoa(int(s.Spec.Ports[0].Port)), nil
		}
	} else {
		pods, err := findPods(ctx, c, []string{target}, "")
		if err != nil {
			return "", err
		}
		for _, p := range pods {
			for _, container := range p.Spec.Containers {
				if len(container.Ports) > 0 {
					return strconv.Itoa(int(container.Ports[0].ContainerPort)), nil
				}
			}
		}
	}
	return "", fault.New(fault.NotFound, "open "+target, "garboard port-forward "+target+" PORT", "it names no port")
}
