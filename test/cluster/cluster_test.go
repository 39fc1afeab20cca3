package cluster

import (
	"os"
	"syscall"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestMain(m *testing.M) { os.Exit(Main(m, Options{Controllers: true})) }

func TestDeploymentBecomesAvailable(t *testing.T) {
	c := Get(t)
	namespace := c.Namespace(t)
	c.PlayNode(t, namespace, Running)
	labels := map[string]string{"app": "web"}
	_, err := c.Client.AppsV1().Deployments(namespace).Create(t.Context(), &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec: appsv1.DeploymentSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Image: "web"}}},
			},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(30 * time.Second)
	for {
		got, err := c.Client.AppsV1().Deployments(namespace).Get(t.Context(), "web", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if got.Status.AvailableReplicas == 1 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not available after 30 s: %+v", got.Status)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func TestStopLeavesNothing(t *testing.T) {
	t.Parallel()
	Get(t) // skips without an engine
	c, err := Start(Options{})
	if err != nil {
		t.Fatal(err)
	}
	c.Stop()
	for _, p := range c.parts {
		if err := syscall.Kill(p.pid, 0); err != syscall.ESRCH {
			t.Errorf("%s (process %d) is still there: %v", p.name, p.pid, err)
		}
	}
	if _, err := os.Stat(c.Dir); !os.IsNotExist(err) {
		t.Errorf("%s is still there", c.Dir)
	}
}
