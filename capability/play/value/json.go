package value

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// FromJSON reads JSON. Keys keep their order, integers stay integers, and NaN,
// Infinity and -Infinity are taken as Python's json takes them.
func FromJSON(data []byte) (Value, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	v, err := decode(d, 0)
	if err != nil {
		return constant(data, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, Errorf("Extra data")
	}
	return v, nil
}

func constant(data []byte, err error) (Value, error) {
	switch strings.TrimSpace(string(data)) {
	case "NaN":
		return math.NaN(), nil
	case "Infinity":
		return math.Inf(1), nil
	case "-Infinity":
		return math.Inf(-1), nil
	}
	return nil, err
}

// maxJSON bounds the depth of JSON that is read.
const maxJSON = 900

func decode(d *json.Decoder, depth int) (Value, error) {
	if depth > maxJSON {
		return nil, Errorf("JSON is nested too deeply")
	}
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t := t.(type) {
	case json.Number:
		return jsonNumber(t.String()), nil
	case json.Delim:
		if t == '[' {
			return decodeList(d, depth)
		}
		return decodeDict(d, depth)
	}
	return t, nil
}

func decodeList(d *json.Decoder, depth int) (Value, error) {
	out := NewList()
	for d.More() {
		v, err := decode(d, depth+1)
		if err != nil {
			return nil, err
		}
		out.Items = append(out.Items, v)
	}
	_, err := d.Token()
	return out, err
}

func decodeDict(d *json.Decoder, depth int) (Value, error) {
	out := NewDict()
	for d.More() {
		k, err := d.Token()
		if err != nil {
			return nil, err
		}
		v, err := decode(d, depth+1)
		if err != nil {
			return nil, err
		}
		out.Set(k, v)
	}
	_, err := d.Token()
	return out, err
}

// JSONOptions are those of Python's json.dumps.
type JSONOptions struct {
	Indent   int  // 0: all on one line
	Indented bool // with Indent 0 each item still stands on a line of its own
	Sort     bool
	ASCII    bool // ensure_ascii
	// ItemSeparator and KeySeparator are ", " and ": " where they are empty; with
	// an indent the first is ",".
	ItemSeparator, KeySeparator string
	// Default turns a value that JSON does not have into one that it has.
	Default func(Value) (Value, error)
}

// JSON writes v as Python's json.dumps does.
func JSON(v Value, o JSONOptions) ([]byte, error) {
	w := &jsonWriter{o: o}
	w.o.Indented = o.Indented || o.Indent > 0
	if w.o.ItemSeparator == "" {
		w.o.ItemSeparator = ", "
		if w.o.Indented {
			w.o.ItemSeparator = ","
		}
	}
	if w.o.KeySeparator == "" {
		w.o.KeySeparator = ": "
	}
	if err := w.value(v, 0); err != nil {
		return nil, err
	}
	return w.out, nil
}

type jsonWriter struct {
	o   JSONOptions
	out []byte
}

func (w *jsonWriter) value(v Value, depth int) error {
	if depth > maxRepr {
		return Errorf("Circular reference detected")
	}
	switch v := v.(type) {
	case nil:
		w.out = append(w.out, "null"...)
	case bool:
		w.out = strconv.AppendBool(w.out, v)
	case int64:
		w.out = strconv.AppendInt(w.out, v, 10)
	case float64:
		w.float(v)
	case string:
		w.text(v)
	case Unsafe:
		w.text(string(v))
	case Markup:
		w.text(string(v))
	case *List:
		return w.items(v.Items, depth)
	case *Tuple:
		return w.items(v.Items, depth)
	case *Dict:
		return w.dict(v, depth)
	default:
		return w.other(v, depth)
	}
	return nil
}

func (w *jsonWriter) other(v Value, depth int) error {
	switch v := v.(type) {
	case Lazy:
		r, err := v.Resolve()
		if err != nil {
			return err
		}
		return w.value(r, depth)
	case Mapping:
		d := NewDict()
		for _, k := range v.Keys() {
			item, _ := v.Get(k)
			d.Set(k, item)
		}
		return w.dict(d, depth)
	case *Undefined:
		return &UndefinedError{v.Hint}
	case interface{ IsInt64() bool }: // *big.Int
		w.out = append(w.out, Repr(v)...)
		return nil
	}
	if w.o.Default == nil {
		return &TypeError{fmt.Sprintf("Object of type %s is not JSON serializable", TypeName(v))}
	}
	r, err := w.o.Default(v)
	if err != nil {
		return err
	}
	return w.value(r, depth+1)
}

func (w *jsonWriter) float(f float64) {
	switch {
	case math.IsInf(f, 1):
		w.out = append(w.out, "Infinity"...)
	case math.IsInf(f, -1):
		w.out = append(w.out, "-Infinity"...)
	case math.IsNaN(f):
		w.out = append(w.out, "NaN"...)
	default:
		w.out = append(w.out, FloatText(f)...)
	}
}

func (w *jsonWriter) line(depth int) {
	if w.o.Indented {
		w.out = append(w.out, '\n')
		for range depth * w.o.Indent {
			w.out = append(w.out, ' ')
		}
	}
}

func (w *jsonWriter) items(items []Value, depth int) error {
	if len(items) == 0 {
		w.out = append(w.out, "[]"...)
		return nil
	}
	w.out = append(w.out, '[')
	for i, item := range items {
		if i > 0 {
			w.out = append(w.out, w.o.ItemSeparator...)
		}
		w.line(depth + 1)
		if err := w.value(item, depth+1); err != nil {
			return err
		}
	}
	w.line(depth)
	w.out = append(w.out, ']')
	return nil
}

func (w *jsonWriter) dict(d *Dict, depth int) error {
	if d.Len() == 0 {
		w.out = append(w.out, "{}"...)
		return nil
	}
	keys := d.Keys()
	if w.o.Sort {
		slices.SortStableFunc(keys, func(a, b Value) int {
			order, err := Compare(a, b, "<")
			if err != nil {
				return strings.Compare(Str(a), Str(b))
			}
			return order
		})
	}
	w.out = append(w.out, '{')
	for i, k := range keys {
		if i > 0 {
			w.out = append(w.out, w.o.ItemSeparator...)
		}
		w.line(depth + 1)
		key, err := jsonKey(k)
		if err != nil {
			return err
		}
		w.text(key)
		w.out = append(w.out, w.o.KeySeparator...)
		v, _ := d.Get(k)
		if err := w.value(v, depth+1); err != nil {
			return err
		}
	}
	w.line(depth)
	w.out = append(w.out, '}')
	return nil
}

func jsonKey(k Value) (string, error) {
	switch k := k.(type) {
	case nil:
		return "null", nil
	case bool:
		return strconv.FormatBool(k), nil
	case int64, float64:
		return Str(k), nil
	}
	if text, ok := Text(k); ok {
		return text, nil
	}
	return "", &TypeError{"keys must be str, int, float, bool or None, not " + TypeName(k)}
}

func (w *jsonWriter) text(s string) {
	w.out = append(w.out, '"')
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == '"' || r == '\\':
			w.out = append(w.out, '\\', byte(r))
		case r == '\n':
			w.out = append(w.out, `\n`...)
		case r == '\r':
			w.out = append(w.out, `\r`...)
		case r == '\t':
			w.out = append(w.out, `\t`...)
		case r == '\b':
			w.out = append(w.out, `\b`...)
		case r == '\f':
			w.out = append(w.out, `\f`...)
		case r < ' ':
			w.out = fmt.Appendf(w.out, `\u%04x`, r)
		case r >= 0x10000 && w.o.ASCII:
			high, low := utf16.EncodeRune(r)
			w.out = fmt.Appendf(w.out, `\u%04x\u%04x`, high, low)
		case r > 0x7f && w.o.ASCII:
			w.out = fmt.Appendf(w.out, `\u%04x`, r)
		default:
			w.out = append(w.out, s[i:i+size]...)
		}
		i += size
	}
	w.out = append(w.out, '"')
}
