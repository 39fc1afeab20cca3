package apply

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"garboard.dev/garboard/fault"
)

// ObjectError says why one object could not be applied or deleted.
type ObjectError struct {
	Object *unstructured.Unstructured
	Err    error
}

func (e *ObjectError) Error() string { return Title(e.Object) + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *ObjectError) Unwrap() error { return e.Err }

// Errors are the objects of one wave that could not be applied.
type Errors []*ObjectError

func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, one := range e {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns the single errors.
func (e Errors) Unwrap() []error {
	out := make([]error, len(e))
	for i, one := range e {
		out[i] = one
	}
	return out
}

// sorted puts the errors in the order of the wave.
func (e Errors) sorted(wave []*unstructured.Unstructured) Errors {
	slices.SortFunc(e, func(a, b *ObjectError) int {
		return slices.Index(wave, a.Object) - slices.Index(wave, b.Object)
	})
	return e
}

// Title names an object for people, as "Deployment shop/web".
func Title(obj *unstructured.Unstructured) string {
	name := obj.GetName()
	if ns := obj.GetNamespace(); ns != "" {
		name = ns + "/" + name
	}
	return obj.GetKind() + " " + name
}

// FieldProblem is what the server says of one field.
type FieldProblem struct {
	Path   string // as ".spec.replicas" or ".spec.containers[name=\"web\"].image"
	Reason string
}

// FieldError says that the server refuses fields of an object. Its kind is
// Misuse.
type FieldError struct {
	Problems []FieldProblem
	Hint     string
	Err      error // the server's answer
}

func (e *FieldError) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = strings.TrimPrefix(p.Path, ".") + ": " + p.Reason
	}
	return strings.Join(lines, "; ")
}

// Unwrap returns the server's answer.
func (e *FieldError) Unwrap() error { return e.Err }

// explain turns the server's answer to a patch into an error that names fields.
func explain(err error) error {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return err
	}
	answer := status.Status()
	switch {
	case apierrors.IsConflict(err):
		return conflict(err, answer)
	case apierrors.IsInvalid(err):
		return invalid(err, answer)
	}
	// Server-side apply answers what the schema refuses with a plain text. It is
	// taken apart for showing only; its kind comes from the status.
	if problems := schemaProblems(answer.Message); len(problems) > 0 {
		return &FieldError{Problems: problems, Err: fault.New(fault.Misuse, "apply it", "", "%w", err)}
	}
	return err
}

// conflict names who owns which field. The server gives one cause a field.
func conflict(err error, answer metav1.Status) error {
	if answer.Details == nil {
		return err
	}
	var fields []string
	for _, cause := range answer.Details.Causes {
		if cause.Type != metav1.CauseTypeFieldManagerConflict {
			continue
		}
		who := "another manager"
		if _, after, found := strings.Cut(cause.Message, `"`); found {
			who, _, _ = strings.Cut(after, `"`)
		}
		fields = append(fields, fmt.Sprintf("%s is managed by %q", strings.TrimPrefix(cause.Field, "."), who))
	}
	if len(fields) == 0 {
		return err
	}
	return &conflictError{fields: fields, err: err}
}

type conflictError struct {
	fields []string
	err    error
}

func (e *conflictError) Error() string { return strings.Join(e.fields, "; ") }

// Unwrap says what kind of failure it is and what to do.
func (e *conflictError) Unwrap() error {
	return fault.New(fault.Conflict, "apply it", "take the fields out of the manifest, or take them over with --force-conflicts", "%w", e.err)
}

func invalid(err error, answer metav1.Status) error {
	if answer.Details == nil || len(answer.Details.Causes) == 0 {
		return err
	}
	out := &FieldError{Err: fault.New(fault.Misuse, "apply it", "", "%w", err)}
	for _, cause := range answer.Details.Causes {
		out.Problems = append(out.Problems, FieldProblem{Path: "." + cause.Field, Reason: cause.Message})
		if strings.Contains(cause.Message, "immutable") || cause.Type == metav1.CauseTypeFieldValueInvalid && strings.Contains(cause.Message, "updates to") {
			out.Err = fault.New(fault.Misuse, "apply it", "the field cannot change in place: delete the object, then apply again", "%w", err)
		}
	}
	return out
}

const (
	fieldWord    = " field"
	unknownField = "unknown" + fieldWord
)

// schemaProblem matches one "<path>: <reason>" of the text that the server's
// typed conversion gives; a path is ".a.b[key=\"x\"].c" or ".a[0]".
var schemaProblem = regexp.MustCompile(`(?:^|[\s;])(\.[A-Za-z_$][^:\s\[\]]*(?:\[[^\]]*\][^:\s\[\]]*)*): ([^\n]+)`)

// strictProblem matches what strict decoding says.
var strictProblem = regexp.MustCompile(`(unknown|duplicate) field "([^"]+)"`)

func schemaProblems(message string) []FieldProblem {
	var out []FieldProblem
	for _, match := range strictProblem.FindAllStringSubmatch(message, -1) {
		out = append(out, FieldProblem{Path: "." + match[2], Reason: match[1] + fieldWord})
	}
	if len(out) > 0 {
		return out
	}
	for _, match := range schemaProblem.FindAllStringSubmatch(message, -1) {
		reason := strings.TrimRight(match[2], " ,;]")
		if reason == "field not declared in schema" {
			reason = unknownField
		}
		out = append(out, FieldProblem{Path: match[1], Reason: reason})
	}
	return out
}
