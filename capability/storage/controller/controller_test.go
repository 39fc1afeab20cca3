package controller

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"

	"garboard.dev/garboard/capability/platform"
	"garboard.dev/garboard/loop"
	"garboard.dev/garboard/test/cluster"
)

func TestMain(m *testing.M) { os.Exit(cluster.Main(m, cluster.Options{Controllers: true})) }

// start runs the provisioner of a node of its own and returns the folder of its
// volumes and what stops it.
func start(t *testing.T, c *cluster.Cluster, node, state string) (stop func()) {
	t.Helper()
	env := loop.Env{
		Log: slog.New(slog.DiscardHandler), Now: time.Now, Client: c.Client, StateDir: state, NodeName: node,
		Informers: informers.NewSharedInformerFactoryWithOptions(c.Client, 0, informers.WithTransform(loop.Slim)),
	}
	if err := os.MkdirAll(platform.LayoutOf(state).VolumeDir(), 0o700); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	runner, controllers := loop.NewRunner(env), Controllers(env)
	go func() { runner.Run(ctx, controllers); close(done) }()
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	return stop
}

// makeClaim makes a claim that the scheduler has given to node already.
func makeClaim(t *testing.T, c *cluster.Cluster, namespace, name, class, node string, mode corev1.PersistentVolumeAccessMode) *corev1.PersistentVolumeClaim {
	t.Helper()
	claim, err := c.Client.CoreV1().PersistentVolumeClaims(namespace).Create(t.Context(), &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: map[string]string{"volume.kubernetes.io/selected-node": node}},
		Spec: corev1.PersistentVolumeClaimSpec{
			StorageClassName: &class, AccessModes: []corev1.PersistentVolumeAccessMode{mode},
			Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Mi")}},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return claim
}

// until asks until it gets no error, for half a minute.
func until(t *testing.T, what string, ask func() error) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for err := ask(); err != nil; err = ask() {
		if time.Now().After(deadline) {
			t.Fatalf("%s: %v", what, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func bound(t *testing.T, c *cluster.Cluster, claim *corev1.PersistentVolumeClaim) *corev1.PersistentVolume {
	t.Helper()
	var volume *corev1.PersistentVolume
	until(t, "claim "+claim.Name+" is bound", func() error {
		got, err := c.Client.CoreV1().PersistentVolumeClaims(claim.Namespace).Get(t.Context(), claim.Name, metav1.GetOptions{})
		if err == nil && got.Status.Phase != corev1.ClaimBound {
			err = fmt.Errorf("it is %s", got.Status.Phase)
		}
		if err == nil {
			volume, err = c.Client.CoreV1().PersistentVolumes().Get(t.Context(), got.Spec.VolumeName, metav1.GetOptions{})
		}
		return err
	})
	return volume
}

func deleteClaim(t *testing.T, c *cluster.Cluster, claim *corev1.PersistentVolumeClaim) {
	t.Helper()
	if err := c.Client.CoreV1().PersistentVolumeClaims(claim.Namespace).Delete(t.Context(), claim.Name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
}

func gone(t *testing.T, c *cluster.Cluster, volume *corev1.PersistentVolume) {
	t.Helper()
	until(t, "the volume goes", func() error {
		_, err := c.Client.CoreV1().PersistentVolumes().Get(t.Context(), volume.Name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		return fmt.Errorf("it is still there (%v)", err)
	})
}

func TestDeleteAndRetain(t *testing.T) {
	t.Parallel()
	c := cluster.Get(t)
	namespace := c.Namespace(t)
	start(t, c, "one", t.TempDir())
	kept := makeClaim(t, c, namespace, "kept", "local-retain", "one", corev1.ReadWriteOnce)
	gives := makeClaim(t, c, namespace, "gives", "local", "one", corev1.ReadWriteOncePod)
	keptVolume, givesVolume := bound(t, c, kept), bound(t, c, gives)
	for _, v := range []*corev1.PersistentVolume{keptVolume, givesVolume} {
		if err := os.WriteFile(filepath.Join(v.Spec.Local.Path, "row"), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	deleteClaim(t, c, kept)
	deleteClaim(t, c, gives)
	gone(t, c, givesVolume)
	if _, err := os.Stat(givesVolume.Spec.Local.Path); !os.IsNotExist(err) {
		t.Errorf("the directory of the class local: %v", err)
	}
	if _, err := os.Stat(filepath.Join(keptVolume.Spec.Local.Path, "row")); err != nil {
		t.Errorf("the class local-retain lost its data: %v", err)
	}
	// What garboard storage rm does.
	patch := []byte(`{"spec":{"persistentVolumeReclaimPolicy":"Delete"}}`)
	if _, err := c.Client.CoreV1().PersistentVolumes().Patch(t.Context(), keptVolume.Name, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	gone(t, c, keptVolume)
	if _, err := os.Stat(keptVolume.Spec.Local.Path); !os.IsNotExist(err) {
		t.Errorf("the directory after rm: %v", err)
	}
}

// A claim for another node and one that cannot be had stay pending; the second
// gets the reason as an event.
func TestRefusals(t *testing.T) {
	t.Parallel()
	c := cluster.Get(t)
	namespace := c.Namespace(t)
	state := t.TempDir()
	start(t, c, "two", state)
	makeClaim(t, c, namespace, "far", "local", "elsewhere", corev1.ReadWriteOnce)
	makeClaim(t, c, namespace, "many", "local", "two", corev1.ReadWriteMany)
	until(t, "the event", func() error {
		events, err := c.Client.CoreV1().Events(namespace).List(t.Context(), metav1.ListOptions{FieldSelector: "involvedObject.name=many"})
		if err != nil {
			return err
		}
		var said []string
		for _, e := range events.Items {
			if e.Reason == "ProvisioningFailed" && strings.Contains(e.Message, "ReadWriteMany") {
				return nil
			}
			said = append(said, e.Reason+": "+e.Message)
		}
		return fmt.Errorf("events %q", said)
	})
	if left, err := os.ReadDir(platform.LayoutOf(state).VolumeDir()); err != nil || len(left) > 0 {
		t.Errorf("directories %v, %v", left, err)
	}
}

// The agent may end at any point: between the directory and the volume, before
// a removal, in the middle of one. What it finds when it comes back is enough.
func TestComesBack(t *testing.T) {
	t.Parallel()
	c := cluster.Get(t)
	namespace := c.Namespace(t)
	state := t.TempDir()
	dir := platform.LayoutOf(state).VolumeDir()
	stop := start(t, c, "three", state)
	first := makeClaim(t, c, namespace, "first", "local", "three", corev1.ReadWriteOnce)
	volume := bound(t, c, first)
	stop()
	deleteClaim(t, c, first) // nobody is there to see it
	// A removal that had only begun, and a directory whose volume was not made yet.
	if err := os.Rename(volume.Spec.Local.Path, filepath.Join(dir, ".removing-"+filepath.Base(volume.Spec.Local.Path))); err != nil {
		t.Fatal(err)
	}
	second := makeClaim(t, c, namespace, "second", "local", "three", corev1.ReadWriteOnce)
	made := filepath.Join(dir, fmt.Sprintf("%s_second_%s", namespace, second.UID))
	if err := os.Mkdir(made, 0o700); err != nil {
		t.Fatal(err)
	}
	start(t, c, "three", state)
	gone(t, c, volume)
	if got := bound(t, c, second); got.Spec.Local.Path != made {
		t.Errorf("the second claim got %s, not the directory that was made for it", got.Spec.Local.Path)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 || left[0].Name() != filepath.Base(made) {
		t.Errorf("directories %v, %v", left, err)
	}
}
