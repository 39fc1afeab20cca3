package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	corev1 "k8s.io/api/core/v1"

	"garboard.dev/garboard/test/cluster"
	"garboard.dev/garboard/test/script"
)

func TestMain(m *testing.M) { os.Exit(cluster.Main(m, cluster.Options{Controllers: true})) }

// The scripts of testdata/bare need no cluster. Each of testdata/cluster has a
// namespace of its own, $NAMESPACE, which is also that of its kubeconfig. Pods
// run at once, except those whose image is called so that it cannot be pulled
// (missing) or crashes (crashing).
func TestScripts(t *testing.T) {
	t.Parallel()
	bin := script.Build(t)
	t.Run("bare", func(t *testing.T) {
		t.Parallel()
		script.RunWith(t, bin, "testdata/bare")
	})
	t.Run("cluster", func(t *testing.T) {
		t.Parallel()
		c := cluster.Get(t)
		script.RunWith(t, bin, "testdata/cluster", func(env *testscript.Env) error {
			namespace := c.Namespace(t)
			c.PlayNode(t, namespace, play)
			path := filepath.Join(env.WorkDir, "kubeconfig")
			env.Setenv("KUBECONFIG", path)
			env.Setenv("NAMESPACE", namespace)
			return c.KubeconfigIn(namespace, path)
		})
	})
}

func play(pod *corev1.Pod) *corev1.PodStatus {
	image := pod.Spec.Containers[0].Image
	status := cluster.Running(pod)
	if status == nil || len(pod.Status.ContainerStatuses) > 0 {
		return nil
	}
	switch {
	case strings.HasPrefix(image, "missing"):
		status.Phase = corev1.PodPending
		status.ContainerStatuses[0].State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{
			Reason: "ImagePullBackOff", Message: `Back-off pulling image "` + image + `": ErrImagePull: failed to resolve reference "docker.io/library/` + image + `": not found`,
		}}
	case strings.HasPrefix(image, "crashing"):
		status.ContainerStatuses[0].State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}}
		status.ContainerStatuses[0].LastTerminationState = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 3, Reason: "Error", Message: "no configuration\n"}}
	default:
		return status
	}
	for i := range status.Conditions {
		if c := &status.Conditions[i]; c.Type == corev1.PodReady || c.Type == corev1.ContainersReady {
			c.Status = corev1.ConditionFalse
		}
	}
	status.ContainerStatuses[0].Ready = false
	return status
}
