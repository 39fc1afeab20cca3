package conformance

import (
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestReadCases(t *testing.T) {
	t.Parallel()
	got, err := ReadCases(strings.NewReader("# list\n\n[sig-node] b\n  [sig-auth] a [Conformance]  \n"))
	if want := []string{"[sig-node] b", "[sig-auth] a [Conformance]"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v", got, err)
	}
	for text, line := range map[string]string{
		"[sig-node] a\nb\n":                 "line 2",
		"[sig-node\n":                       "line 1",
		"[sig-node] a\n\n\n[sig-node] a\n":  "line 4",
		"[] a\n":                            "line 1",
		strings.Repeat("x", 1<<17) + "\n":   "token too long",
		"[sig-a] x\n# y\n[sig-a] x [Slow]z": "",
	} {
		_, err := ReadCases(strings.NewReader(text))
		if line == "" && err != nil || line != "" && (err == nil || !strings.Contains(err.Error(), line)) {
			t.Errorf("%.40q: %v does not say %q", text, err, line)
		}
	}
}

func TestReadExceptions(t *testing.T) {
	t.Parallel()
	got, err := ReadExceptions(strings.NewReader("# It takes two\n# nodes.\n[sig-a] x\n[sig-a] y\n\n# No.\n[sig-b] z\n"))
	if err != nil || len(got) != 3 || got["[sig-a] x"] != "It takes two nodes." || got["[sig-a] y"] != "It takes two nodes." || got["[sig-b] z"] != "No." {
		t.Errorf("got %q, %v", got, err)
	}
	for _, text := range []string{"[sig-a] x\n", "# why\n\n[sig-a] x\n", "# why\nx\n"} {
		if _, err := ReadExceptions(strings.NewReader(text)); !errors.Is(err, ErrList) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestFocusFindsNothingElse(t *testing.T) {
	t.Parallel()
	focus := regexp.MustCompile(Focus([]string{"[sig-a] serves (all) a.b", "[sig-b] c"}))
	for name, want := range map[string]bool{
		"Kubernetes e2e suite [sig-a] serves (all) a.b": true,
		"[sig-b] c": true,
		"Kubernetes e2e suite [sig-a] serves (all) a.b and more": false,
		"Kubernetes e2e suite [sig-a] serves (all) aXb":          false,
		"Kubernetes e2e suite x[sig-b] c":                        false,
	} {
		if focus.MatchString(name) != want {
			t.Errorf("%q: found is %v", name, !want)
		}
	}
}

// report has one of each kind that ginkgo writes.
const report = `<?xml version="1.0"?><testsuites><testsuite name="Kubernetes e2e suite">
<testcase name="[SynchronizedBeforeSuite]" status="passed" time="1"></testcase>
<testcase name="[It] [sig-a] passes" status="passed" time="1.5"><system-err>talk</system-err></testcase>
<testcase name="[It] [sig-a] fails" status="failed" time="2"><failure message="expected &lt;1&gt;" type="failed">at x.go:3</failure></testcase>
<testcase name="[It] [sig-b] panics" status="panicked" time="2"><error message="boom" type="panicked">at y.go:4</error></testcase>
<testcase name="[It] [sig-b] cannot" status="skipped" time="0"><skipped message="skipped - one node"></skipped></testcase>
</testsuite></testsuites>`

func TestReadReport(t *testing.T) {
	t.Parallel()
	got, err := ReadReport(strings.NewReader(report))
	if err != nil || len(got) != 4 {
		t.Fatalf("got %v, %v", got, err)
	}
	for _, want := range []Result{
		{"[sig-a] passes", Passed, 1.5, ""},
		{"[sig-a] fails", Failed, 2, "expected <1>\nat x.go:3"},
		{"[sig-b] panics", Failed, 2, "boom\nat y.go:4"},
		{"[sig-b] cannot", Skipped, 0, "skipped - one node"},
	} {
		if got[want.Name] != want {
			t.Errorf("got %+v, want %+v", got[want.Name], want)
		}
	}
	if _, err := ReadReport(strings.NewReader(report[:len(report)-20])); err == nil {
		t.Error("half a report is read without an error")
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	results, err := ReadReport(strings.NewReader(report))
	if err != nil {
		t.Fatal(err)
	}
	cases := []string{"[sig-b] cannot", "[sig-a] passes", "[sig-a] fails", "[sig-b] panics", "[sig-b] lost"}
	s := Judge(cases, map[string]string{"[sig-b] cannot": "one node", "[sig-a] passes": "was broken"}, results)
	if want := []Count{{"sig-a", 1, 1, 0, 0}, {"sig-b", 0, 1, 1, 1}}; !slices.Equal(s.Counts, want) {
		t.Errorf("counts %+v", s.Counts)
	}
	var unexpected []string
	for _, r := range s.Unexpected {
		unexpected = append(unexpected, r.Name)
	}
	if want := []string{"[sig-a] fails", "[sig-b] panics", "[sig-b] lost"}; !slices.Equal(unexpected, want) {
		t.Errorf("unexpected %q", unexpected)
	}
	if want := []string{"[sig-a] passes"}; !slices.Equal(s.Surprising, want) {
		t.Errorf("surprising %q", s.Surprising)
	}
	if len(s.Results) != len(cases) || s.Results[4] != (Result{Name: "[sig-b] lost", Verdict: Missing}) {
		t.Errorf("results %+v", s.Results)
	}
}

// The committed lists: every exception is of a case that runs, and each of the
// groups has its share.
func TestCommittedLists(t *testing.T) {
	t.Parallel()
	cases, exceptions, err := Lists(os.DirFS("kubernetes"))
	if err != nil {
		t.Fatal(err)
	}
	for name := range exceptions {
		if !slices.Contains(cases, name) {
			t.Errorf("an exception is made for what does not run: %s", name)
		}
	}
	for _, want := range []string{"sig-api-machinery", "sig-apps", "sig-auth", "sig-network", "sig-node", "sig-storage"} {
		if !slices.ContainsFunc(cases, func(name string) bool { return group(name) == want }) {
			t.Errorf("no case of %s", want)
		}
	}
	if ran := len(cases) - len(exceptions); ran < 60 {
		t.Errorf("only %d cases are to pass", ran)
	}
}

func FuzzReadReport(f *testing.F) {
	f.Add(report)
	f.Add("<testsuites/>")
	f.Add(`<testsuites><testsuite><testcase name="[It] a" time="x"/></testsuite></testsuites>`)
	f.Fuzz(func(t *testing.T, text string) {
		results, err := ReadReport(strings.NewReader(text))
		if err != nil && results != nil {
			t.Error("results beside an error")
		}
		for name, r := range results {
			if r.Name != name || r.Verdict == Missing || r.Verdict == Passed && r.Text != "" {
				t.Errorf("%q has the result %+v", name, r)
			}
		}
	})
}

func FuzzReadCases(f *testing.F) {
	f.Add("# x\n[sig-a] b\n")
	f.Add("[sig-a] (*\n[sig-b] [\\\n")
	f.Fuzz(func(t *testing.T, text string) {
		cases, err := ReadCases(strings.NewReader(text))
		if err != nil || len(cases) == 0 {
			return
		}
		focus, err := regexp.Compile(Focus(cases))
		if err != nil {
			t.Skip("not UTF-8")
		}
		for _, name := range cases {
			if !focus.MatchString("suite " + name) {
				t.Errorf("%q is not found by its own focus", name)
			}
		}
	})
}
