package module

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"garboard.dev/garboard/capability/play/value"
)

// class is Python's name of a value's type in messages.
func class(v any) string { return "<class '" + value.TypeName(value.FromGo(v)) + "'>" }

func (c *checker) typed(t Type, v any) (any, error) {
	switch t {
	case Str, "":
		return text(v), nil
	case Path:
		return c.path(text(v)), nil
	case Int:
		return integer(v)
	case Float:
		return float(v)
	case Bool:
		return Boolean(v)
	case List:
		return list(v)
	case Dict:
		return dictionary(v)
	case JSONArg:
		return jsonText(v)
	case Bytes, Bits:
		return bytes(v, t == Bits)
	}
	return v, nil
}

func text(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	return value.Str(value.FromGo(v))
}

// path expands variables of the environment and a leading ~.
func (c *checker) path(s string) string {
	if strings.Contains(s, "$") {
		s = os.Expand(s, func(name string) string {
			if v := c.Getenv(name); v != "" {
				return v
			}
			return "$" + name
		})
	}
	if s == "~" || strings.HasPrefix(s, "~/") {
		return filepath.Join(c.Getenv("HOME"), s[1:])
	}
	return s
}

func integer(v any) (any, error) {
	switch v := v.(type) {
	case int64:
		return v, nil
	case bool:
		if v {
			return int64(1), nil
		}
		return int64(0), nil
	case float64:
		if v == float64(int64(v)) {
			return int64(v), nil
		}
	case string:
		if n, err := strconv.ParseInt(strings.TrimSpace(v), 10, 64); err == nil {
			return n, nil
		}
	}
	return nil, fmt.Errorf("%s cannot be converted to an int", class(v))
}

func float(v any) (any, error) {
	switch v := v.(type) {
	case float64:
		return v, nil
	case int64:
		return float64(v), nil
	case string:
		if f, err := strconv.ParseFloat(strings.TrimSpace(v), 64); err == nil {
			return f, nil
		}
	}
	return nil, fmt.Errorf("%s cannot be converted to a float", class(v))
}

// Boolean reads a truth as modules do: unlike keywords, it refuses other words.
func Boolean(v any) (bool, error) {
	switch v := v.(type) {
	case bool:
		return v, nil
	case int64:
		if v == 0 || v == 1 {
			return v == 1, nil
		}
	case float64:
		if v == 0 || v == 1 {
			return v == 1, nil
		}
	case string:
		switch strings.ToLower(strings.TrimSpace(v)) {
		case "y", "yes", "on", "1", "true", "t", "1.0":
			return true, nil
		case "n", "no", "off", "0", "false", "f", "0.0":
			return false, nil
		}
	default:
		return false, fmt.Errorf("%s cannot be converted to a bool", class(v))
	}
	return false, value.Errorf("The value %s is not a valid boolean.  Valid booleans include: 'yes', 'no', 'on', 'off', 'true', 'false', 'y', 'n', 't', 'f', 1, 0", value.Repr(value.FromGo(v)))
}

func list(v any) (any, error) {
	switch v := v.(type) {
	case []any:
		return v, nil
	case string:
		var out []any
		for part := range strings.SplitSeq(v, ",") {
			out = append(out, strings.TrimSpace(part))
		}
		return out, nil
	case int64, float64:
		return []any{text(v)}, nil
	}
	return nil, fmt.Errorf("%s cannot be converted to a list", class(v))
}

func dictionary(v any) (any, error) {
	switch v := v.(type) {
	case map[string]any:
		return v, nil
	case string:
		if strings.HasPrefix(v, "{") {
			return dictionaryText(v)
		}
		if strings.Contains(v, "=") {
			return pairs(v), nil
		}
		return nil, errors.New("dictionary requested, could not parse JSON or key=value")
	}
	return nil, fmt.Errorf("%s cannot be converted to a dict", class(v))
}

func dictionaryText(s string) (any, error) {
	parsed, err := value.FromJSON([]byte(s))
	if err != nil {
		parsed, err = value.Literal(s)
	}
	d, ok := value.ToGo(parsed).(map[string]any)
	if err != nil || !ok {
		return nil, errors.New("unable to evaluate string as dictionary")
	}
	return d, nil
}

// pairs reads key=value, ... with quotes.
func pairs(s string) map[string]any {
	out := map[string]any{}
	var field strings.Builder
	var quote rune
	flush := func() {
		if k, v, ok := strings.Cut(strings.TrimSpace(field.String()), "="); ok {
			out[k] = v
		}
		field.Reset()
	}
	for _, r := range s {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '"' || r == '\''):
			quote = r
		case quote == 0 && (r == ',' || r == ' '):
			flush()
		default:
			field.WriteRune(r)
		}
	}
	flush()
	return out
}

func jsonText(v any) (any, error) {
	switch v := v.(type) {
	case string:
		return strings.TrimSpace(v), nil
	case map[string]any, []any:
		data, err := value.JSON(value.FromGo(v), value.JSONOptions{})
		return string(data), err
	}
	return nil, fmt.Errorf("%s cannot be converted to a json string", class(v))
}

// Decode reads a request's arguments: JSON with whole numbers as int64.
func Decode(data []byte) (map[string]any, error) {
	d := json.NewDecoder(strings.NewReader(string(data)))
	d.UseNumber()
	var out map[string]any
	if err := d.Decode(&out); err != nil {
		return nil, fmt.Errorf("arguments: %w", err)
	}
	for k, v := range out {
		out[k] = plain(v)
	}
	return out, nil
}

func plain(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		f, err := v.Float64()
		if err != nil {
			return v.String()
		}
		return f
	case map[string]any:
		for k, item := range v {
			v[k] = plain(item)
		}
	case []any:
		for i, item := range v {
			v[i] = plain(item)
		}
	}
	return v
}
