package filter

import (
	"math"
	"strconv"
	"strings"
	"time"

	"garboard.dev/garboard/capability/play/jinja"
	"garboard.dev/garboard/capability/play/value"
)

func (s *Set) mathematics() map[string]jinja.Callable {
	number := func(what string, f func(x float64, a *value.Args) (float64, error)) jinja.Callable {
		return of(func(v value.Value, a *value.Args) (value.Value, error) {
			x, ok := value.Float(v)
			if !ok {
				return nil, value.Errorf("%s() can only be used on numbers: must be real number, not %s", what, value.TypeName(v))
			}
			return f(x, a)
		})
	}
	base := func(a *value.Args, name string, otherwise float64) float64 {
		v := a.Take(name, nil)
		if f, ok := value.Float(v); ok {
			return f
		}
		return otherwise
	}
	return map[string]jinja.Callable{
		"log": number("log", func(x float64, a *value.Args) (float64, error) {
			if x <= 0 {
				return 0, value.Errorf("math domain error")
			}
			switch b := base(a, "base", math.E); b {
			case 10:
				return math.Log10(x), nil
			case math.E:
				return math.Log(x), nil
			default:
				return math.Log(x) / math.Log(b), nil
			}
		}),
		"pow": number("pow", func(x float64, a *value.Args) (float64, error) { return math.Pow(x, base(a, "y", 0)), nil }),
		"root": number("root", func(x float64, a *value.Args) (float64, error) {
			b := base(a, "base", 2)
			switch b {
			case 2:
				return math.Sqrt(x), nil
			case 3:
				return math.Cbrt(x), nil
			}
			return math.Pow(x, 1/b), nil
		}),
	}
}

func (s *Set) times() map[string]jinja.Callable {
	return map[string]jinja.Callable{
		"strftime": text(func(t string, a *value.Args) (value.Value, error) {
			second, utc := a.Take("second", nil), value.Truth(a.Take("utc", false))
			when := s.Now()
			if second != nil {
				f, ok := value.Float(second)
				if !ok {
					parsed, err := strconv.ParseFloat(value.Str(second), 64)
					if err != nil {
						return nil, value.Errorf("Invalid value for epoch value (%s)", value.Str(second))
					}
					f = parsed
				}
				when = time.Unix(int64(f), int64((f-math.Floor(f))*1e9))
			}
			if utc {
				return value.Strftime(t, when.UTC()), nil
			}
			return value.Strftime(t, when.Local()), nil
		}),
		"to_datetime": text(func(t string, a *value.Args) (value.Value, error) {
			return parseTime(t, value.Str(a.Take("format", "%Y-%m-%d %H:%M:%S")))
		}),
	}
}

// layouts are strptime's directives as Go's.
var layouts = strings.NewReplacer("%Y", "2006", "%m", "01", "%d", "02", "%H", "15", "%M", "04", "%S", "05", "%y", "06", "%b", "Jan", "%B", "January",
	"%a", "Mon", "%A", "Monday", "%I", "03", "%p", "PM", "%f", "999999", "%z", "-0700", "%Z", "MST", "%j", "002", "%%", "%", "%T", "15:04:05", "%D", "01/02/06", "%F", "2006-01-02")

func parseTime(t, format string) (value.Value, error) {
	layout := layouts.Replace(format)
	when, err := time.Parse(strings.Replace(layout, ".999999", ".000000", 1), t)
	if err != nil {
		when, err = time.Parse(layout, t)
	}
	if err != nil {
		return nil, value.Errorf("time data %s does not match format %s", value.Repr(t), value.Repr(format))
	}
	return value.Time{Time: when, Zone: strings.Contains(format, "%z")}, nil
}
