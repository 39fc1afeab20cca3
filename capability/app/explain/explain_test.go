package explain

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

var update = flag.Bool("update", false, "write what is said as what is wanted")

// Each scenario holds objects.yaml, of which the first is explained, perhaps
// lastlogs.yaml ("pod/container": line), and want: the sentence, and the fix in
// a line of its own.
func TestScenarios(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d scenarios, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			s := &scenario{}
			var want *txtar.File
			for i := range archive.Files {
				f := &archive.Files[i]
				switch f.Name {
				case "objects.yaml":
					for _, doc := range strings.Split(string(f.Data), "\n---\n") {
						s.add(t, doc)
					}
				case "lastlogs.yaml":
					decode(t, string(f.Data), &s.around.LastLogs)
				case "want":
					want = f
				}
			}
			got := show(s.explain(t))
			if *update {
				want.Data = []byte(got)
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != string(want.Data) {
				t.Errorf("got:\n%s\nwant:\n%s", got, want.Data)
			}
		})
	}
}

type scenario struct {
	first  *unstructured.Unstructured
	text   string
	pods   []corev1.Pod
	owners []*unstructured.Unstructured
	around Around
}

func decode(t *testing.T, text string, into any) {
	t.Helper()
	if err := yaml.UnmarshalStrict([]byte(text), into); err != nil {
		t.Fatalf("%v in:\n%s", err, text)
	}
}

func add[T any](t *testing.T, list *[]T, text string) {
	t.Helper()
	var one T
	decode(t, text, &one)
	*list = append(*list, one)
}

func (s *scenario) add(t *testing.T, text string) {
	t.Helper()
	obj := &unstructured.Unstructured{}
	data, err := yaml.YAMLToJSON([]byte(text))
	if err == nil {
		err = obj.UnmarshalJSON(data)
	}
	if err != nil {
		t.Fatal(err)
	}
	if s.first == nil {
		s.first, s.text = obj, text
	}
	switch obj.GetKind() {
	case "Pod":
		add(t, &s.pods, text)
		add(t, &s.around.Pods, text)
	case "Event":
		add(t, &s.around.Events, text)
	case "Node":
		add(t, &s.around.Nodes, text)
	case "PersistentVolumeClaim":
		add(t, &s.around.Claims, text)
	case "StorageClass":
		add(t, &s.around.Classes, text)
	case "ReplicaSet":
		s.owners = append(s.owners, obj)
	}
}

func (s *scenario) explain(t *testing.T) Finding {
	switch s.first.GetKind() {
	case "Pod":
		return Pod(&s.pods[0], s.around)
	case "PersistentVolumeClaim":
		return Claim(&s.around.Claims[0], s.around)
	case "Service":
		var service []corev1.Service
		add(t, &service, s.text)
		return Service(&service[0], s.pods, s.around)
	}
	return Workload(s.first, s.owners, s.pods, s.around)
}

func show(f Finding) string {
	switch {
	case f.OK():
		return "well\n"
	case f.Passing && f.Fix == "":
		return "passing: " + f.Sentence + "\n"
	case f.Passing:
		return "passing: " + f.Sentence + "\nfix: " + f.Fix + "\n"
	}
	return f.Sentence + "\nfix: " + f.Fix + "\n"
}

// None of these may panic, whatever is missing.
func TestSparseObjects(t *testing.T) {
	t.Parallel()
	for _, p := range []corev1.Pod{
		{},
		{Status: corev1.PodStatus{Phase: corev1.PodFailed}},
		{Spec: corev1.PodSpec{NodeName: "n", Containers: []corev1.Container{{Name: "a"}}, InitContainers: []corev1.Container{{Name: "i"}}}},
		{Status: corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse}}}},
	} {
		if f := Pod(&p, Around{Nodes: []corev1.Node{{}}}); f.Sentence == "" {
			t.Errorf("%+v: nothing is said of a pod that does not run", p.Status)
		}
	}
	Workload(&unstructured.Unstructured{Object: map[string]any{}}, nil, nil, Around{})
	Claim(&corev1.PersistentVolumeClaim{}, Around{Classes: []storagev1.StorageClass{{}}})
}

func FuzzMessages(f *testing.F) {
	f.Add("0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had untolerated taint {a: b, c: d}. preemption: none")
	f.Add(`rpc error: code = NotFound desc = failed to pull: desc = rpc error: desc = `)
	f.Add(`couldn't find key a in Secret b/c`)
	f.Add(`exec: "x": executable file not found in $PATH`)
	f.Fuzz(func(t *testing.T, said string) {
		p := &corev1.Pod{}
		if refusals(p, said, Around{}).OK() || pullFailure("x", "y", said).OK() || creationFailure("x", said).OK() || notStarted(p, "c", said).OK() {
			t.Fatalf("nothing was said of %q", said)
		}
		config(p, corev1.Container{}, &corev1.ContainerStateWaiting{Message: said})
		if n := len([]rune(brief(said))); n > briefLimit {
			t.Fatalf("%d runes", n)
		}
	})
}
