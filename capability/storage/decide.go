package storage

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Classes returns the storage classes: the default one deletes what a claim
// leaves, the other keeps it.
func Classes() []*storagev1.StorageClass {
	return []*storagev1.StorageClass{
		class("local", corev1.PersistentVolumeReclaimDelete, true),
		class("local-retain", corev1.PersistentVolumeReclaimRetain, false),
	}
}

func class(name string, policy corev1.PersistentVolumeReclaimPolicy, standard bool) *storagev1.StorageClass {
	wait := storagev1.VolumeBindingWaitForFirstConsumer
	c := &storagev1.StorageClass{
		TypeMeta:    metav1.TypeMeta{APIVersion: "storage.k8s.io/v1", Kind: "StorageClass"},
		ObjectMeta:  metav1.ObjectMeta{Name: name, Labels: map[string]string{"app.kubernetes.io/managed-by": "garboard"}},
		Provisioner: Provisioner, ReclaimPolicy: &policy, VolumeBindingMode: &wait,
	}
	if standard {
		c.Annotations = map[string]string{annotationDefaultClass: "true"}
	}
	return c
}

// Wanted says whether the claim waits for a directory on node, and if it can
// never get one, why.
func Wanted(claim *corev1.PersistentVolumeClaim, class *storagev1.StorageClass, node string) (wanted bool, refused string) {
	if class == nil || class.Provisioner != Provisioner || claim.Spec.VolumeName != "" ||
		claim.DeletionTimestamp != nil || claim.Annotations[annotationSelectedNode] != node {
		return false, ""
	}
	if claim.Spec.VolumeMode != nil && *claim.Spec.VolumeMode == corev1.PersistentVolumeBlock {
		return false, "volumeMode Block is not offered: a local directory is a filesystem; ask for Filesystem"
	}
	if claim.Spec.Selector != nil {
		return false, "a selector is not offered: every claim gets a directory of its own"
	}
	if slices.Contains(claim.Spec.AccessModes, corev1.ReadWriteMany) || slices.Contains(claim.Spec.AccessModes, corev1.ReadOnlyMany) {
		return false, "ReadWriteMany and ReadOnlyMany are not offered: a local directory is on one machine; pods of one machine may share a ReadWriteOnce claim"
	}
	if claim.Spec.DataSource != nil || claim.Spec.DataSourceRef != nil {
		return false, "a data source is not offered: a directory begins empty"
	}
	return true, ""
}

// VolumeName is the name of the claim's volume.
func VolumeName(claim *corev1.PersistentVolumeClaim) string { return "pvc-" + string(claim.UID) }

// Folder is the name of the claim's directory below the volume directory. It
// begins with what people look for and ends with what makes it unique.
func Folder(claim *corev1.PersistentVolumeClaim) string {
	return fmt.Sprintf("%s_%s_%s", claim.Namespace, claim.Name, claim.UID)
}

// Volume is the claim's PersistentVolume, its directory below volumeDir on node.
func Volume(claim *corev1.PersistentVolumeClaim, class *storagev1.StorageClass, node, volumeDir string) *corev1.PersistentVolume {
	policy := corev1.PersistentVolumeReclaimDelete
	if class.ReclaimPolicy != nil {
		policy = *class.ReclaimPolicy
	}
	filesystem := corev1.PersistentVolumeFilesystem
	return &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: VolumeName(claim), Annotations: map[string]string{annotationProvisionedBy: Provisioner}},
		Spec: corev1.PersistentVolumeSpec{
			Capacity:    corev1.ResourceList{corev1.ResourceStorage: claim.Spec.Resources.Requests[corev1.ResourceStorage]},
			AccessModes: claim.Spec.AccessModes, VolumeMode: &filesystem,
			PersistentVolumeReclaimPolicy: policy, StorageClassName: class.Name, MountOptions: class.MountOptions,
			ClaimRef: &corev1.ObjectReference{APIVersion: "v1", Kind: "PersistentVolumeClaim", Namespace: claim.Namespace, Name: claim.Name, UID: claim.UID},
			PersistentVolumeSource: corev1.PersistentVolumeSource{
				Local: &corev1.LocalVolumeSource{Path: filepath.Join(volumeDir, Folder(claim))},
			},
			NodeAffinity: &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{
				MatchExpressions: []corev1.NodeSelectorRequirement{{Key: labelHostname, Operator: corev1.NodeSelectorOpIn, Values: []string{node}}},
			}}}},
		},
	}
}

// Reclaim returns the directory's name below volumeDir that goes with a volume
// nobody claims any more, and whether directory and volume are to be removed.
func Reclaim(volume *corev1.PersistentVolume, node, volumeDir string) (folder string, remove bool) {
	if volume.Status.Phase != corev1.VolumeReleased || volume.Spec.PersistentVolumeReclaimPolicy != corev1.PersistentVolumeReclaimDelete {
		return "", false
	}
	return FolderOf(volume, node, volumeDir)
}

// Ours says whether the volume is of this provisioner.
func Ours(volume *corev1.PersistentVolume) bool {
	return volume.Annotations[annotationProvisionedBy] == Provisioner && volume.Spec.Local != nil
}

// FolderOf returns the name of the volume's directory below volumeDir on node.
// A volume that somebody has pointed elsewhere has none: what we have not made
// is neither measured nor removed.
func FolderOf(volume *corev1.PersistentVolume, node, volumeDir string) (folder string, ok bool) {
	if !Ours(volume) || !onNode(volume, node) {
		return "", false
	}
	folder, below := strings.CutPrefix(volume.Spec.Local.Path, volumeDir+"/")
	if !below || folder == "" || strings.ContainsRune(folder, '/') || strings.HasPrefix(folder, ".") {
		return "", false
	}
	return folder, true
}

// Short warns of a claim that asks for more than the disk has, as sizes are not
// enforced; "" where there is room. free is in bytes.
func Short(claim *corev1.PersistentVolumeClaim, free uint64) string {
	size := claim.Spec.Resources.Requests[corev1.ResourceStorage]
	if size.Value() <= 0 || uint64(size.Value()) <= free {
		return ""
	}
	have := resource.NewQuantity(int64(free>>20<<20), resource.BinarySI)
	return fmt.Sprintf("the claim asks for %s and the disk has %s left: sizes are not enforced, but the disk will be full before", size.String(), have)
}

func onNode(volume *corev1.PersistentVolume, node string) bool {
	if volume.Spec.NodeAffinity == nil || volume.Spec.NodeAffinity.Required == nil {
		return false
	}
	for _, term := range volume.Spec.NodeAffinity.Required.NodeSelectorTerms {
		for _, e := range term.MatchExpressions {
			if e.Key == labelHostname && slices.Contains(e.Values, node) {
				return true
			}
		}
	}
	return false
}
