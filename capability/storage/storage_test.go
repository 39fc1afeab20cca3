package storage_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"garboard.dev/garboard/capability/storage"
)

func claim(change func(*corev1.PersistentVolumeClaim)) *corev1.PersistentVolumeClaim {
	c := &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "data", UID: "u1", Annotations: map[string]string{"volume.kubernetes.io/selected-node": "n1"}},
		Spec:       corev1.PersistentVolumeClaimSpec{AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}},
	}
	if change != nil {
		change(c)
	}
	return c
}

func TestWanted(t *testing.T) {
	t.Parallel()
	class := storage.Classes()[0]
	block := corev1.PersistentVolumeBlock
	for _, c := range []struct {
		name    string
		change  func(*corev1.PersistentVolumeClaim)
		wanted  bool
		refused string
	}{
		{"waits for this node", nil, true, ""},
		{"waits for its first pod", func(c *corev1.PersistentVolumeClaim) { c.Annotations = nil }, false, ""},
		{"belongs to another node", func(c *corev1.PersistentVolumeClaim) { c.Annotations["volume.kubernetes.io/selected-node"] = "n2" }, false, ""},
		{"has its volume", func(c *corev1.PersistentVolumeClaim) { c.Spec.VolumeName = "pvc-u1" }, false, ""},
		{"is going", func(c *corev1.PersistentVolumeClaim) { c.DeletionTimestamp = &metav1.Time{} }, false, ""},
		{"wants a device", func(c *corev1.PersistentVolumeClaim) { c.Spec.VolumeMode = &block }, false, "Block"},
		{"wants many writers", func(c *corev1.PersistentVolumeClaim) {
			c.Spec.AccessModes = []corev1.PersistentVolumeAccessMode{corev1.ReadWriteMany}
		}, false, "ReadWriteMany"},
		{"wants a copy", func(c *corev1.PersistentVolumeClaim) { c.Spec.DataSource = &corev1.TypedLocalObjectReference{} }, false, "data source"},
	} {
		wanted, refused := storage.Wanted(claim(c.change), class, "n1")
		if wanted != c.wanted || !strings.Contains(refused, c.refused) || (refused == "") != (c.refused == "") {
			t.Errorf("a claim that %s: wanted %v, refused %q", c.name, wanted, refused)
		}
	}
}

func TestReclaimRemovesOnlyItsOwn(t *testing.T) {
	t.Parallel()
	class := storage.Classes()[0]
	released := func(change func(*corev1.PersistentVolume)) *corev1.PersistentVolume {
		v := storage.Volume(claim(nil), class, "n1", "/volumes")
		v.Status.Phase = corev1.VolumeReleased
		if change != nil {
			change(v)
		}
		return v
	}
	for _, c := range []struct {
		name   string
		change func(*corev1.PersistentVolume)
		want   bool
	}{
		{"released", nil, true},
		{"bound", func(v *corev1.PersistentVolume) { v.Status.Phase = corev1.VolumeBound }, false},
		{"retained", func(v *corev1.PersistentVolume) {
			v.Spec.PersistentVolumeReclaimPolicy = corev1.PersistentVolumeReclaimRetain
		}, false},
		{"made by somebody else", func(v *corev1.PersistentVolume) { v.Annotations = nil }, false},
		{"pointed elsewhere", func(v *corev1.PersistentVolume) { v.Spec.Local.Path = "/etc" }, false},
		{"pointed out of the folder", func(v *corev1.PersistentVolume) { v.Spec.Local.Path = "/volumes/.." }, false},
		{"pointed deeper", func(v *corev1.PersistentVolume) { v.Spec.Local.Path = "/volumes/a/b" }, false},
		{"on another node", func(v *corev1.PersistentVolume) { *v = *storage.Volume(claim(nil), class, "n2", "/volumes") }, false},
	} {
		if folder, remove := storage.Reclaim(released(c.change), "n1", "/volumes"); remove != c.want {
			t.Errorf("a volume %s: remove %v (%q), want %v", c.name, remove, folder, c.want)
		}
	}
}

func TestRemoveStaysBelowItsFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	volumes, outside := filepath.Join(dir, "volumes"), filepath.Join(dir, "outside")
	for _, d := range []string{volumes, outside} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	kept := filepath.Join(outside, "kept")
	if err := os.WriteFile(kept, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := storage.Make(volumes, "a"); err != nil {
		t.Fatal(err)
	}
	for link, to := range map[string]string{"a/link": outside, "b": outside} {
		if err := os.Symlink(to, filepath.Join(volumes, link)); err != nil {
			t.Fatal(err)
		}
	}
	for _, folder := range []string{"a", "b"} {
		for range 2 { // also once more, as after a removal that was cut short
			if err := storage.Remove(volumes, folder); err != nil {
				t.Errorf("remove %s: %v", folder, err)
			}
		}
	}
	if _, err := os.Stat(kept); err != nil {
		t.Errorf("a link led out of the folder: %v", err)
	}
	if left, err := os.ReadDir(volumes); err != nil || len(left) > 0 {
		t.Errorf("left over: %v, %v", left, err)
	}
	for _, folder := range []string{"../outside", "/etc"} {
		if err := storage.Remove(volumes, folder); err == nil {
			t.Errorf("remove %s was not refused", folder)
		}
	}
}

func TestMakeKeepsContent(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for range 2 {
		if err := storage.Make(dir, "a"); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "a", "row"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if info, err := os.Stat(filepath.Join(dir, "a")); err != nil || info.Mode().Perm() != 0o777 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}
