package cli

import (
	"strings"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

func TestParsePair(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]pair{
		"80": {80, "80"}, "8080:80": {8080, "80"}, "0:http": {0, "http"}, ":80": {0, "80"}, "http": {0, "http"},
	} {
		if got, err := parsePair(text); err != nil || got != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "a:b", "70000:80", "80:", "0", "1:2:3"} {
		if got, err := parsePair(text); err == nil {
			t.Errorf("%q was taken for %v", text, got)
		}
	}
}

func TestParseSide(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]remote{
		"web:/srv": {"web", "/srv"}, "deployment/web:/srv": {"deployment/web", "/srv"}, "./a:b": {"", "./a:b"},
		"/a:b": {"", "/a:b"}, "file": {"", "file"}, "..": {"", ".."},
	} {
		if got, err := parseSide(text); err != nil || got != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{":/x", "web:"} {
		if got, err := parseSide(text); err == nil {
			t.Errorf("%q was taken for %v", text, got)
		}
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	var in networkingv1.Ingress
	err := yaml.Unmarshal([]byte(`
spec:
  tls: [{hosts: [safe.example]}]
  rules:
  - {host: safe.example, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web}}}]}}
  - {host: plain.example, http: {paths: [{path: /api, pathType: Prefix, backend: {service: {name: api}}}]}}
  - http: {paths: [{pathType: Prefix, backend: {service: {name: any}}}]}
status: {loadBalancer: {ingress: [{ip: 192.0.2.7}]}}
`), &in)
	if err != nil {
		t.Fatal(err)
	}
	for service, want := range map[string]string{
		"web": "https://safe.example/", "api": "http://plain.example:8080/api", "any": "http://192.0.2.7:8080/", "none": "",
	} {
		if got := strings.Join(addresses(&in, webPorts{8080, 443}, &service), " "); got != want {
			t.Errorf("%s: got %q, want %q", service, got, want)
		}
	}
}

func TestDiffHidesSecrets(t *testing.T) {
	t.Parallel()
	secret := func(values map[string]any) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "v1", "kind": "Secret", "data": values,
			"metadata": map[string]any{"name": "s", "annotations": map[string]any{"kubectl.kubernetes.io/last-applied-configuration": "hunter2"}},
		}}
	}
	before := secret(map[string]any{"same": "hunter2", "changed": "hunter2", "gone": "hunter2"})
	after := secret(map[string]any{"same": "hunter2", "changed": "hunter3", "new": "hunter2"})
	for _, pair := range [][2]*unstructured.Unstructured{{before, after}, {nil, after}, {before, nil}} {
		var out strings.Builder
		if err := writeDiff(&out, pair[0], pair[1]); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(out.String(), "hunter") || !strings.Contains(out.String(), "***") {
			t.Errorf("a value is shown, or nothing:\n%s", out.String())
		}
	}
	if data := before.Object["data"].(map[string]any); data["gone"] != "hunter2" {
		t.Error("the object itself was changed")
	}
}

func TestCutStateDir(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"get pods": "D|get pods", "--state-dir=/x get pods": "/x|get pods", "--state-dir /x get": "/x|get", "": "D|",
	} {
		dir, args := cutStateDir("D", strings.Fields(text))
		if got := dir + "|" + strings.Join(args, " "); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
