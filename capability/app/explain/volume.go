package explain

import (
	"fmt"
	"regexp"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

var mountVolume = regexp.MustCompile(`for volume "([^"]+)"`)

// volumes explains by what keeps the pod's volumes from being mounted.
func volumes(p *corev1.Pod, a Around) Finding {
	e := a.latest(p.UID, p.Name, "FailedMount", "FailedAttachVolume", "FailedMapVolume")
	if e == nil || a.after(e, p, "Pulling", "Pulled", "Created", "Started") {
		return Finding{}
	}
	volume := "a volume"
	if m := mountVolume.FindStringSubmatch(e.Message); m != nil {
		volume = "volume " + m[1]
	}
	if m := missingObject.FindStringSubmatch(e.Message); m != nil {
		kind := kindName(m[1])
		return fault(fmt.Sprintf("make it, or correct the name: garboard get %ss -n %s", strings.ToLower(kind), p.Namespace),
			"Pod %s waits for %s, whose %s %s does not exist in namespace %s", p.Name, volume, kind, m[2], p.Namespace)
	}
	if _, key, found := strings.Cut(e.Message, "references non-existent "); found {
		return fault("add the key to the ConfigMap or Secret, or mark it optional",
			"Pod %s waits for %s, which wants a key that is not there: %s", p.Name, volume, brief(key))
	}
	if strings.Contains(e.Message, "Multi-Attach") {
		return fault("wait until the other pod is gone, or use a volume that several nodes may mount",
			"Pod %s waits for %s, which is still in use on another node", p.Name, volume)
	}
	return fault("look at the node's log: garboard logs kubelet", "Pod %s waits for %s, which cannot be mounted: %s", p.Name, volume, brief(e.Message))
}

// claims explains an unscheduled pod by the first of its claims that is missing
// or not bound.
func claims(p *corev1.Pod, a Around) Finding {
	for _, v := range p.Spec.Volumes {
		name := ""
		switch {
		case v.PersistentVolumeClaim != nil:
			name = v.PersistentVolumeClaim.ClaimName
		case v.Ephemeral != nil:
			name = p.Name + "-" + v.Name
		default:
			continue
		}
		claim := a.claim(p.Namespace, name)
		if claim == nil {
			return fault("make it, or correct claimName: garboard get pvc -n "+p.Namespace,
				"Pod %s needs the claim %s, which does not exist in namespace %s", p.Name, name, p.Namespace)
		}
		if claim.Status.Phase != corev1.ClaimBound {
			f := Claim(claim, a)
			if !f.OK() && !f.Passing {
				f.Sentence = fmt.Sprintf("Pod %s waits for a volume: %s", p.Name, lower(f.Sentence))
				return f
			}
		}
	}
	return Finding{}
}

func (a Around) claim(namespace, name string) *corev1.PersistentVolumeClaim {
	for i := range a.Claims {
		if c := &a.Claims[i]; c.Name == name && c.Namespace == namespace {
			return c
		}
	}
	return nil
}

const defaultClass = "storageclass.kubernetes.io/is-default-class"

// Claim says why a claim has no volume.
func Claim(c *corev1.PersistentVolumeClaim, a Around) Finding {
	switch {
	case c.DeletionTimestamp != nil:
		return passing("Claim %s is being deleted as soon as no pod uses it", c.Name)
	case c.Status.Phase == corev1.ClaimBound:
		return Finding{}
	case c.Status.Phase == corev1.ClaimLost:
		return fault("restore the volume, or delete the claim and make it again: its data are gone",
			"Claim %s has lost its volume %s", c.Name, c.Spec.VolumeName)
	}
	class, known := "", false
	if c.Spec.StorageClassName != nil {
		class = *c.Spec.StorageClassName
	}
	late := false
	for _, s := range a.Classes {
		if s.Name == class || c.Spec.StorageClassName == nil && s.Annotations[defaultClass] == "true" {
			known, class = true, s.Name
			late = s.VolumeBindingMode != nil && *s.VolumeBindingMode == "WaitForFirstConsumer"
		}
	}
	switch e := a.latest(c.UID, c.Name, "ProvisioningFailed", "FailedBinding"); {
	case !known && c.Spec.StorageClassName == nil:
		return fault("set storageClassName, or mark a class as the default: garboard get storageclasses",
			"Claim %s names no storage class, and the cluster has no default one", c.Name)
	case !known && class != "":
		return fault("correct storageClassName: garboard get storageclasses", "Claim %s wants the storage class %s, which does not exist", c.Name, class)
	case e != nil:
		return fault("look at the provisioner's log", "No volume is made for claim %s: %s", c.Name, brief(e.Message))
	case late:
		return passing("Claim %s gets its volume when a pod uses it", c.Name)
	case class == "":
		return fault("make a PersistentVolume that fits, or name a storage class", "Claim %s wants an existing volume, and none fits it", c.Name)
	}
	return passing("Claim %s waits for the storage class %s to make its volume", c.Name, class)
}
