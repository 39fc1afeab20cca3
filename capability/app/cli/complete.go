package cli

import (
	"context"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"garboard.dev/garboard/command"
	"garboard.dev/garboard/kube"
)

// completeLimit keeps the shell from hanging on a cluster that does not answer.
const completeLimit = 3 * time.Second

// offer asks the cluster for values. Whatever goes wrong, there are none: a
// completion has nowhere to say why.
func offer(ctx context.Context, env *command.Env, namespace string, ask func(context.Context, *kube.Cluster) []string) []string {
	cluster, err := connect(env, namespace)
	if err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, completeLimit)
	defer cancel()
	return ask(ctx, cluster)
}

func withPrefix(values []string, word string) []string {
	slices.Sort(values)
	return slices.DeleteFunc(slices.Compact(values), func(v string) bool { return !strings.HasPrefix(v, word) })
}

func completeNamespaces(env *command.Env) completer {
	return func(ctx context.Context, _ []string, word string) []string {
		return offer(ctx, env, "", func(ctx context.Context, c *kube.Cluster) []string {
			return withPrefix(names(ctx, c, schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}, ""), word)
		})
	}
}

// names are those of all objects of a kind; only their metadata are asked for.
func names(ctx context.Context, c *kube.Cluster, kind schema.GroupVersionResource, namespace string) []string {
	list, err := c.Dynamic.Resource(kind).Namespace(namespace).List(ctx, metav1.ListOptions{Limit: 500})
	if err != nil {
		return nil
	}
	var out []string
	for _, obj := range list.Items {
		out = append(out, obj.GetName())
	}
	return out
}

// completeObjects offers kinds, then names: "get dep<TAB>", "get deploy we<TAB>"
// and "get deploy/we<TAB>".
func completeObjects(env *command.Env, p *place) completer {
	return func(ctx context.Context, args []string, word string) []string {
		return offer(ctx, env, p.namespace, func(ctx context.Context, c *kube.Cluster) []string {
			kind, name, slashed := strings.Cut(word, "/")
			switch {
			case slashed:
				return withPrefix(prefixed(kind+"/", namesOfKind(ctx, c, kind)), kind+"/"+name)
			case len(args) > 0 && !strings.Contains(args[0], "/"):
				return withPrefix(namesOfKind(ctx, c, args[0]), word)
			}
			return withPrefix(kinds(c), word)
		})
	}
}

func prefixed(prefix string, values []string) []string {
	for i := range values {
		values[i] = prefix + values[i]
	}
	return values
}

func namesOfKind(ctx context.Context, c *kube.Cluster, kind string) []string {
	mapper, err := getter{c}.ToRESTMapper()
	if err != nil {
		return nil
	}
	resource, err := mapper.ResourceFor(schema.ParseGroupResource(kind).WithVersion(""))
	if err != nil {
		return nil
	}
	namespace := c.Namespace
	gvk, err := mapper.KindFor(resource)
	if err != nil {
		return nil
	}
	if mapping, err := mapper.RESTMapping(gvk.GroupKind(), gvk.Version); err != nil || mapping.Scope.Name() != meta.RESTScopeNameNamespace {
		namespace = ""
	}
	return names(ctx, c, resource, namespace)
}

// kinds are the plural names of all kinds that can be listed.
func kinds(c *kube.Cluster) []string {
	lists, err := c.Discovery.ServerPreferredResources()
	if err != nil && len(lists) == 0 {
		return nil
	}
	var out []string
	for _, list := range lists {
		for _, r := range list.APIResources {
			if slices.Contains(r.Verbs, "list") {
				out = append(out, r.Name)
			}
		}
	}
	return out
}

// completePods offers pods, and workloads as KIND/NAME once a kind is written.
func completePods(env *command.Env, p *place) completer {
	objects := completeObjects(env, p)
	return func(ctx context.Context, args []string, word string) []string {
		if strings.Contains(word, "/") {
			return objects(ctx, nil, word)
		}
		return offer(ctx, env, p.namespace, func(ctx context.Context, c *kube.Cluster) []string {
			out := names(ctx, c, schema.GroupVersionResource{Version: "v1", Resource: "pods"}, c.Namespace)
			for _, kind := range []string{"deployments", "statefulsets", "daemonsets", "jobs"} {
				short := strings.TrimSuffix(kind, "s")
				out = append(out, prefixed(short+"/", namesOfKind(ctx, c, kind))...)
			}
			return withPrefix(out, word)
		})
	}
}

// completeContainers offers the containers of the pod that is named.
func completeContainers(env *command.Env, p *place) completer {
	return func(ctx context.Context, args []string, word string) []string {
		if len(args) == 0 {
			return nil
		}
		return offer(ctx, env, p.namespace, func(ctx context.Context, c *kube.Cluster) []string {
			pods, err := findPods(ctx, c, args[:1], "")
			if err != nil {
				return nil
			}
			var out []string
			for _, pod := range pods {
				out = append(out, containerNames(&pod)...)
			}
			return withPrefix(out, word)
		})
	}
}

func containerNames(p *corev1.Pod) []string {
	var out []string
	for _, list := range [][]corev1.Container{p.Spec.InitContainers, p.Spec.Containers} {
		for _, c := range list {
			out = append(out, c.Name)
		}
	}
	return out
}
