package lookup

import (
	"crypto/rand"
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"garboard.dev/garboard/capability/play/regex"
	"garboard.dev/garboard/capability/play/template"
	"garboard.dev/garboard/capability/play/value"
)

// varnames finds the names of variables by patterns.
func varnames(c *template.LookupCall) (*value.List, error) {
	out := value.NewList()
	names := c.Scope.Names()
	for _, t := range c.Terms.Items {
		pattern, ok := value.Text(t)
		if !ok {
			return nil, value.Errorf("Invalid setting identifier, \"%s\" is not a string, it is a <class '%s'>", value.Str(t), value.TypeName(t))
		}
		r, err := regex.Compile(pattern, 0)
		if err != nil {
			return nil, value.Errorf("Unable to use \"%s\" as a search parameter: %s", pattern, err)
		}
		for _, n := range names {
			m, err := r.Search(n)
			if err != nil {
				return nil, err
			}
			if m != nil {
				out.Items = append(out.Items, n)
			}
		}
	}
	return out, nil
}

func (s *Set) config(c *template.LookupCall) (*value.List, error) {
	out := value.NewList()
	for _, name := range terms(c) {
		v, ok := s.Config(name)
		if !ok {
			switch value.Str(option(c, "on_missing", "error")) {
			case "skip":
				continue
			case "warn":
				continue
			}
			return nil, value.Errorf("Unable to find setting %s", name)
		}
		out.Items = append(out.Items, v)
	}
	return out, nil
}

func (s *Set) env(c *template.LookupCall) (*value.List, error) {
	out := value.NewList()
	for _, t := range terms(c) {
		name, _, _ := strings.Cut(t, " ")
		v := value.Value(s.Getenv(name))
		if v == "" {
			v = option(c, "default", "")
			if u, ok := v.(*value.Undefined); ok {
				return nil, &value.UndefinedError{Message: u.Hint}
			}
		}
		out.Items = append(out.Items, v)
	}
	return out, nil
}

func (s *Set) hostnames(c *template.LookupCall) (*value.List, error) {
	var patterns []string
	for _, t := range c.Terms.Items {
		if l, ok := t.(*value.List); ok {
			for _, i := range l.Items {
				patterns = append(patterns, value.Str(i))
			}
			continue
		}
		patterns = append(patterns, value.Str(t))
	}
	found, err := s.Match(strings.Join(patterns, ","))
	out := value.NewList()
	for _, h := range found {
		out.Items = append(out.Items, h)
	}
	return out, err
}

func number(limit int) (int, error) {
	n, err := rand.Int(rand.Reader, big.NewInt(int64(limit)))
	if err != nil {
		return 0, err
	}
	return int(n.Int64()), nil
}

func randomChoice(c *template.LookupCall) (*value.List, error) {
	all, err := items(c)
	if err != nil || len(all.Items) == 0 {
		return all, err
	}
	i, err := number(len(all.Items))
	if err != nil {
		return nil, err
	}
	return value.NewList(all.Items[i]), nil
}

func randomString(c *template.LookupCall) (*value.List, error) {
	length, err := strconv.Atoi(value.Str(option(c, "length", int64(8))))
	if err != nil || length < 1 || length > 1<<20 {
		return nil, fmt.Errorf("random_string: length must be between 1 and %d", 1<<20)
	}
	letters := ""
	for _, class := range []struct{ name, letters string }{
		{"upper", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}, {"lower", "abcdefghijklmnopqrstuvwxyz"}, {"numbers", "0123456789"}, {"special", "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"},
	} {
		if flag(c, class.name, true) {
			letters += class.letters
		}
	}
	if override := option(c, "override_all", nil); override != nil {
		letters = value.Str(override)
	}
	text, err := randomText(length, letters)
	return value.NewList(text), err
}

func randomText(n int, letters string) (string, error) {
	if letters == "" {
		return "", value.Errorf("Available characters cannot be None, please change constraints")
	}
	all := []rune(letters)
	var b strings.Builder
	for range n {
		i, err := number(len(all))
		if err != nil {
			return "", err
		}
		b.WriteRune(all[i])
	}
	return b.String(), nil
}

// maxSequence bounds what sequence makes.
const maxSequence = 10_000_000

// sequence makes numbers: start=, end=, count=, stride= and format=, or 1-5/2:%02d.
func sequence(c *template.LookupCall) (*value.List, error) {
	out := value.NewList()
	for _, t := range c.Terms.Items {
		r := counting{start: 1, stride: 1, format: "%d"}
		if d, ok := t.(*value.Dict); ok {
			for k, v := range d.All() {
				if err := r.set(value.Str(k), value.Str(v)); err != nil {
					return nil, err
				}
			}
		} else if err := r.read(value.Str(t)); err != nil {
			return nil, err
		}
		if err := r.fill(out); err != nil {
			return nil, err
		}
	}
	if len(c.Terms.Items) > 0 || c.Options.Len() == 0 {
		return out, nil
	}
	r := counting{start: 1, stride: 1, format: "%d"}
	for k, v := range c.Options.All() {
		if err := r.set(value.Str(k), value.Str(v)); err != nil {
			return nil, err
		}
	}
	return out, r.fill(out)
}

type counting struct {
	start, end, stride int64
	count              int64
	hasEnd, hasCount   bool
	format             string
}

func (r *counting) set(key, text string) error {
	if key == "format" {
		r.format = text
		return nil
	}
	n, err := strconv.ParseInt(strings.TrimSpace(text), 0, 64)
	if err != nil {
		return value.Errorf("can't parse %s=%s as integer", key, text)
	}
	switch key {
	case "start":
		r.start = n
	case "end":
		r.end, r.hasEnd = n, true
	case "count":
		r.count, r.hasCount = n, true
	case "stride":
		r.stride = n
	default:
		return value.Errorf("unrecognized arguments to with_sequence: ['%s']", key)
	}
	return nil
}

func (r *counting) read(t string) error {
	if strings.Contains(t, "=") {
		for f := range strings.FieldsSeq(t) {
			k, v, _ := strings.Cut(f, "=")
			if err := r.set(k, v); err != nil {
				return err
			}
		}
		return nil
	}
	if body, format, ok := strings.Cut(t, ":"); ok {
		t, r.format = body, format
	}
	if body, stride, ok := strings.Cut(t, "/"); ok {
		t = body
		if err := r.set("stride", stride); err != nil {
			return err
		}
	}
	if start, end, ok := strings.Cut(t, "-"); ok && start != "" {
		if err := r.set("start", start); err != nil {
			return err
		}
		t = end
	}
	return r.set("end", t)
}

func (r *counting) fill(out *value.List) error {
	if !r.hasEnd && !r.hasCount {
		return value.Errorf("must specify count or end in with_sequence")
	}
	if r.hasEnd && r.hasCount {
		return value.Errorf("can't specify both count and end in with_sequence")
	}
	if r.hasCount {
		if r.count == 0 {
			return nil
		}
		r.end = r.start + r.count*r.stride - r.stride
	}
	switch {
	case r.stride == 0:
		return nil
	case r.stride > 0 && r.end < r.start:
		return value.Errorf("to count backwards make stride negative")
	case r.stride < 0 && r.end > r.start:
		return value.Errorf("to count forward don't make stride negative")
	case (r.end-r.start)/r.stride > maxSequence:
		return fmt.Errorf("with_sequence would give more than %d items", maxSequence)
	}
	for n := r.start; r.stride > 0 && n <= r.end || r.stride < 0 && n >= r.end; n += r.stride {
		text, err := value.FormatPercent(r.format, n)
		if err != nil {
			return value.Errorf("problem formatting %d with %s", n, r.format)
		}
		out.Items = append(out.Items, text)
	}
	return nil
}
