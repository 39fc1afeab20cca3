package value

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Str is Python's str(v).
func Str(v Value) string {
	switch v := v.(type) {
	case string:
		return v
	case Unsafe:
		return string(v)
	case Markup:
		return string(v)
	case *Undefined:
		return ""
	case Time:
		return v.text()
	case Lazy:
		if r, err := v.Resolve(); err == nil {
			return Str(r)
		}
	}
	return Repr(v)
}

// Repr is Python's repr(v).
func Repr(v Value) string {
	var b strings.Builder
	repr(&b, v, 0)
	return b.String()
}

// maxRepr bounds how deep values are written, for they may hold themselves.
const maxRepr = 500

func repr(b *strings.Builder, v Value, depth int) {
	if depth > maxRepr {
		b.WriteString("...")
		return
	}
	switch v := v.(type) {
	case nil:
		b.WriteString("None")
	case bool:
		if v {
			b.WriteString("True")
		} else {
			b.WriteString("False")
		}
	case int64:
		b.WriteString(strconv.FormatInt(v, 10))
	case int:
		b.WriteString(strconv.Itoa(v))
	case *big.Int:
		b.WriteString(v.String())
	case float64:
		b.WriteString(FloatText(v))
	case string:
		quote(b, v)
	case Unsafe:
		quote(b, string(v))
	case Markup:
		b.WriteString("Markup(")
		quote(b, string(v))
		b.WriteString(")")
	case Bytes:
		b.WriteString("b")
		quoteBytes(b, string(v))
	case *List:
		if v.kind != "" {
			sequence(b, v.kind+"([", "])", v.Items, depth)
			return
		}
		sequence(b, "[", "]", v.Items, depth)
	case *Tuple:
		closing := ")"
		if len(v.Items) == 1 {
			closing = ",)"
		}
		sequence(b, "(", closing, v.Items, depth)
	case *Dict:
		dictionary(b, v, depth)
	default:
		b.WriteString(other(v))
	}
}

func sequence(b *strings.Builder, open, closing string, items []Value, depth int) {
	b.WriteString(open)
	for i, item := range items {
		if i > 0 {
			b.WriteString(", ")
		}
		repr(b, item, depth+1)
	}
	b.WriteString(closing)
}

func dictionary(b *strings.Builder, d *Dict, depth int) {
	b.WriteByte('{')
	first := true
	for k, v := range d.All() {
		if !first {
			b.WriteString(", ")
		}
		first = false
		repr(b, k, depth+1)
		b.WriteString(": ")
		repr(b, v, depth+1)
	}
	b.WriteByte('}')
}

func other(v Value) string {
	switch v := v.(type) {
	case *Undefined:
		return "Undefined"
	case *Range:
		if v.Step == 1 {
			return fmt.Sprintf("range(%d, %d)", v.Start, v.Stop)
		}
		return fmt.Sprintf("range(%d, %d, %d)", v.Start, v.Stop, v.Step)
	case *Iterator:
		return fmt.Sprintf("<generator object %s at %p>", v.Name, v)
	case *Func:
		return fmt.Sprintf("<function %s at %p>", v.Name, v)
	case Time:
		return v.repr()
	case Lazy:
		if r, err := v.Resolve(); err == nil {
			return Repr(r)
		}
		return "<encrypted>"
	case Mapping:
		d := NewDict()
		for _, k := range v.Keys() {
			item, _ := v.Get(k)
			d.Set(k, item)
		}
		return Repr(d)
	case fmt.Stringer:
		return v.String()
	}
	return fmt.Sprint(v)
}

// FloatText is Python's text of a float: the shortest that reads back the same.
func FloatText(f float64) string {
	switch {
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	case math.IsNaN(f):
		return "nan"
	}
	if abs := math.Abs(f); abs != 0 && (abs < 1e-4 || abs >= 1e16) {
		text := strconv.FormatFloat(f, 'e', -1, 64)
		return text
	}
	text := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return text
}

// quote writes text as Python does: in single quotes unless only those occur in it.
func quote(b *strings.Builder, s string) {
	q := byte('\'')
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		q = '"'
	}
	b.WriteByte(q)
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1: // Python keeps such bytes as lone surrogates
			fmt.Fprintf(b, `\udc%02x`, s[i])
		case r == rune(q) || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(b, `\x%02x`, r)
		case r < 0x80 || printable(r):
			b.WriteString(s[i : i+size])
		case r < 0x100:
			fmt.Fprintf(b, `\x%02x`, r)
		case r < 0x10000:
			fmt.Fprintf(b, `\u%04x`, r)
		default:
			fmt.Fprintf(b, `\U%08x`, r)
		}
		i += size
	}
	b.WriteByte(q)
}

func printable(r rune) bool {
	return !unicode.In(r, unicode.Cc, unicode.Cf, unicode.Cs, unicode.Co, unicode.Zl, unicode.Zp, unicode.Zs) && (unicode.IsPrint(r) || unicode.IsMark(r))
}

func quoteBytes(b *strings.Builder, s string) {
	q := byte('\'')
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		q = '"'
	}
	b.WriteByte(q)
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == q || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\r':
			b.WriteString(`\r`)
		case c == '\t':
			b.WriteString(`\t`)
		case c < ' ' || c >= 0x7f:
			fmt.Fprintf(b, `\x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte(q)
}

func (t Time) text() string {
	if t.Date {
		return t.Format("2006-01-02")
	}
	layout := "2006-01-02 15:04:05"
	if t.Nanosecond() != 0 {
		layout += ".000000"
	}
	if t.Zone {
		layout += "-07:00"
	}
	return t.Format(layout)
}

func (t Time) repr() string {
	if t.Date {
		return fmt.Sprintf("datetime.date(%d, %d, %d)", t.Year(), int(t.Month()), t.Day())
	}
	parts := []string{strconv.Itoa(t.Year()), strconv.Itoa(int(t.Month())), strconv.Itoa(t.Day()), strconv.Itoa(t.Hour()), strconv.Itoa(t.Minute())}
	if t.Second() != 0 || t.Nanosecond() != 0 {
		parts = append(parts, strconv.Itoa(t.Second()))
	}
	if t.Nanosecond() != 0 {
		parts = append(parts, strconv.Itoa(t.Nanosecond()/1000))
	}
	if t.Zone {
		parts = append(parts, "tzinfo="+zone(t.Time))
	}
	return "datetime.datetime(" + strings.Join(parts, ", ") + ")"
}

// zone is the repr of a time's zone.
func zone(t time.Time) string {
	_, offset := t.Zone()
	switch {
	case offset == 0:
		return "datetime.timezone.utc"
	case offset < 0:
		return fmt.Sprintf("datetime.timezone(datetime.timedelta(days=-1, seconds=%d))", offset+24*60*60)
	}
	return fmt.Sprintf("datetime.timezone(datetime.timedelta(seconds=%d))", offset)
}

// TypeName is the name of Python's type of v.
func TypeName(v Value) string {
	switch v := v.(type) {
	case nil:
		return "NoneType"
	case bool:
		return "bool"
	case int64, int, *big.Int:
		return "int"
	case float64:
		return "float"
	case string, Unsafe:
		return "str"
	case Markup:
		return "Markup"
	case Bytes:
		return "bytes"
	case *List:
		if v.kind != "" {
			return v.kind
		}
		return "list"
	case *Tuple:
		return "tuple"
	case *Dict, Mapping:
		return "dict"
	case *Undefined:
		return "Undefined"
	case *Func:
		return "function"
	case *Range:
		return "range"
	case *Iterator:
		return "generator"
	case Time:
		if v.Date {
			return "date"
		}
		return "datetime"
	case Lazy:
		if r, err := v.Resolve(); err == nil {
			return TypeName(r)
		}
	}
	return "object"
}
