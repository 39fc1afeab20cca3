// Package ready says of any Kubernetes object whether it is ready, and if not
// why, in one line. It decides by the object alone (and the storage classes,
// for claims): no clock and no requests. For kinds that it does not know it
// follows the conditions that Kubernetes' API conventions name: Ready,
// Available, Reconciling and Stalled, and status.observedGeneration.
package ready

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Status is what is known of one object.
type Status struct {
	Ready  bool
	Failed bool   // it will not become ready by waiting
	Reason string // one line; empty where it is simply ready
}

func ok(format string, args ...any) Status {
	return Status{Ready: true, Reason: fmt.Sprintf(format, args...)}
}

func waits(format string, args ...any) Status { return Status{Reason: fmt.Sprintf(format, args...)} }

func failed(format string, args ...any) Status {
	return Status{Failed: true, Reason: fmt.Sprintf(format, args...)}
}

// judges knows the kinds that have rules of their own.
var judges = map[schema.GroupKind]func(*unstructured.Unstructured) Status{
	{Group: "apps", Kind: "Deployment"}:                               deployment,
	{Group: "apps", Kind: "StatefulSet"}:                              statefulSet,
	{Group: "apps", Kind: "DaemonSet"}:                                daemonSet,
	{Group: "apps", Kind: "ReplicaSet"}:                               replicaSet,
	{Kind: "ReplicationController"}:                                   replicaSet,
	{Group: "batch", Kind: "Job"}:                                     job,
	{Kind: "Pod"}:                                                     pod,
	{Kind: "PersistentVolumeClaim"}:                                   claim,
	{Kind: "PersistentVolume"}:                                        volume,
	{Kind: "Service"}:                                                 service,
	{Kind: "Namespace"}:                                               namespace,
	{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}: definition,
	{Group: "apiregistration.k8s.io", Kind: "APIService"}:             apiService,
}

// Of says whether obj is ready. related may hold the cluster's storage classes:
// a claim whose class binds only when a pod uses it does not wait for that.
func Of(obj *unstructured.Unstructured, related ...*unstructured.Unstructured) Status {
	if at := obj.GetDeletionTimestamp(); at != nil {
		if left := obj.GetFinalizers(); len(left) > 0 {
			return waits("it is being deleted and waits for %s", strings.Join(left, ", "))
		}
		return waits("it is being deleted")
	}
	kind := obj.GroupVersionKind().GroupKind()
	if judge := judges[kind]; judge != nil {
		status := judge(obj)
		if kind.Kind == "PersistentVolumeClaim" && !status.Ready && !status.Failed && bindsLate(obj, related) {
			return ok("is bound when a pod uses it")
		}
		return status
	}
	return generic(obj)
}

// bindsLate says whether the claim's class waits for the first pod.
func bindsLate(claim *unstructured.Unstructured, related []*unstructured.Unstructured) bool {
	wanted, named, _ := unstructured.NestedString(claim.Object, "spec", "storageClassName")
	for _, class := range related {
		if class.GetKind() != "StorageClass" {
			continue
		}
		chosen := class.GetName() == wanted
		if !named {
			chosen = class.GetAnnotations()["storageclass.kubernetes.io/is-default-class"] == "true"
		}
		if mode, _, _ := unstructured.NestedString(class.Object, "volumeBindingMode"); chosen && mode == "WaitForFirstConsumer" {
			return true
		}
	}
	return false
}

// stale says that no controller has looked at this generation yet.
func stale(obj *unstructured.Unstructured) bool {
	seen, found, _ := unstructured.NestedInt64(obj.Object, "status", "observedGeneration")
	return found && seen < obj.GetGeneration()
}

// unseen is stale for the kinds whose controller always records a generation.
func unseen(obj *unstructured.Unstructured) bool {
	seen, _, _ := unstructured.NestedInt64(obj.Object, "status", "observedGeneration")
	return seen < max(obj.GetGeneration(), 1)
}

// condition is one entry of status.conditions.
type condition struct{ status, reason, message string }

func (c condition) why() string {
	switch {
	case c.message != "":
		return oneLine(c.message)
	case c.reason != "":
		return c.reason
	}
	return "no reason given"
}

func conditions(obj *unstructured.Unstructured) map[string]condition {
	list, _, _ := unstructured.NestedSlice(obj.Object, "status", "conditions")
	out := make(map[string]condition, len(list))
	for _, entry := range list {
		fields, isMap := entry.(map[string]any)
		if !isMap {
			continue
		}
		text := func(name string) string { s, _ := fields[name].(string); return s }
		out[text("type")] = condition{text("status"), text("reason"), text("message")}
	}
	return out
}

func number(obj *unstructured.Unstructured, otherwise int64, path ...string) int64 {
	n, found, err := unstructured.NestedInt64(obj.Object, path...)
	if !found || err != nil {
		return otherwise
	}
	return n
}

func text(obj *unstructured.Unstructured, path ...string) string {
	s, _, _ := unstructured.NestedString(obj.Object, path...)
	return s
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// generic follows the conventions that custom resources keep.
func generic(obj *unstructured.Unstructured) Status {
	if stale(obj) {
		return waits("its controller has not seen the change yet")
	}
	known := conditions(obj)
	if c := known["Stalled"]; c.status == "True" {
		return failed("%s", c.why())
	}
	if c := known["Reconciling"]; c.status == "True" {
		return waits("%s", c.why())
	}
	for _, name := range []string{"Ready", "Available"} {
		if c, found := known[name]; found && c.status != "True" {
			return waits("%s", c.why())
		}
	}
	return ok("")
}
