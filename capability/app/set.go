package app

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"garboard.dev/garboard/capability/app/manifest"
)

// Set is what is applied together under a name, so that what leaves it can be
// found. It is kept as Kubernetes' ApplySet specification has it (KEP-3659): a
// parent object, here a ConfigMap, and a label on each member.
type Set struct {
	Name      string
	Namespace string // of the parent object
}

// The labels and annotations of the specification.
const (
	PartOf         = "applyset.kubernetes.io/part-of"
	setID          = "applyset.kubernetes.io/id"
	setTooling     = "applyset.kubernetes.io/tooling"
	setKinds       = "applyset.kubernetes.io/contains-group-kinds"
	setNamespaces  = "applyset.kubernetes.io/additional-namespaces"
	tooling        = "garboard/v1"
	parentPrefix   = "garboard-set-"
	longestSetName = 63 - len(parentPrefix)
)

var (
	setName   = regexp.MustCompile(`^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$`)
	notInName = regexp.MustCompile(`[^a-z0-9]+`)
)

// NewSet returns the set called name.
func NewSet(name, namespace string) (Set, error) {
	if !setName.MatchString(name) || len(name) > longestSetName {
		return Set{}, fmt.Errorf("%q is no name for a set: small letters, digits and dashes, %d at most", name, longestSetName)
	}
	return Set{Name: name, Namespace: namespace}, nil
}

// common are folder names that say nothing of the application.
var common = []string{"k8s", "kubernetes", "kube", "deploy", "deployment", "manifests", "manifest", "yaml", "config", "app", "base"}

// SetNameOf is the name that the set of a folder has by default: the folder's,
// and with its parent's before it where every project has a folder of that name.
func SetNameOf(dir string) string {
	full, err := filepath.Abs(dir)
	if err != nil {
		return ""
	}
	name := plainName(filepath.Base(full))
	if slices.Contains(common, name) {
		name = strings.Trim(plainName(filepath.Base(filepath.Dir(full)))+"-"+name, "-")
	}
	return strings.Trim(name[:min(len(name), longestSetName)], "-")
}

func plainName(text string) string {
	return strings.Trim(notInName.ReplaceAllString(strings.ToLower(text), "-"), "-")
}

// ID is the set's identity: by the specification a hash of its parent's name,
// namespace, kind and group.
func (s Set) ID() string {
	sum := sha256.Sum256([]byte(strings.Join([]string{s.parentName(), s.Namespace, "ConfigMap", ""}, ".")))
	return "applyset-" + base64.RawURLEncoding.EncodeToString(sum[:]) + "-v1"
}

func (s Set) parentName() string { return parentPrefix + s.Name }

// Members are the kinds and namespaces that a set's members may have.
type Members struct {
	Kinds      []schema.GroupKind
	Namespaces []string
}

// Parent is the set's parent object.
func (s Set) Parent(m Members) *unstructured.Unstructured {
	var kinds []string
	for _, k := range m.Kinds {
		kinds = append(kinds, k.String())
	}
	others := slices.DeleteFunc(slices.Clone(m.Namespaces), func(ns string) bool { return ns == s.Namespace || ns == "" })
	slices.Sort(kinds)
	slices.Sort(others)
	obj := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "ConfigMap"}}
	obj.SetName(s.parentName())
	obj.SetNamespace(s.Namespace)
	obj.SetLabels(map[string]string{setID: s.ID()})
	obj.SetAnnotations(map[string]string{
		setTooling:    tooling,
		setKinds:      strings.Join(slices.Compact(kinds), ","),
		setNamespaces: strings.Join(slices.Compact(others), ","),
	})
	return obj
}

// MembersOf reads what a parent object says; nil says nothing. A parent that
// another tool keeps is an error.
func (s Set) MembersOf(parent *unstructured.Unstructured) (Members, error) {
	var out Members
	if parent == nil {
		return out, nil
	}
	notes := parent.GetAnnotations()
	if by := notes[setTooling]; by != tooling {
		return out, fmt.Errorf("ConfigMap %s/%s belongs to another tool (%q)", s.Namespace, s.parentName(), by)
	}
	for kind := range strings.SplitSeq(notes[setKinds], ",") {
		if kind != "" {
			out.Kinds = append(out.Kinds, schema.ParseGroupKind(kind))
		}
	}
	out.Namespaces = []string{s.Namespace}
	for ns := range strings.SplitSeq(notes[setNamespaces], ",") {
		if ns != "" {
			out.Namespaces = append(out.Namespaces, ns)
		}
	}
	return out, nil
}

// Union is what either of the two has.
func (m Members) Union(o Members) Members {
	out := Members{Kinds: slices.Concat(m.Kinds, o.Kinds), Namespaces: slices.Concat(m.Namespaces, o.Namespaces)}
	slices.SortFunc(out.Kinds, func(a, b schema.GroupKind) int { return strings.Compare(a.String(), b.String()) })
	slices.Sort(out.Namespaces)
	out.Kinds, out.Namespaces = slices.Compact(out.Kinds), slices.Compact(out.Namespaces)
	return out
}

// Mark labels an object as a member.
func (s Set) Mark(obj *unstructured.Unstructured) {
	labels := obj.GetLabels()
	if labels == nil {
		labels = map[string]string{}
	}
	labels[PartOf] = s.ID()
	obj.SetLabels(labels)
}

// Twice finds two objects of one kind, namespace and name; namespace is that of
// objects which name none.
func Twice(objs []manifest.Object, namespace string) error {
	type key struct {
		kind            schema.GroupKind
		namespace, name string
	}
	seen := map[key]manifest.Object{}
	for _, obj := range objs {
		k := key{obj.GroupVersionKind().GroupKind(), obj.GetNamespace(), obj.GetName()}
		if k.namespace == "" {
			k.namespace = namespace
		}
		if first, found := seen[k]; found {
			return obj.At("metadata.name", fmt.Sprintf("%s %s stands in the set twice, first in %s:%d", obj.GetKind(), obj.GetName(), first.File, first.Line("metadata.name")))
		}
		seen[k] = obj
	}
	return nil
}
