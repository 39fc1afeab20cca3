// Package cli is the command line of the app capability: the verbs that people
// use every day on what runs in a cluster.
package cli

import (
	"context"
	"fmt"

	"github.com/go-logr/logr"
	"github.com/spf13/pflag"
	"k8s.io/klog/v2"

	"garboard.dev/garboard/capability/platform"
	"garboard.dev/garboard/command"
	"garboard.dev/garboard/fault"
	"garboard.dev/garboard/kube"
)

// exitCodes are those that these verbs have beyond 0, 1 and 2.
var exitCodes = map[int]string{
	int(fault.NotFound):    "no such object",
	int(fault.Unavailable): "the cluster does not answer",
	int(fault.Denied):      "not allowed",
	int(fault.Conflict):    "a field belongs to another manager",
	int(fault.Interrupted): "interrupted",
}

// Commands returns the capability's verbs.
func Commands(env *command.Env) []*command.Command {
	all := []*command.Command{
		applyCommand(env), getCommand(env), describeCommand(env), logsCommand(env), execCommand(env),
		copyCommand(env), forwardCommand(env), openCommand(env), deleteCommand(env), kubectlCommand(env),
	}
	for _, c := range all {
		c.Everyday = true
		if c.ExitCodes == nil && !c.Raw {
			c.ExitCodes = exitCodes
		}
	}
	return all
}

// place is which namespace a verb works in.
type place struct{ namespace string }

func (p *place) bind(f *pflag.FlagSet) {
	f.StringVarP(&p.namespace, "namespace", "n", "", "the `NAMESPACE` (default: the context's)")
}

// connect finds the cluster: what --kubeconfig names, or the platform.
func connect(env *command.Env, namespace string) (*kube.Cluster, error) {
	if env.Global.Verbose == 0 {
		// The libraries of Kubernetes log what they also return.
		klog.SetLogger(logr.Discard())
	}
	return kube.Connect(kube.Options{
		Kubeconfig: env.Global.Kubeconfig,
		Context:    env.Global.Context,
		Default:    platform.LayoutOf(env.Global.StateDir).AdminKubeconfig(),
		Namespace:  namespace,
		Warn: func(text string) {
			if !env.Global.Quiet {
				fmt.Fprintf(env.Err, "warning: %s\n", text)
			}
		},
	})
}

// withCluster connects and runs do; an error that do gives gets its kind and
// hint from the server's answer.
func withCluster(env *command.Env, namespace, op string, do func(*kube.Cluster) error) error {
	cluster, err := connect(env, namespace)
	if err != nil {
		return err
	}
	return finish(cluster, do(cluster), op)
}

// finish leaves errors alone that people can read already.
func finish(cluster *kube.Cluster, err error, op string) error {
	switch err.(type) {
	case nil, *fault.Error, *fault.UsageError, fault.ExitStatus:
		return err
	}
	return cluster.Fault(err, op)
}

type completer = func(ctx context.Context, args []string, word string) []string
