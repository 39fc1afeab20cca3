package cli

import (
	"bytes"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"garboard.dev/garboard/command/output"
)

func TestList(t *testing.T) {
	t.Parallel()
	volume := func(name, namespace, claim, used string, phase corev1.PersistentVolumePhase) corev1.PersistentVolume {
		v := corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: map[string]string{}}}
		if used != "" {
			v.Annotations["garboard.dev/used"] = used
		}
		v.Spec.Capacity = corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("8Gi")}
		v.Spec.ClaimRef = &corev1.ObjectReference{Namespace: namespace, Name: claim}
		v.Spec.Local = &corev1.LocalVolumeSource{Path: "/v/" + name}
		v.Spec.PersistentVolumeReclaimPolicy = corev1.PersistentVolumeReclaimDelete
		v.Status.Phase = phase
		return v
	}
	all := []corev1.PersistentVolume{
		volume("pvc-2", "shop", "db", "123456789", corev1.VolumeBound), volume("pvc-1", "blog", "files", "", corev1.VolumeReleased),
	}
	for namespace, want := range map[string]string{
		"": `CLAIM        STATE      ASKED    USED   ON RELEASE   VOLUME
blog/files   released     8Gi       -   delete       pvc-1
shop/db      bound        8Gi   117Mi   delete       pvc-2
`,
		"blog": `CLAIM        STATE      ASKED   USED   ON RELEASE   VOLUME
blog/files   released     8Gi      -   delete       pvc-1
`,
	} {
		var out bytes.Buffer
		if err := output.TableFormat.Print(&out, list(all, namespace)); err != nil {
			t.Fatal(err)
		}
		if out.String() != want {
			t.Errorf("namespace %q:\n%s\nwant\n%s", namespace, out.String(), want)
		}
	}
}

func TestHuman(t *testing.T) {
	t.Parallel()
	for bytes, want := range map[int64]string{0: "0", 512: "512", 8 << 30: "8Gi", 123456789: "117Mi", 20480: "20Ki", 5<<30 + 1: "5Gi"} {
		if got := human(bytes); got != want {
			t.Errorf("%d is %s, want %s", bytes, got, want)
		}
	}
}
