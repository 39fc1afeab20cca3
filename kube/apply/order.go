package apply

import (
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// ranks is the order in which kinds are applied; what is not listed comes with
// the workloads. Objects of one rank do not need each other.
var ranks = map[schema.GroupKind]int{
	{Kind: "Namespace"}: rankNamespace,
	{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}: rankDefinition,

	{Group: "scheduling.k8s.io", Kind: "PriorityClass"}: rankClass,
	{Group: "storage.k8s.io", Kind: "StorageClass"}:     rankClass,
	{Group: "storage.k8s.io", Kind: "CSIDriver"}:        rankClass,
	{Group: "node.k8s.io", Kind: "RuntimeClass"}:        rankClass,
	{Group: "networking.k8s.io", Kind: "IngressClass"}:  rankClass,
	{Kind: "ResourceQuota"}:                             rankClass,
	{Kind: "LimitRange"}:                                rankClass,

	{Kind: "ServiceAccount"}:                                         rankAccess,
	{Group: "rbac.authorization.k8s.io", Kind: "Role"}:               rankAccess,
	{Group: "rbac.authorization.k8s.io", Kind: "ClusterRole"}:        rankAccess,
	{Group: "rbac.authorization.k8s.io", Kind: "RoleBinding"}:        rankBinding,
	{Group: "rbac.authorization.k8s.io", Kind: "ClusterRoleBinding"}: rankBinding,
	{Kind: "ConfigMap"}:                                          rankConfig,
	{Kind: "Secret"}:                                             rankConfig,
	{Kind: "PersistentVolume"}:                                   rankVolume,
	{Kind: "PersistentVolumeClaim"}:                              rankClaim,
	{Kind: "Service"}:                                            rankService,
	{Group: "policy", Kind: "PodDisruptionBudget"}:               rankService,
	{Group: "networking.k8s.io", Kind: "NetworkPolicy"}:          rankService,
	{Group: "autoscaling", Kind: "HorizontalPodAutoscaler"}:      rankEntry,
	{Group: "networking.k8s.io", Kind: "Ingress"}:                rankEntry,
	{Group: "apiregistration.k8s.io", Kind: "APIService"}:        rankHook,
	{Group: admission, Kind: "ValidatingWebhookConfiguration"}:   rankHook,
	{Group: admission, Kind: "MutatingWebhookConfiguration"}:     rankHook,
	{Group: admission, Kind: "ValidatingAdmissionPolicyBinding"}: rankHook,
	{Group: admission, Kind: "ValidatingAdmissionPolicy"}:        rankEntry,
}

const admission = "admissionregistration.k8s.io"

const (
	rankNamespace = iota
	rankDefinition
	rankClass
	rankAccess
	rankBinding
	rankConfig
	rankVolume
	rankClaim
	rankService
	rankWorkload
	rankEntry
	rankHook // last: these would otherwise stop what their own set still needs
)

func rank(obj *unstructured.Unstructured) int {
	if r, known := ranks[obj.GroupVersionKind().GroupKind()]; known {
		return r
	}
	return rankWorkload
}

// Waves sorts objs into waves: each wave needs only what stands in the waves
// before it. Within a wave the given order is kept.
func Waves(objs []*unstructured.Unstructured) [][]*unstructured.Unstructured {
	sorted := slices.Clone(objs)
	slices.SortStableFunc(sorted, func(a, b *unstructured.Unstructured) int { return rank(a) - rank(b) })
	var waves [][]*unstructured.Unstructured
	for i, obj := range sorted {
		if i == 0 || rank(sorted[i-1]) != rank(obj) {
			waves = append(waves, nil)
		}
		waves[len(waves)-1] = append(waves[len(waves)-1], obj)
	}
	return waves
}

func isDefinition(obj *unstructured.Unstructured) bool { return rank(obj) == rankDefinition }

// definedKind is the kind that a CustomResourceDefinition defines.
func definedKind(definition *unstructured.Unstructured) schema.GroupKind {
	group, _, _ := unstructured.NestedString(definition.Object, "spec", "group")
	kind, _, _ := unstructured.NestedString(definition.Object, "spec", "names", "kind")
	return schema.GroupKind{Group: group, Kind: kind}
}

// coming is what only exists once the set itself is applied.
type coming struct {
	namespaces map[string]bool
	kinds      map[schema.GroupKind]bool
}

func newComing(objs []*unstructured.Unstructured) coming {
	c := coming{namespaces: map[string]bool{}, kinds: map[schema.GroupKind]bool{}}
	for _, obj := range objs {
		switch rank(obj) {
		case rankNamespace:
			c.namespaces[obj.GetName()] = true
		case rankDefinition:
			c.kinds[definedKind(obj)] = true
		}
	}
	return c
}
