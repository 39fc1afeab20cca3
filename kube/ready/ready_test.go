package ready

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// Each file of testdata holds cases: NAME.yaml is the object, NAME.related.yaml
// one more object, NAME.want what Of must say: "ready", "waits" or "failed" and
// the reason.
func TestScenarios(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no scenarios", err)
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		parts := map[string]string{}
		for _, f := range archive.Files {
			parts[f.Name] = string(f.Data)
		}
		for name, want := range parts {
			name, isCase := strings.CutSuffix(name, ".want")
			if !isCase {
				continue
			}
			t.Run(name, func(t *testing.T) {
				var related []*unstructured.Unstructured
				if text, found := parts[name+".related.yaml"]; found {
					related = append(related, decode(t, text))
				}
				if got := line(Of(decode(t, parts[name+".yaml"]), related...)); got != strings.TrimSpace(want) {
					t.Errorf("got  %s\nwant %s", got, want)
				}
			})
		}
	}
}

func decode(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	obj := &unstructured.Unstructured{}
	data, err := yaml.YAMLToJSON([]byte(text))
	if err == nil {
		err = obj.UnmarshalJSON(data)
	}
	if err != nil {
		t.Fatal(err)
	}
	return obj
}

func line(s Status) string {
	word := "waits"
	switch {
	case s.Ready:
		word = "ready"
	case s.Failed:
		word = "failed"
	}
	return strings.TrimSpace(word + ": " + s.Reason)
}
