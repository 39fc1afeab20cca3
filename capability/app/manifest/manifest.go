// Package manifest reads Kubernetes manifests: YAML with several documents,
// JSON and Lists. Values are read as kubectl reads them (YAML 1.1); what is
// malformed is named with its file and line, and each object remembers where
// its fields stand, so that what a server says of a field can be shown at its
// line.
package manifest

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	k8syaml "sigs.k8s.io/yaml"
)

// MaxSize is how many bytes one file of manifests may have.
const MaxSize = 32 << 20

// Object is one object of a manifest.
type Object struct {
	*unstructured.Unstructured
	File string // as it was named: a path, a URL, or "standard input"
	tree *tree
}

// Error says where a manifest is malformed.
type Error struct {
	File   string
	Line   int    // from 1; 0 where it is not known
	Field  string // as "metadata.name"; may be empty
	Reason string
}

func (e *Error) Error() string {
	place := e.File
	if e.Line > 0 {
		place += ":" + strconv.Itoa(e.Line)
	}
	if e.Field != "" {
		place += ": " + e.Field
	}
	return place + ": " + e.Reason
}

// Read reads all objects of one file. Empty documents are passed over. Every
// error is an *Error.
func Read(file string, data []byte) ([]Object, error) {
	if len(data) > MaxSize {
		return nil, &Error{File: file, Reason: fmt.Sprintf("%d bytes are more than the %d that a manifest may have", len(data), MaxSize)}
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if at := bytes.IndexByte(data, 0); at >= 0 {
		return nil, &Error{File: file, Line: 1 + bytes.Count(data[:at], []byte("\n")), Reason: "this is no text: it has a zero byte"}
	}
	var out []Object
	for _, doc := range split(data) {
		objs, err := doc.read(file)
		if err != nil {
			return nil, err
		}
		out = append(out, objs...)
	}
	return out, nil
}

// document is one document of a file.
type document struct {
	text []byte
	line int // of its first line, from 1
}

var separator = regexp.MustCompile(`(?m)^---(?:[ \t\r].*)?$`)

// split cuts data at the lines that begin a YAML document. What follows "---"
// on its line (a comment, in practice) belongs to no document.
func split(data []byte) []document {
	var out []document
	start, line := 0, 1
	for _, cut := range append(separator.FindAllIndex(data, -1), []int{len(data), len(data)}) {
		text := data[start:cut[0]]
		out = append(out, document{text: text, line: line})
		line += bytes.Count(data[start:cut[1]], []byte("\n"))
		start = cut[1]
	}
	return out
}

func (d document) read(file string) ([]Object, error) {
	if blank(d.text) {
		return nil, nil
	}
	at := func(line int, field, reason string, args ...any) error {
		if line > 0 {
			line += d.line - 1
		}
		return &Error{File: file, Line: line, Field: field, Reason: fmt.Sprintf(reason, args...)}
	}
	var root yaml.Node
	if err := yaml.Unmarshal(d.text, &root); err != nil {
		line, reason := lineOf(err)
		return nil, at(line, "", "%s", reason)
	}
	if len(root.Content) == 0 || root.Content[0].Tag == "!!null" {
		return nil, nil
	}
	if root.Content[0].Kind != yaml.MappingNode {
		return nil, at(root.Content[0].Line, "", "an object is expected, with apiVersion, kind and metadata")
	}
	tree := &tree{root: root.Content[0], offset: d.line - 1}
	if err := tree.check(); err != nil {
		return nil, at(err.line, err.field, "%s", err.reason)
	}
	text, err := k8syaml.YAMLToJSONStrict(d.text)
	if err != nil {
		line, reason := lineOf(err)
		return nil, at(line, "", "%s", reason)
	}
	var fields map[string]any
	if err := utiljson.Unmarshal(text, &fields); err != nil {
		return nil, at(0, "", "%s", err)
	}
	return objects(file, fields, tree)
}

func blank(text []byte) bool {
	for line := range bytes.Lines(text) {
		line = bytes.TrimSpace(line)
		if len(line) > 0 && line[0] != '#' {
			return false
		}
	}
	return true
}

var yamlLine = regexp.MustCompile(`line (\d+): `)

// lineOf takes the line out of a YAML parser's error.
func lineOf(err error) (int, string) {
	text := strings.TrimSpace(err.Error())
	for _, prefix := range []string{"error converting YAML to JSON: ", "yaml: ", "unmarshal errors:"} {
		text = strings.TrimSpace(strings.TrimPrefix(text, prefix))
	}
	match := yamlLine.FindStringSubmatchIndex(text)
	if match == nil {
		return 0, text
	}
	line, _ := strconv.Atoi(text[match[2]:match[3]]) // the pattern holds digits only; too many give 0, unknown
	return line, text[:match[0]] + text[match[1]:]
}

// objects checks what every object must have, and takes Lists apart.
func objects(file string, fields map[string]any, tree *tree) ([]Object, error) {
	fail := func(field, reason string, args ...any) ([]Object, error) {
		return nil, &Error{File: file, Line: tree.line(field), Field: field, Reason: fmt.Sprintf(reason, args...)}
	}
	for _, field := range []string{"apiVersion", "kind"} {
		value, found := fields[field]
		text, isText := value.(string)
		switch {
		case !found || value == nil:
			return fail(field, "is missing: every object has an apiVersion and a kind")
		case !isText || text == "":
			return fail(field, "a text is expected")
		}
	}
	if _, err := schema.ParseGroupVersion(fields["apiVersion"].(string)); err != nil {
		return fail("apiVersion", "%v", err)
	}
	obj := &unstructured.Unstructured{Object: fields}
	if items, isList := fields["items"].([]any); isList && strings.HasSuffix(obj.GetKind(), "List") {
		return listed(file, items, tree)
	}
	metadata, isMap := fields["metadata"].(map[string]any)
	if !isMap {
		return fail("metadata", "is missing: an object needs a name there")
	}
	for _, field := range []string{"name", "namespace"} {
		if _, isText := metadata[field].(string); metadata[field] != nil && !isText {
			return fail("metadata."+field, "a text is expected: put quotes around it")
		}
	}
	if obj.GetName() == "" {
		if metadata["generateName"] != nil {
			return fail("metadata.generateName", "an object without a name of its own cannot be applied again: give it metadata.name")
		}
		return fail("metadata.name", "is missing")
	}
	if field, reason := badMaps(metadata); field != "" {
		return fail("metadata."+field, "%s", reason)
	}
	return []Object{{Unstructured: obj, File: file, tree: tree}}, nil
}

// badMaps finds the label or annotation whose value is no text: the one
// mistake of YAML that everybody makes (true, 1.0, yes without quotes).
func badMaps(metadata map[string]any) (field, reason string) {
	for _, name := range []string{"labels", "annotations"} {
		value, found := metadata[name]
		if !found || value == nil {
			continue
		}
		entries, isMap := value.(map[string]any)
		if !isMap {
			return name, "names with values are expected"
		}
		for key, entry := range entries {
			if _, isText := entry.(string); !isText {
				return name + "[" + key + "]", fmt.Sprintf("a text is expected, got %v: put quotes around it", entry)
			}
		}
	}
	return "", ""
}

func listed(file string, items []any, whole *tree) ([]Object, error) {
	var out []Object
	for i, item := range items {
		field := fmt.Sprintf("items[%d]", i)
		fields, isMap := item.(map[string]any)
		if !isMap {
			return nil, &Error{File: file, Line: whole.line(field), Field: field, Reason: "an object is expected"}
		}
		objs, err := objects(file, fields, whole.sub(field))
		if err != nil {
			return nil, err
		}
		out = append(out, objs...)
	}
	return out, nil
}

// Line is where the field stands in the object's file: that of the nearest
// field around it where it does not exist itself. The path is as Kubernetes
// writes it: spec.containers[0].image, .spec.containers[name="web"].image or
// metadata.labels[app.kubernetes.io/name]. It is 0 where the lines are unknown.
func (o Object) Line(path string) int {
	if o.tree == nil {
		return 0
	}
	return o.tree.line(path)
}

// At returns an *Error about a field of the object.
func (o Object) At(path, reason string) *Error {
	return &Error{File: o.File, Line: o.Line(path), Field: strings.TrimPrefix(path, "."), Reason: reason}
}
