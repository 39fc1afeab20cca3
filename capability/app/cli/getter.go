package cli

import (
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/resource"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"garboard.dev/garboard/kube"
)

// getter offers a cluster to the libraries of kubectl.
type getter struct{ cluster *kube.Cluster }

var _ genericclioptions.RESTClientGetter = getter{}

func (g getter) ToRESTConfig() (*rest.Config, error) { return rest.CopyConfig(g.cluster.Config), nil }

func (g getter) ToDiscoveryClient() (discovery.CachedDiscoveryInterface, error) {
	return g.cluster.Discovery, nil
}

// ToRESTMapper also knows short names, as "po" and "deploy".
func (g getter) ToRESTMapper() (meta.RESTMapper, error) {
	return restmapper.NewShortcutExpander(g.cluster.Mapper, g.cluster.Discovery, nil), nil
}

func (g getter) ToRawKubeConfigLoader() clientcmd.ClientConfig {
	over := &clientcmd.ConfigOverrides{Context: clientcmdapi.Context{Namespace: g.cluster.Namespace}}
	return clientcmd.NewNonInteractiveDeferredLoadingClientConfig(&clientcmd.ClientConfigLoadingRules{ExplicitPath: g.cluster.Kubeconfig}, over)
}

// builder finds objects by what people write: KIND, KIND/NAME, KIND NAME...,
// short names and categories as "all".
func (g getter) builder() *resource.Builder {
	return resource.NewBuilder(g).Unstructured().NamespaceParam(g.cluster.Namespace).DefaultNamespace()
}
