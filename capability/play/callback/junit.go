package callback

import (
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"garboard.dev/garboard/capability/play/event"
	"garboard.dev/garboard/capability/play/value"
)

// JUnit writes a run's results as a JUnit file at the end, as the callback junit does.
type JUnit struct {
	Dir string // JUNIT_OUTPUT_DIR
	Now func() time.Time
	Err func(text string)

	playbook, play string
	suite          junitSuite
	started        time.Time
	names          map[any]string
}

type junitSuites struct {
	XMLName xml.Name     `xml:"testsuites"`
	Tests   int          `xml:"tests,attr"`
	Suites  []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	Time    string        `xml:"time,attr"`
	Failure *junitMessage `xml:"failure,omitempty"`
	Skipped *junitMessage `xml:"skipped,omitempty"`
	Out     string        `xml:"system-out,omitempty"`
}

type junitMessage struct {
	Message string `xml:"message,attr,omitempty"`
	Type    string `xml:"type,attr,omitempty"`
	Text    string `xml:",chardata"`
}

// Handle implements event.Sink.
func (j *JUnit) Handle(e event.Event) {
	switch e.Kind {
	case event.PlaybookStart:
		j.playbook = strings.TrimSuffix(filepath.Base(e.Playbook), filepath.Ext(e.Playbook))
		j.suite.Name, j.names = j.playbook, map[any]string{}
	case event.PlayStart:
		j.play = e.Name
	case event.TaskStart, event.HostStart:
		j.started = j.Now()
		j.names[e.Task] = e.Name
	case event.Ok, event.Failed, event.Skipped, event.Unreachable:
		j.add(e)
	case event.Finished:
		if err := j.write(); err != nil {
			j.Err(fmt.Sprintf("the JUnit file was not written: %s", err))
		}
	}
}

func (j *JUnit) add(e event.Event) {
	r := shownResult(e)
	class := e.Task.File
	if class == "" {
		class = j.playbook
	}
	c := junitCase{Class: class, Name: fmt.Sprintf("[%s] %s: %s", e.Host, j.play, j.names[e.Task]), Time: fmt.Sprintf("%f", j.Now().Sub(j.started).Seconds())}
	message, _ := r.Str("msg")
	switch {
	case e.Kind == event.Skipped:
		reason, _ := r.Str("skip_reason")
		c.Skipped = &junitMessage{Text: value.Str(reason)}
		j.suite.Skipped++
	case (e.Kind == event.Failed || e.Kind == event.Unreachable) && !e.Ignored:
		c.Failure = &junitMessage{Message: value.Str(message), Type: "failure", Text: JSON(r, 4)}
		j.suite.Failures++
	default:
		c.Out = JSON(r, 4)
	}
	j.suite.Tests++
	j.suite.Cases = append(j.suite.Cases, c)
}

func (j *JUnit) write() error {
	data, err := xml.MarshalIndent(junitSuites{Tests: j.suite.Tests, Suites: []junitSuite{j.suite}}, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(j.Dir, 0o755); err != nil {
		return err
	}
	name := fmt.Sprintf("%s-%.6f.xml", j.playbook, float64(j.Now().UnixNano())/1e9)
	return os.WriteFile(filepath.Join(j.Dir, name), append([]byte(xml.Header), data...), 0o644)
}
