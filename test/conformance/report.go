package conformance

import (
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Verdict is what came of a case.
type Verdict string

// The verdicts. A case that is in the list and not in the report is Missing.
const (
	Passed  Verdict = "passed"
	Failed  Verdict = "failed"
	Skipped Verdict = "skipped" // by itself: it said that it cannot run here
	Missing Verdict = "missing"
)

// Result is what a report says of one case.
type Result struct {
	Name    string  `json:"name"`
	Verdict Verdict `json:"verdict"`
	Seconds float64 `json:"seconds"`
	Text    string  `json:"text,omitempty"` // why it did not pass
}

// junit is the part of a JUnit report that we read, as ginkgo writes it
// (github.com/onsi/ginkgo/v2/reporters): a case's name follows its kind, "[It] ".
type junit struct {
	Suites []struct {
		Cases []struct {
			Name    string  `xml:"name,attr"`
			Seconds float64 `xml:"time,attr"`
			Failure *said   `xml:"failure"`
			Error   *said   `xml:"error"`
			Skipped *said   `xml:"skipped"`
		} `xml:"testcase"`
	} `xml:"testsuite"`
}

type said struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

func (s *said) String() string { return strings.TrimSpace(s.Message + "\n" + s.Text) }

// ReadReport reads a JUnit report of ginkgo's, by the cases' names. Cases that
// ginkgo left out are reported as skipped, too: look only for those that were
// asked for.
func ReadReport(r io.Reader) (map[string]Result, error) {
	var report junit
	if err := xml.NewDecoder(r).Decode(&report); err != nil {
		return nil, fmt.Errorf("read a JUnit report: %w", err)
	}
	results := map[string]Result{}
	for _, suite := range report.Suites {
		for _, c := range suite.Cases {
			name, isCase := strings.CutPrefix(c.Name, "[It] ")
			if !isCase {
				continue // what is done before and after the suite
			}
			result := Result{Name: name, Verdict: Passed, Seconds: c.Seconds}
			switch {
			case c.Failure != nil:
				result.Verdict, result.Text = Failed, c.Failure.String()
			case c.Error != nil: // a panic, an interrupt, a timeout
				result.Verdict, result.Text = Failed, c.Error.String()
			case c.Skipped != nil:
				result.Verdict, result.Text = Skipped, c.Skipped.String()
			}
			results[name] = result
		}
	}
	return results, nil
}

// Count is how many cases of a group have come out in which way.
type Count struct {
	Group   string `json:"group"`
	Passed  int    `json:"passed"`
	Failed  int    `json:"failed"`
	Skipped int    `json:"skipped"`
	Missing int    `json:"missing"`
}

// Summary is what a run has shown.
type Summary struct {
	Counts     []Count  `json:"counts"`     // by group, in the order of their names
	Results    []Result `json:"results"`    // of every case asked for, in the list's order
	Unexpected []Result `json:"unexpected"` // did not pass, and no exception says why
	Surprising []string `json:"surprising"` // passed although an exception says why not
}

// Judge holds the results against the cases that were asked for and the
// exceptions that are known.
func Judge(cases []string, exceptions map[string]string, results map[string]Result) Summary {
	var s Summary
	counts := map[string]*Count{}
	for _, name := range cases {
		result, ran := results[name]
		if !ran {
			result = Result{Name: name, Verdict: Missing}
		}
		s.Results = append(s.Results, result)
		count := counts[group(name)]
		if count == nil {
			count = &Count{Group: group(name)}
			counts[group(name)] = count
		}
		count.add(result.Verdict)
		_, excepted := exceptions[name]
		switch {
		case result.Verdict != Passed && !excepted:
			s.Unexpected = append(s.Unexpected, result)
		case result.Verdict == Passed && excepted:
			s.Surprising = append(s.Surprising, name)
		}
	}
	for _, count := range counts {
		s.Counts = append(s.Counts, *count)
	}
	slices.SortFunc(s.Counts, func(a, b Count) int { return strings.Compare(a.Group, b.Group) })
	return s
}

func (c *Count) add(v Verdict) {
	switch v {
	case Passed:
		c.Passed++
	case Failed:
		c.Failed++
	case Skipped:
		c.Skipped++
	case Missing:
		c.Missing++
	}
}
