// Package cli is the command line of the storage capability.
package cli

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"garboard.dev/garboard/capability/platform"
	"garboard.dev/garboard/capability/storage"
	"garboard.dev/garboard/command"
	"garboard.dev/garboard/fault"
	"garboard.dev/garboard/kube"
)

// exitCodes are those that the verbs have beyond 0, 1 and 2.
var exitCodes = map[int]string{
	int(fault.NotFound):    "no such volume",
	int(fault.Unavailable): "the cluster does not answer",
	int(fault.Denied):      "not allowed",
	int(fault.Conflict):    "the volume is claimed",
}

// Commands returns the capability's verbs.
func Commands(env *command.Env) []*command.Command {
	return []*command.Command{listCommand(env), removeCommand(env)}
}

func connect(env *command.Env) (*kube.Cluster, error) {
	return kube.Connect(kube.Options{
		Kubeconfig: env.Global.Kubeconfig, Context: env.Global.Context,
		Default: platform.LayoutOf(env.Global.StateDir).AdminKubeconfig(),
	})
}

// volumes returns the provisioner's volumes.
func volumes(ctx context.Context, c *kube.Cluster) ([]corev1.PersistentVolume, error) {
	all, err := c.Client.CoreV1().PersistentVolumes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, c.Fault(err, "list volumes")
	}
	var out []corev1.PersistentVolume
	for _, v := range all.Items {
		if storage.Ours(&v) {
			out = append(out, v)
		}
	}
	return out, nil
}

// completeReleased offers the volumes that nobody claims any more.
func completeReleased(env *command.Env) func(context.Context, []string, string) []string {
	return func(ctx context.Context, _ []string, _ string) (out []string) {
		c, err := connect(env)
		if err != nil {
			return nil // without a cluster there is nothing to offer
		}
		all, err := volumes(ctx, c)
		if err != nil {
			return nil
		}
		for _, v := range all {
			if v.Status.Phase == corev1.VolumeReleased {
				out = append(out, v.Name)
			}
		}
		return out
	}
}
