package storage_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"garboard.dev/garboard/capability/storage"
	"garboard.dev/garboard/host/mount"
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
			if err := storage.Remove(volumes, folder, &mount.Fake{}); err != nil {
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
		if err := storage.Remove(volumes, folder, &mount.Fake{}); err == nil {
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

func TestRemoveLeavesWhatAPodHas(t *testing.T) {
	t.Parallel()
	volumes := t.TempDir()
	for name, m := range map[string]mount.Wish{
		"shown elsewhere": {Source: filepath.Join(volumes, "a"), Target: "/pods/1/volumes/data", Bind: true},
		"mounted upon":    {Source: "tmpfs", Target: filepath.Join(volumes, "a", "cache"), Type: "tmpfs"},
	} {
		if err := storage.Make(volumes, "a"); err != nil {
			t.Fatal(err)
		}
		var table mount.Table = &mount.Fake{}
		if m.Bind {
			table = shown{volumes}
		} else if err := table.Mount(m); err != nil {
			t.Fatal(err)
		}
		if err := storage.Remove(volumes, "a", table); !errors.Is(err, storage.ErrInUse) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Stat(filepath.Join(volumes, "a")); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// shown is a mount table in which the kubelet shows the directory a to a pod.
type shown struct{ volumes string }

func (s shown) List() ([]mount.Mount, error) {
	return []mount.Mount{
		{Root: "/", Point: "/", Type: "ext4", Source: "/dev/vda1"},
		{Root: filepath.Join(s.volumes, "a"), Point: "/pods/1/volumes/data", Type: "ext4", Source: "/dev/vda1"},
		{Root: filepath.Join(s.volumes, "a"), Point: "/elsewhere", Type: "ext4", Source: "/dev/vdb1"},
	}, nil
}
func (shown) Mount(mount.Wish) error     { return errors.ErrUnsupported }
func (shown) Unmount(string, bool) error { return errors.ErrUnsupported }

// The same with the kernel's own table, and a bind mount as the kubelet makes it.
func TestRemoveLeavesAMountedDirectory(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED, NOTHING WAS TESTED: needs root to mount")
	}
	volumes, pod := t.TempDir(), t.TempDir()
	if err := storage.Make(volumes, "a"); err != nil {
		t.Fatal(err)
	}
	table := mount.Linux{}
	if err := table.Mount(mount.Wish{Source: filepath.Join(volumes, "a"), Target: pod, Bind: true}); err != nil {
		t.Skipf("SKIPPED, NOTHING WAS TESTED: %v", err)
	}
	t.Cleanup(func() { _ = table.Unmount(pod, true) }) // off already where the test got that far
	if err := os.WriteFile(filepath.Join(pod, "row"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := storage.Remove(volumes, "a", table); !errors.Is(err, storage.ErrInUse) {
		t.Errorf("removed under a pod: %v", err)
	}
	if _, err := os.Stat(filepath.Join(volumes, "a", "row")); err != nil {
		t.Error(err)
	}
	if err := table.Unmount(pod, false); err != nil {
		t.Fatal(err)
	}
	if err := storage.Remove(volumes, "a", table); err != nil {
		t.Errorf("after the pod's end: %v", err)
	}
}

func TestSweep(t *testing.T) {
	t.Parallel()
	volumes := t.TempDir()
	for _, d := range []string{".removing-cut/short", "claimed", "empty", "full/data"} {
		if err := os.MkdirAll(filepath.Join(volumes, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := storage.Sweep(volumes, &mount.Fake{}, func(f string) bool { return f == "claimed" }); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(volumes)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range left {
		names = append(names, e.Name())
	}
	if got := strings.Join(names, " "); got != "claimed full" {
		t.Errorf("left %q; a claimed directory and one with data must stay", got)
	}
}

func TestUsed(t *testing.T) {
	t.Parallel()
	volumes, outside := t.TempDir(), t.TempDir()
	if err := storage.Make(volumes, "a"); err != nil {
		t.Fatal(err)
	}
	write := func(path string) {
		t.Helper()
		if err := os.WriteFile(path, make([]byte, 1<<20), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	in := filepath.Join(volumes, "a", "file")
	write(in)
	write(filepath.Join(outside, "far"))
	if err := os.Link(in, filepath.Join(volumes, "a", "again")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(volumes, "a", "link")); err != nil {
		t.Fatal(err)
	}
	used, err := storage.Used(t.Context(), volumes, "a")
	if err != nil || used < 1<<20 || used >= 2<<20 {
		t.Errorf("%d bytes used, %v; want one file of 1 MiB, its second name and the link's target not counted", used, err)
	}
	if _, err := storage.Used(t.Context(), volumes, "gone"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a directory that is not there: %v", err)
	}
}

func TestShort(t *testing.T) {
	t.Parallel()
	c := claim(func(c *corev1.PersistentVolumeClaim) {
		c.Spec.Resources.Requests = corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("10Gi")}
	})
	if w := storage.Short(c, 20<<30); w != "" {
		t.Errorf("with room: %q", w)
	}
	if w := storage.Short(c, 3<<30); !strings.Contains(w, "10Gi") || !strings.Contains(w, "3Gi left") {
		t.Errorf("without room: %q", w)
	}
}
