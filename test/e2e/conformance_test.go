//go:build e2e

package e2e

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"garboard.dev/garboard/test/conformance"
)

const (
	// conformanceRegistry stands for upstream's registries. It is the platform's
	// own: a case that wants its image pulled anew gets it from there.
	conformanceRegistry = "registry.garboard.internal/conformance"
	// conformanceAccount may push there while the test runs.
	conformanceAccount, conformancePassword = "conformance", "correct horse"
	// conformanceProcesses run cases at once; those that may not share a cluster
	// come after the others, alone.
	conformanceProcesses = 8
)

// conformanceStages are the images that the cases use, each a stage of
// test/conformance/kubernetes/Dockerfile that has upstream's name.
var conformanceStages = []string{"agnhost", "busybox", "etcd", "glibc-dns-testing", "kitten", "nautilus", "nginx", "nonewprivs", "sample-apiserver"}

// suite is upstream's test program, and where it leaves what it finds.
type suite struct {
	dir     string // bin/conformance
	results string // junit_01.xml, output.log, summary.json
	env     []string
}

// Upstream's own test program finds the platform to be a Kubernetes. It takes
// the better part of an hour; GARBOARD_CONFORMANCE is a pattern of the cases
// that run.
func TestConformance(t *testing.T) {
	pattern := os.Getenv("GARBOARD_CONFORMANCE")
	if pattern == "" {
		t.Skip("SKIP: upstream's end-to-end tests run with make conformance")
	}
	cases, exceptions, err := conformance.Lists(os.DirFS("../conformance/kubernetes"))
	if err != nil {
		t.Fatal(err)
	}
	wanted := regexp.MustCompile(pattern)
	cases = slices.DeleteFunc(cases, func(name string) bool { return !wanted.MatchString(name) })
	if len(cases) == 0 {
		t.Fatalf("no case has a name like %q", pattern)
	}
	p := newPlatform(t)
	s := newSuite(t)
	p.connect()
	p.up()
	p.conformanceImages(s)
	began := time.Now()
	summary := conformance.Judge(cases, exceptions, p.conformance(s, cases))
	t.Logf("%d cases in %v", len(cases), time.Since(began).Round(time.Second))
	s.report(t, summary)
}

// newSuite finds what `make conformance` has built and empties the results.
func newSuite(t *testing.T) suite {
	t.Helper()
	dir, err := filepath.Abs("../../bin/conformance")
	if err != nil {
		t.Fatal(err)
	}
	s := suite{dir: dir, results: filepath.Join(dir, "results")}
	if err := os.RemoveAll(s.results); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(s.results, 0o755); err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, key := range []string{"promoterE2eRegistry", "gcEtcdRegistry", "gcRegistry", "dockerLibraryRegistry", "sigStorageRegistry", "buildImageRegistry"} {
		fmt.Fprintf(&text, "%s: %s\n", key, conformanceRegistry)
	}
	list := filepath.Join(s.results, "registries.yaml")
	if err := os.WriteFile(list, []byte(text.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	s.env = append(os.Environ(), "KUBE_TEST_REPO_LIST="+list)
	return s
}

// conformanceImages builds upstream's images from Debian's packages under the
// names that the test program says, pushes them into the platform's registry,
// and names the platform's pause as upstream does.
func (p *platform) conformanceImages(s suite) {
	p.t.Helper()
	list := p.inside(filepath.Join(s.dir, "e2e.test"), "--list-images")
	list.Env = s.env
	tags := map[string][]string{}
	for _, image := range strings.Fields(p.must(list)) {
		rest, ours := strings.CutPrefix(image, conformanceRegistry+"/")
		if name, _, ok := strings.Cut(rest, ":"); ok && ours {
			tags[name] = append(tags[name], image)
		}
	}
	p.must(p.garboard("image", "base", "debian:12"))
	account := p.garboard("image", "account", "add", conformanceAccount)
	account.Stdin = strings.NewReader(conformancePassword + "\n")
	p.must(account)
	for _, stage := range conformanceStages {
		if len(tags[stage]) == 0 {
			p.t.Fatalf("the test program does not use the image %s", stage)
		}
		args := []string{"image", "build", "--progress", "plain", "--target", stage}
		for _, tag := range tags[stage] {
			args = append(args, "-t", tag)
		}
		p.must(p.garboard(append(args, filepath.Join(s.dir, "images"))...))
		p.push(tags[stage])
	}
	for _, tag := range tags["pause"] {
		p.must(p.garboard("image", "tag", "garboard.dev/pause:1", tag))
	}
}

// push sends images into the platform's registry.
func (p *platform) push(images []string) {
	p.t.Helper()
	registry, _, _ := strings.Cut(conformanceRegistry, "/")
	login := base64.StdEncoding.EncodeToString([]byte(conformanceAccount + ":" + conformancePassword))
	dir := p.t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "config.json"), fmt.Appendf(nil, `{"auths": {%q: {"auth": %q}}}`, registry, login), 0o600); err != nil {
		p.t.Fatal(err)
	}
	for _, image := range images {
		push := p.garboard("image", "push", image)
		push.Env = append(os.Environ(), "DOCKER_CONFIG="+dir)
		p.must(push)
	}
}

// conformance runs the cases and returns what the report says of them. The
// cases' kubectl is the one that is built in.
func (p *platform) conformance(s suite, cases []string) map[string]conformance.Result {
	p.t.Helper()
	kubectl := filepath.Join(s.results, "kubectl")
	if err := os.Symlink(p.program, kubectl); err != nil {
		p.t.Fatal(err)
	}
	output, err := os.Create(filepath.Join(s.results, "output.log"))
	if err != nil {
		p.t.Fatal(err)
	}
	defer output.Close()
	run := p.inside(filepath.Join(s.dir, "ginkgo"), "run", fmt.Sprintf("--procs=%d", conformanceProcesses), "--no-color", "--succinct", "--silence-skips", "--timeout=100m",
		"--focus="+conformance.Focus(cases), filepath.Join(s.dir, "e2e.test"), "--",
		"--kubeconfig="+p.layout.AdminKubeconfig(), "--kubectl-path="+kubectl, "--provider=skeleton", "--num-nodes=1", "--report-dir="+s.results)
	run.Env, run.Stdout, run.Stderr = s.env, output, output
	ended := run.Run() // which cases failed stands in the report
	report, err := os.Open(filepath.Join(s.results, "junit_01.xml"))
	if err != nil {
		p.t.Fatalf("ginkgo left no report (%v); what it said stands in %s: %v", ended, output.Name(), err)
	}
	defer report.Close()
	results, err := conformance.ReadReport(report)
	if err != nil {
		p.t.Fatal(err)
	}
	return results
}

// report writes the summary beside the report and fails the test where the
// summary is not as expected.
func (s suite) report(t *testing.T, summary conformance.Summary) {
	t.Helper()
	text, err := json.MarshalIndent(summary, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.results, "summary.json"), append(text, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range summary.Counts {
		t.Logf("%-20s %3d passed %3d failed %3d skipped %3d missing", c.Group, c.Passed, c.Failed, c.Skipped, c.Missing)
	}
	for _, r := range summary.Unexpected {
		t.Errorf("%s: %s\n%.1500s", r.Verdict, r.Name, r.Text)
	}
	for _, name := range summary.Surprising {
		t.Errorf("passes: take it out of exceptions.txt: %s", name)
	}
}
