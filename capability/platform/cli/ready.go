package cli

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"garboard.dev/garboard/capability/platform"
	"garboard.dev/garboard/command/progress"
)

// ready waits until pods can run: the node is Ready and the namespace default
// has the service account that pods take.
func ready(ctx context.Context, l platform.Layout, s platform.Settings, steps *progress.Steps) error {
	config, err := clientcmd.BuildConfigFromFlags("", l.AdminKubeconfig())
	if err != nil {
		return err
	}
	config.QPS, config.Burst = 100, 100
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	step := steps.Start("node %s", s.NodeName)
	for {
		waits := notReady(ctx, client, s.NodeName)
		if waits == "" {
			step.Done("Ready")
			return nil
		}
		step.Detail("%s", waits)
		select {
		case <-ctx.Done():
			step.Fail(waits)
			return late(ctx, waits)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// notReady says what is waited for, "" when nothing is.
func notReady(ctx context.Context, client kubernetes.Interface, name string) string {
	node, err := client.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return "the kubelet has not registered it: " + err.Error()
	}
	for _, c := range node.Status.Conditions {
		if c.Type == corev1.NodeReady && c.Status != corev1.ConditionTrue {
			return c.Message
		}
	}
	for _, t := range node.Spec.Taints {
		if t.Key == corev1.TaintNodeNotReady {
			return "it still carries the taint " + t.Key
		}
	}
	if _, err := client.CoreV1().ServiceAccounts(metav1.NamespaceDefault).Get(ctx, "default", metav1.GetOptions{}); err != nil {
		return "the default service account is not there yet"
	}
	return ""
}
