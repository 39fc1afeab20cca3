package files

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"garboard.dev/garboard/capability/play/value"
)

// clock is what is read so far of a time's text.
type clock struct {
	rest                                   string
	year, month, day, hour, minute, second int
	nano, yearDay                          int
	afternoon                              bool
	twelve                                 bool // the hour counts to twelve
	zone                                   *time.Location
}

// parseTime reads text in a format of strptime's directives. What it does not
// say is the beginning of 1900, in zone. Its errors are worded as Python's.
func parseTime(text, format string, zone *time.Location) (time.Time, error) {
	c := &clock{rest: text, year: 1900, month: 1, day: 1, zone: zone}
	mismatch := fmt.Errorf("time data %s does not match format %s", value.Repr(text), value.Repr(format))
	for i := 0; i < len(format); i++ {
		switch b := format[i]; {
		case b == '%' && i+1 < len(format):
			i++
			if !c.directive(format[i]) {
				return time.Time{}, mismatch
			}
		case unicode.IsSpace(rune(b)):
			c.rest = strings.TrimLeftFunc(c.rest, unicode.IsSpace)
		default:
			if c.rest == "" || !strings.EqualFold(c.rest[:1], format[i:i+1]) {
				return time.Time{}, mismatch
			}
			c.rest = c.rest[1:]
		}
	}
	if c.rest != "" {
		return time.Time{}, fmt.Errorf("unconverted data remains: %s", c.rest)
	}
	return c.time()
}

func (c *clock) time() (time.Time, error) {
	if c.twelve {
		c.hour %= 12
		if c.afternoon {
			c.hour += 12
		}
	}
	if c.yearDay > 0 {
		c.month, c.day = 1, c.yearDay
	} else if limit := time.Date(c.year, time.Month(c.month)+1, 0, 0, 0, 0, 0, time.UTC).Day(); c.day > limit {
		return time.Time{}, fmt.Errorf("day is out of range for month")
	}
	return time.Date(c.year, time.Month(c.month), c.day, c.hour, c.minute, c.second, c.nano, c.zone), nil
}

// composed are directives that stand for others.
var composed = map[byte]string{'D': "%m/%d/%y", 'T': "%H:%M:%S", 'R': "%H:%M", 'F': "%Y-%m-%d", 'c': "%a %b %d %H:%M:%S %Y", 'x': "%m/%d/%y", 'X': "%H:%M:%S"}

func (c *clock) directive(d byte) bool {
	switch d {
	case 'Y':
		return c.number(4, 4, 0, 9999, &c.year)
	case 'y':
		ok := c.number(2, 2, 0, 99, &c.year)
		if c.year += 1900; c.year < 1969 {
			c.year += 100
		}
		return ok
	case 'm':
		return c.number(1, 2, 1, 12, &c.month)
	case 'd', 'e':
		return c.number(1, 2, 1, 31, &c.day)
	case 'j':
		return c.number(1, 3, 1, 366, &c.yearDay)
	case 'H':
		return c.number(1, 2, 0, 23, &c.hour)
	case 'I':
		c.twelve = true
		return c.number(1, 2, 1, 12, &c.hour)
	case 'M':
		return c.number(1, 2, 0, 59, &c.minute)
	case 'S':
		return c.number(1, 2, 0, 61, &c.second)
	case 'f':
		return c.fraction()
	case '%':
		ok := strings.HasPrefix(c.rest, "%")
		c.rest = strings.TrimPrefix(c.rest, "%")
		return ok
	}
	return c.words(d)
}

func (c *clock) words(d byte) bool {
	switch d {
	case 'b', 'B', 'h':
		return c.name(d == 'B', 12, func(i int) string { return time.Month(i + 1).String() }, func(i int) { c.month = i + 1 })
	case 'a', 'A':
		return c.name(d == 'A', 7, func(i int) string { return time.Weekday(i).String() }, func(int) {})
	case 'p':
		half := strings.ToUpper(c.rest[:min(2, len(c.rest))])
		c.afternoon = half == "PM"
		c.rest = c.rest[len(half):]
		return half == "AM" || half == "PM"
	case 'z':
		return c.offset()
	}
	format, known := composed[d]
	if !known {
		return false
	}
	for i := 0; i < len(format); i++ {
		if format[i] == '%' {
			i++
			if !c.directive(format[i]) {
				return false
			}
		} else if c.rest == "" || c.rest[0] != format[i] {
			return false
		} else {
			c.rest = c.rest[1:]
		}
	}
	return true
}

// number reads as many digits as it can, from least to most of them, within bounds.
func (c *clock) number(least, most, low, high int, to *int) bool {
	n := 0
	for n < most && n < len(c.rest) && c.rest[n] >= '0' && c.rest[n] <= '9' {
		n++
	}
	for ; n >= least && n > 0; n-- {
		v, err := strconv.Atoi(c.rest[:n])
		if err == nil && v >= low && v <= high {
			*to, c.rest = v, c.rest[n:]
			return true
		}
	}
	return false
}

func (c *clock) fraction() bool {
	n := 0
	for n < 6 && n < len(c.rest) && c.rest[n] >= '0' && c.rest[n] <= '9' {
		n++
	}
	micro, err := strconv.Atoi((c.rest[:n] + "000000")[:6])
	c.nano, c.rest = micro*1000, c.rest[n:]
	return n > 0 && err == nil
}

func (c *clock) name(long bool, count int, word func(int) string, set func(int)) bool {
	for i := range count {
		w := word(i)
		if !long {
			w = w[:3]
		}
		if len(c.rest) >= len(w) && strings.EqualFold(c.rest[:len(w)], w) {
			set(i)
			c.rest = c.rest[len(w):]
			return true
		}
	}
	return false
}

// offset reads Z, +0100 or -01:00.
func (c *clock) offset() bool {
	if rest, found := strings.CutPrefix(c.rest, "Z"); found {
		c.rest, c.zone = rest, time.UTC
		return true
	}
	for _, layout := range []string{"-07:00", "-0700"} {
		if len(c.rest) < len(layout) {
			continue
		}
		if t, err := time.Parse(layout, c.rest[:len(layout)]); err == nil {
			_, seconds := t.Zone()
			c.zone, c.rest = time.FixedZone("", seconds), c.rest[len(layout):]
			return true
		}
	}
	return false
}
