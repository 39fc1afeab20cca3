package app

import (
	"encoding/base64"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"garboard.dev/garboard/capability/app/manifest"
)

// GenerateAnnotation on a Secret names the keys, with spaces between, that get
// a random value where the cluster has none yet.
const GenerateAnnotation = "garboard.dev/generate"

// WantsGenerated says whether the object is a Secret with such keys.
func WantsGenerated(obj *unstructured.Unstructured) bool {
	return obj.GetKind() == "Secret" && obj.GetAPIVersion() == "v1" && obj.GetAnnotations()[GenerateAnnotation] != ""
}

// Generate fills the keys that the annotation names: with what live, the
// cluster's own copy, has (nil where there is none), else with random's text.
// A key that the manifest itself gives is an error: one of the two is not meant.
func Generate(secret manifest.Object, live *unstructured.Unstructured, random func() string) error {
	annotation := "metadata.annotations[" + GenerateAnnotation + "]"
	data, _, err := unstructured.NestedStringMap(secret.Object, "data")
	if err != nil {
		return secret.At("data", "names with base64 texts are expected")
	}
	if data == nil {
		data = map[string]string{}
	}
	plain, _, err := unstructured.NestedStringMap(secret.Object, "stringData")
	if err != nil {
		return secret.At("stringData", "names with texts are expected")
	}
	var kept map[string]string
	if live != nil {
		if kept, _, err = unstructured.NestedStringMap(live.Object, "data"); err != nil {
			return err
		}
	}
	for key := range strings.FieldsSeq(secret.GetAnnotations()[GenerateAnnotation]) {
		_, inData := data[key]
		if _, inPlain := plain[key]; inData || inPlain {
			return secret.At(annotation, "the key "+key+" is to be generated, and the manifest gives it a value too")
		}
		if value, found := kept[key]; found {
			data[key] = value
			continue
		}
		data[key] = base64.StdEncoding.EncodeToString([]byte(random()))
	}
	return unstructured.SetNestedStringMap(secret.Object, data, "data")
}
