package cluster

import (
	"context"
	"encoding/json"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
)

// PlayNode plays the kubelet for the pods of namespace until the test ends:
// each pod gets the status that next returns for it (nil leaves it alone), and
// a pod that is being deleted goes. Running is a next for the good case.
func (c *Cluster) PlayNode(t testing.TB, namespace string, next func(*corev1.Pod) *corev1.PodStatus) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	watcher, err := c.Client.CoreV1().Pods(namespace).Watch(ctx, metav1.ListOptions{})
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for event := range watcher.ResultChan() {
			if pod, ok := event.Object.(*corev1.Pod); ok && event.Type != watch.Deleted {
				c.playPod(ctx, pod, next)
			}
		}
	}()
	t.Cleanup(func() {
		cancel()
		watcher.Stop()
		<-done
	})
}

// playPod acts once on one pod. Errors are of pods that have changed or gone
// meanwhile: the next event tells.
func (c *Cluster) playPod(ctx context.Context, pod *corev1.Pod, next func(*corev1.Pod) *corev1.PodStatus) {
	pods := c.Client.CoreV1().Pods(pod.Namespace)
	if pod.DeletionTimestamp != nil {
		_ = pods.Delete(ctx, pod.Name, *metav1.NewDeleteOptions(0))
		return
	}
	status := next(pod)
	if status == nil {
		return
	}
	patch, err := json.Marshal(map[string]any{"status": status})
	if err != nil {
		return
	}
	_, _ = pods.Patch(ctx, pod.Name, types.StrategicMergePatchType, patch, metav1.PatchOptions{}, "status")
}

// Running makes every pod that is not yet so run and be ready.
func Running(pod *corev1.Pod) *corev1.PodStatus {
	if pod.Status.Phase == corev1.PodRunning {
		return nil
	}
	status := &corev1.PodStatus{Phase: corev1.PodRunning, PodIP: "10.42.0.9"}
	for _, kind := range []corev1.PodConditionType{corev1.PodScheduled, corev1.PodInitialized, corev1.ContainersReady, corev1.PodReady} {
		status.Conditions = append(status.Conditions, corev1.PodCondition{Type: kind, Status: corev1.ConditionTrue, LastTransitionTime: metav1.Now()})
	}
	for _, container := range pod.Spec.Containers {
		status.ContainerStatuses = append(status.ContainerStatuses, corev1.ContainerStatus{
			Name: container.Name, Image: container.Image, Ready: true,
			State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.Now()}},
		})
	}
	return status
}
