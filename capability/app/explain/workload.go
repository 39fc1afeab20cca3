package explain

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
)

// Workload says why a workload (Deployment, ReplicaSet, StatefulSet, DaemonSet,
// Job, ...) does not have the pods that it should, or why they do not run.
// owners are the objects between it and its pods: a Deployment's ReplicaSets.
func Workload(w *unstructured.Unstructured, owners []*unstructured.Unstructured, pods []corev1.Pod, a Around) Finding {
	name := w.GetKind() + " " + w.GetName()
	if replicas, found, _ := unstructured.NestedInt64(w.Object, "spec", "replicas"); found && replicas == 0 {
		f := passing("%s has no pods because it is scaled to 0", name)
		f.Fix = fmt.Sprintf("garboard kubectl scale %s/%s --replicas=1", strings.ToLower(w.GetKind()), w.GetName())
		return f
	}
	for _, field := range []string{"paused", "suspend"} {
		if held, _, _ := unstructured.NestedBool(w.Object, "spec", field); held {
			return fault("set spec."+field+" to false", "%s does nothing new because spec.%s is true", name, field)
		}
	}
	if f := podsOf(name, pods, a); !f.OK() && !f.Passing {
		return f
	}
	for _, obj := range append([]*unstructured.Unstructured{w}, owners...) {
		if f := creation(name, obj, a); !f.OK() {
			return f
		}
	}
	if c := conditionOf(w, "Failed"); c != nil && c["status"] == "True" {
		return fault(fmt.Sprintf("read what its pods said: garboard logs %s/%s", strings.ToLower(w.GetKind()), w.GetName()),
			"%s failed: %s", name, brief(textOf(c, "message")))
	}
	return podsOf(name, pods, a)
}

// podsOf explains by the first pod that has a fault.
func podsOf(name string, pods []corev1.Pod, a Around) Finding {
	var first Finding
	bad := 0
	for i := range pods {
		if pods[i].DeletionTimestamp != nil {
			continue
		}
		f := Pod(&pods[i], a)
		if f.OK() {
			continue
		}
		bad++
		if first.OK() || first.Passing && !f.Passing {
			first = f
		}
	}
	if !first.OK() && len(pods) > 1 {
		state := "do not run"
		if first.Passing {
			state = "are not ready yet"
		}
		first.Sentence = fmt.Sprintf("%d of %d pods of %s %s; the first: %s", bad, len(pods), name, state, lower(first.Sentence))
	}
	return first
}

// creation explains why a controller cannot make its pods.
func creation(name string, obj *unstructured.Unstructured, a Around) Finding {
	said := ""
	if c := conditionOf(obj, "ReplicaFailure"); c != nil && c["status"] == "True" {
		said = textOf(c, "message")
	}
	if e := a.latest(obj.GetUID(), obj.GetName(), "FailedCreate"); said == "" && e != nil && !a.madeAfter(e, obj) {
		said = e.Message
	}
	if said == "" {
		return Finding{}
	}
	return creationFailure(name, said)
}

func (a Around) madeAfter(e *corev1.Event, obj *unstructured.Unstructured) bool {
	made := a.latest(obj.GetUID(), obj.GetName(), "SuccessfulCreate")
	return made != nil && eventTime(made).After(eventTime(e))
}

func creationFailure(name, said string) Finding {
	_, security, isSecurity := strings.Cut(said, "violates PodSecurity ")
	_, quota, isQuota := strings.Cut(said, "exceeded quota: ")
	_, account, isAccount := strings.Cut(said, "error looking up service account ")
	switch {
	case isSecurity:
		return fault("change securityContext so that it conforms, or, if it needs these rights, label its namespace pod-security.kubernetes.io/enforce=privileged",
			"%s cannot make its pods: they violate the namespace's Pod Security level %s", name, brief(security))
	case isQuota:
		return fault("free some of it, or raise the ResourceQuota", "%s cannot make its pods: the namespace's quota is used up: %s", name, brief(quota))
	case isAccount:
		account, _, _ = strings.Cut(account, ": ")
		return fault("make the ServiceAccount, or correct serviceAccountName", "%s cannot make its pods: the service account %s does not exist", name, account)
	case strings.Contains(said, "per Container is") || strings.Contains(said, "per Pod is"):
		return fault("change resources so that they fit the namespace's LimitRange: garboard get limitranges",
			"%s cannot make its pods: %s", name, brief(said))
	case strings.Contains(said, "failed quota") && strings.Contains(said, "must specify"):
		return fault("set resources for every container, or make a LimitRange with defaults", "%s cannot make its pods: %s", name, brief(said))
	case strings.Contains(said, "admission webhook"):
		return fault("follow what it says, or look at the webhook", "%s cannot make its pods: %s", name, brief(said))
	}
	return fault("", "%s cannot make its pods: %s", name, brief(said))
}

func conditionOf(obj *unstructured.Unstructured, kind string) map[string]any {
	list, _, _ := unstructured.NestedSlice(obj.Object, "status", "conditions")
	for _, entry := range list {
		if c, isMap := entry.(map[string]any); isMap && c["type"] == kind {
			return c
		}
	}
	return nil
}

func textOf(fields map[string]any, name string) string { s, _ := fields[name].(string); return s }

// Service says why a service leads nowhere. pods are those of its namespace.
func Service(s *corev1.Service, pods []corev1.Pod, a Around) Finding {
	if s.Spec.Type == corev1.ServiceTypeExternalName || len(s.Spec.Selector) == 0 {
		return Finding{}
	}
	chosen := labels.SelectorFromSet(s.Spec.Selector)
	var matching []corev1.Pod
	for _, p := range pods {
		if p.Namespace == s.Namespace && chosen.Matches(labels.Set(p.Labels)) {
			matching = append(matching, p)
		}
	}
	if len(matching) == 0 {
		return fault("give the pods these labels, or correct spec.selector", "Service %s leads nowhere: no pod has the labels %s", s.Name, chosen)
	}
	ready := slices.ContainsFunc(matching, func(p corev1.Pod) bool {
		c := condition(&p, corev1.PodReady)
		return c != nil && c.Status == corev1.ConditionTrue
	})
	if ready {
		return Finding{}
	}
	f := podsOf("Service "+s.Name, matching, a)
	if !f.OK() {
		f.Sentence = "Service " + s.Name + " leads nowhere: " + lower(f.Sentence)
	}
	return f
}
