package jinja

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"strconv"
	"strings"

	"garboard.dev/garboard/capability/play/value"
)

// filter finds a filter: the environment's own first.
func (e *Environment) filter(name string) (Callable, bool) {
	if e.Filter != nil {
		if f, ok := e.Filter(name); ok {
			return f, true
		}
	}
	f, ok := Filters(name)
	return f, ok
}

// Filters finds one of Jinja2's own filters.
func Filters(name string) (Callable, bool) {
	if f, ok := textFilters(name); ok {
		return f, true
	}
	if f, ok := listFilters(name); ok {
		return f, true
	}
	return valueFilters(name)
}

func valueFilters(name string) (Callable, bool) {
	switch name {
	case "abs":
		return absolute, true
	case "attr":
		return func(c *Call) (value.Value, error) {
			a := c.Arguments()
			o, name := a.Need("value"), a.Text("name")
			if v, ok := value.GetAttr(o, name); ok && !strings.HasPrefix(name, "__") {
				return v, a.Err
			}
			return &value.Undefined{Hint: fmt.Sprintf("'%s' has no attribute '%s'", typeText(o), name)}, a.Err
		}, true
	case "default", "d":
		return defaultFilter, true
	case "int":
		return intFilter, true
	case "float":
		return floatFilter, true
	case "round":
		return round, true
	case "tojson":
		return tojson, true
	case "items":
		return func(c *Call) (value.Value, error) {
			v := c.Arguments().Need("value")
			if _, ok := v.(*value.Undefined); ok {
				return value.NewList(), nil
			}
			d, err := value.ToDict(v)
			if value.TypeName(v) != "dict" {
				return nil, &value.TypeError{Message: "Can only get item pairs from a mapping."}
			}
			out := value.NewList()
			for k, v := range d.All() {
				out.Items = append(out.Items, value.NewTuple(k, v))
			}
			return out, err
		}, true
	case "pprint":
		return func(c *Call) (value.Value, error) { return value.Repr(c.Args[0]), nil }, true
	}
	return nil, false
}

func absolute(c *Call) (value.Value, error) {
	v, err := value.Force(c.Args[0])
	if err != nil {
		return nil, err
	}
	if i, ok := value.Integer(v); ok {
		return value.Int(new(big.Int).Abs(i)), nil
	}
	if f, ok := v.(float64); ok {
		return math.Abs(f), nil
	}
	return nil, &value.TypeError{Message: fmt.Sprintf("bad operand type for abs(): '%s'", value.TypeName(v))}
}

func defaultFilter(c *Call) (value.Value, error) {
	a := c.Arguments()
	v, otherwise, boolean := a.Need("value"), a.Take("default_value", ""), a.Take("boolean", false)
	_, undefined := v.(*value.Undefined)
	if undefined || value.Truth(boolean) && !value.Truth(v) {
		return otherwise, a.Err
	}
	return v, a.Err
}

func intFilter(c *Call) (value.Value, error) {
	a := c.Arguments()
	v, otherwise, base := a.Need("value"), a.Take("default", int64(0)), a.Int("base", 10)
	v, err := value.Force(v)
	if err != nil {
		return nil, err
	}
	switch x := v.(type) {
	case float64:
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return otherwise, nil
		}
		i, _ := big.NewFloat(x).Int(nil)
		return value.Int(i), nil
	case *value.Undefined:
		return nil, &value.UndefinedError{Message: x.Hint}
	}
	if i, ok := value.Integer(v); ok {
		return value.Int(i), nil
	}
	text, ok := value.Text(v)
	if !ok {
		return otherwise, a.Err
	}
	if i, ok := parseInt(text, int(base)); ok {
		return i, a.Err
	}
	if f, err := strconv.ParseFloat(strings.TrimSpace(text), 64); err == nil && base == 10 && !math.IsNaN(f) {
		if math.IsInf(f, 0) {
			return nil, value.Errorf("cannot convert float infinity to integer")
		}
		i, _ := big.NewFloat(f).Int(nil)
		return value.Int(i), nil
	}
	return otherwise, a.Err
}

// parseInt is Python's int(text, base).
func parseInt(text string, base int) (value.Value, bool) {
	s := strings.ToLower(strings.TrimSpace(text))
	sign := ""
	if strings.HasPrefix(s, "-") || strings.HasPrefix(s, "+") {
		sign, s = strings.TrimPrefix(s[:1], "+"), s[1:]
	}
	prefix := map[int]string{16: "0x", 8: "0o", 2: "0b"}[base]
	s = strings.TrimPrefix(s, prefix)
	if s == "" || strings.HasPrefix(s, "_") || strings.HasSuffix(s, "_") || strings.Contains(s, "__") || strings.ContainsAny(s, "+- ") {
		return nil, false
	}
	i, ok := new(big.Int).SetString(sign+strings.ReplaceAll(s, "_", ""), base)
	if !ok {
		return nil, false
	}
	return value.Int(i), true
}

func floatFilter(c *Call) (value.Value, error) {
	a := c.Arguments()
	v, otherwise := a.Need("value"), a.Take("default", 0.0)
	v, err := value.Force(v)
	if err != nil {
		return nil, err
	}
	if f, ok := value.Float(v); ok {
		return f, nil
	}
	if u, ok := v.(*value.Undefined); ok {
		return nil, &value.UndefinedError{Message: u.Hint}
	}
	if text, ok := value.Text(v); ok {
		if f, err := strconv.ParseFloat(strings.ReplaceAll(strings.TrimSpace(text), "_", ""), 64); err == nil && !strings.ContainsAny(strings.ToLower(text), "xp") {
			return f, nil
		}
	}
	return otherwise, a.Err
}

func round(c *Call) (value.Value, error) {
	a := c.Arguments()
	v, precision, method := a.Need("value"), a.Int("precision", 0), value.Str(a.Take("method", "common"))
	f, ok := value.Float(v)
	if !ok {
		return nil, &value.TypeError{Message: fmt.Sprintf("type %s doesn't define __round__ method", value.TypeName(v))}
	}
	scale := math.Pow(10, float64(precision))
	switch method {
	case "ceil":
		return math.Ceil(f*scale) / scale, a.Err
	case "floor":
		return math.Floor(f*scale) / scale, a.Err
	case "common":
	default:
		return nil, value.Errorf("method must be common, ceil or floor")
	}
	i, isInt := value.Integer(v)
	if isInt && precision >= 0 {
		return value.Int(i), a.Err
	}
	if precision < 0 {
		if isInt {
			return int64(math.RoundToEven(f*scale) / scale), a.Err
		}
		return math.RoundToEven(f*scale) / scale, a.Err
	}
	text := strconv.FormatFloat(f, 'f', int(min(precision, 300)), 64)
	out, err := strconv.ParseFloat(text, 64)
	return out, err
}

func tojson(c *Call) (value.Value, error) {
	a := c.Arguments()
	v, indent := a.Need("value"), a.Int("indent", 0)
	text, err := value.JSON(v, value.JSONOptions{Indent: int(min(indent, 64)), Sort: true, ASCII: true})
	var undefined *value.UndefinedError
	if errors.As(err, &undefined) {
		return nil, &value.TypeError{Message: "Object of type Undefined is not JSON serializable"}
	}
	if err != nil {
		return nil, err
	}
	safe := strings.NewReplacer("<", `\u003c`, ">", `\u003e`, "&", `\u0026`, "'", `\u0027`).Replace(string(text))
	return value.Markup(safe), a.Err
}

// randomly picks an index below n.
func randomly(n int) int { return rand.IntN(n) }
