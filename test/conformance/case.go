// Package conformance reads the lists of cases that runners of other people's
// test suites are given and the reports that those suites leave, and judges
// the one by the other. It runs nothing: test/e2e does.
package conformance

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"slices"
	"strings"
)

// ErrList says that a list cannot be read; the text names the line.
var ErrList = errors.New("bad list of cases")

// ReadCases reads a list of cases: the full name of one a line. Empty lines and
// lines that begin with # say nothing. A name stands once.
func ReadCases(r io.Reader) ([]string, error) {
	var cases []string
	in := bufio.NewScanner(r)
	for number := 1; in.Scan(); number++ {
		line := strings.TrimSpace(in.Text())
		switch {
		case line == "" || line[0] == '#':
		case group(line) == "":
			return nil, fmt.Errorf("%w: line %d: a name begins with its group, as [sig-node]: %q", ErrList, number, line)
		case slices.Contains(cases, line):
			return nil, fmt.Errorf("%w: line %d: stands here a second time: %q", ErrList, number, line)
		default:
			cases = append(cases, line)
		}
	}
	return cases, in.Err()
}

// ReadExceptions reads the cases that are known not to pass, and why: a name a
// line as in a list of cases, and above it at least one line "# reason". A
// reason holds for the names below it up to the next empty line.
func ReadExceptions(r io.Reader) (map[string]string, error) {
	exceptions := map[string]string{}
	var reason []string
	in := bufio.NewScanner(r)
	for number := 1; in.Scan(); number++ {
		line := strings.TrimSpace(in.Text())
		comment, isComment := strings.CutPrefix(line, "#")
		switch {
		case line == "":
			reason = nil
		case isComment:
			reason = append(reason, strings.TrimSpace(comment))
		case group(line) == "":
			return nil, fmt.Errorf("%w: line %d: a name begins with its group, as [sig-node]: %q", ErrList, number, line)
		case len(reason) == 0:
			return nil, fmt.Errorf("%w: line %d: no reason stands above: %q", ErrList, number, line)
		default:
			exceptions[line] = strings.Join(reason, " ")
		}
	}
	return exceptions, in.Err()
}

// group is what stands in the brackets that a name begins with, "" without.
func group(name string) string {
	inside, ok := strings.CutPrefix(name, "[")
	if !ok {
		return ""
	}
	inside, _, ok = strings.Cut(inside, "]")
	if !ok {
		return ""
	}
	return inside
}

// Lists reads the two lists of a suite from its folder: cases.txt, which run,
// and exceptions.txt, which of them do not pass.
func Lists(dir fs.FS) (cases []string, exceptions map[string]string, err error) {
	list, err := fs.ReadFile(dir, "cases.txt")
	if err != nil {
		return nil, nil, err
	}
	if cases, err = ReadCases(bytes.NewReader(list)); err != nil {
		return nil, nil, fmt.Errorf("cases.txt: %w", err)
	}
	if list, err = fs.ReadFile(dir, "exceptions.txt"); err != nil {
		return nil, nil, err
	}
	if exceptions, err = ReadExceptions(bytes.NewReader(list)); err != nil {
		return nil, nil, fmt.Errorf("exceptions.txt: %w", err)
	}
	return cases, exceptions, nil
}

// Focus is the regular expression with which ginkgo finds exactly these cases.
// ginkgo puts the suite's own name before a case's, so only the end is held.
func Focus(cases []string) string {
	quoted := make([]string, len(cases))
	for i, name := range cases {
		quoted[i] = regexp.QuoteMeta(name)
	}
	return "(?:^| )(?:" + strings.Join(quoted, "|") + ")$"
}
