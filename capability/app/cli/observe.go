package cli

import (
	"bytes"
	"context"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"garboard.dev/garboard/capability/app/explain"
	"garboard.dev/garboard/kube"
)

// observer gathers what explain needs to know. It asks only for what matters
// to pods that are not well.
type observer struct {
	cluster *kube.Cluster
}

// family is a workload with the objects between it and its pods.
type family struct {
	owners []*unstructured.Unstructured
	pods   []corev1.Pod
}

var replicaSets = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "replicasets"}

// familyOf finds a workload's pods by its selector and by who owns whom: pods
// that only have the same labels are not its own.
func (o observer) familyOf(ctx context.Context, w *unstructured.Unstructured) (family, error) {
	selector, err := selectorOf(w)
	if err != nil || selector == "" {
		return family{}, err
	}
	var f family
	owners := []types.UID{w.GetUID()}
	if w.GetKind() == "Deployment" {
		list, err := o.cluster.Dynamic.Resource(replicaSets).Namespace(w.GetNamespace()).List(ctx, metav1.ListOptions{LabelSelector: selector})
		if err != nil {
			return f, err
		}
		for i := range list.Items {
			set := &list.Items[i]
			replicas, _, _ := unstructured.NestedInt64(set.Object, "spec", "replicas")
			if ownedBy(set.GetOwnerReferences(), owners[:1]) && replicas > 0 {
				f.owners = append(f.owners, set)
			}
		}
		for _, set := range f.owners {
			owners = append(owners, set.GetUID())
		}
	}
	pods, err := o.cluster.Client.CoreV1().Pods(w.GetNamespace()).List(ctx, metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		return f, err
	}
	for _, p := range pods.Items {
		if w.GetUID() == "" || ownedBy(p.OwnerReferences, owners) || w.GetKind() == "Service" {
			f.pods = append(f.pods, p)
		}
	}
	return f, nil
}

func ownedBy(refs []metav1.OwnerReference, owners []types.UID) bool {
	return slices.ContainsFunc(refs, func(r metav1.OwnerReference) bool { return slices.Contains(owners, r.UID) })
}

// selectorOf is the selector of an object's pods as a text; "" where it has
// none. A Service's is a plain map, that of workloads a LabelSelector.
func selectorOf(w *unstructured.Unstructured) (string, error) {
	fields, found, err := unstructured.NestedMap(w.Object, "spec", "selector")
	if err != nil || !found {
		return "", err
	}
	var s metav1.LabelSelector
	if kind := w.GetKind(); kind == "Service" || kind == "ReplicationController" {
		s.MatchLabels, _, err = unstructured.NestedStringMap(w.Object, "spec", "selector")
	} else {
		err = fromUnstructured(fields, &s)
	}
	if err != nil {
		return "", err
	}
	selector, err := metav1.LabelSelectorAsSelector(&s)
	if err != nil || selector.Empty() {
		return "", err
	}
	return selector.String(), nil
}

// around asks for what the pods' states call for: events always, nodes and
// claims for those that wait for a node, last words for those that crash.
func (o observer) around(ctx context.Context, namespace string, pods []corev1.Pod) (explain.Around, error) {
	var a explain.Around
	events, err := o.cluster.Client.CoreV1().Events(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return a, err
	}
	a.Events = events.Items
	for i := range pods {
		p := &pods[i]
		if p.Spec.NodeName == "" && a.Nodes == nil {
			if err := o.forScheduling(ctx, namespace, &a); err != nil {
				return a, err
			}
		}
		if p.Spec.NodeName != "" && a.Nodes == nil {
			if nodes, err := o.cluster.Client.CoreV1().Nodes().List(ctx, metav1.ListOptions{}); err == nil { // whoever may not read nodes is told less
				a.Nodes = nodes.Items
			}
		}
		o.lastWords(ctx, p, &a)
	}
	return a, nil
}

// forScheduling asks for nodes, what they carry, claims and classes. Nodes and
// pods of other namespaces may be forbidden: then the numbers are missing.
func (o observer) forScheduling(ctx context.Context, namespace string, a *explain.Around) error {
	if nodes, err := o.cluster.Client.CoreV1().Nodes().List(ctx, metav1.ListOptions{}); err == nil {
		a.Nodes = nodes.Items
	}
	if all, err := o.cluster.Client.CoreV1().Pods("").List(ctx, metav1.ListOptions{FieldSelector: "spec.nodeName!="}); err == nil {
		a.Pods = all.Items
	}
	if classes, err := o.cluster.Client.StorageV1().StorageClasses().List(ctx, metav1.ListOptions{}); err == nil {
		a.Classes = classes.Items
	}
	claims, err := o.cluster.Client.CoreV1().PersistentVolumeClaims(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	a.Claims = claims.Items
	return nil
}

const lastWordsLimit = 4096

// lastWords gets the last line that crashed containers logged. A log that
// cannot be read, as when the node is down, leaves the sentence without it.
func (o observer) lastWords(ctx context.Context, p *corev1.Pod, a *explain.Around) {
	for _, s := range slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses) {
		again := s.State.Waiting != nil && s.LastTerminationState.Terminated != nil
		dead := s.State.Terminated != nil && s.State.Terminated.ExitCode != 0
		if !again && !dead {
			continue
		}
		lines, limit := int64(5), int64(lastWordsLimit)
		text, err := o.cluster.Client.CoreV1().Pods(p.Namespace).GetLogs(p.Name, &corev1.PodLogOptions{
			Container: s.Name, Previous: again, TailLines: &lines, LimitBytes: &limit,
		}).DoRaw(ctx)
		if err != nil {
			continue
		}
		if a.LastLogs == nil {
			a.LastLogs = map[string]string{}
		}
		text = bytes.TrimSpace(text)
		a.LastLogs[p.Name+"/"+s.Name] = strings.TrimSpace(string(text[bytes.LastIndexByte(text, '\n')+1:]))
	}
}

// why explains any object: a pod, a claim, a service or a workload.
func (o observer) why(ctx context.Context, obj *unstructured.Unstructured) (explain.Finding, family, error) {
	switch obj.GetKind() {
	case "Pod":
		var p corev1.Pod
		if err := fromUnstructured(obj.Object, &p); err != nil {
			return explain.Finding{}, family{}, err
		}
		a, err := o.around(ctx, p.Namespace, []corev1.Pod{p})
		return explain.Pod(&p, a), family{pods: []corev1.Pod{p}}, err
	case "PersistentVolumeClaim":
		var c corev1.PersistentVolumeClaim
		if err := fromUnstructured(obj.Object, &c); err != nil {
			return explain.Finding{}, family{}, err
		}
		a, err := o.around(ctx, c.Namespace, nil)
		if err == nil {
			err = o.forScheduling(ctx, c.Namespace, &a)
		}
		return explain.Claim(&c, a), family{}, err
	}
	f, err := o.familyOf(ctx, obj)
	if err != nil || obj.GetNamespace() == "" {
		return explain.Finding{}, f, err
	}
	a, err := o.around(ctx, obj.GetNamespace(), f.pods)
	if err != nil {
		return explain.Finding{}, f, err
	}
	if obj.GetKind() == "Service" {
		var s corev1.Service
		err := fromUnstructured(obj.Object, &s)
		return explain.Service(&s, f.pods, a), f, err
	}
	if _, hasTemplate, _ := unstructured.NestedMap(obj.Object, "spec", "template"); !hasTemplate {
		return explain.Finding{}, f, nil
	}
	return explain.Workload(obj, f.owners, f.pods, a), f, nil
}
