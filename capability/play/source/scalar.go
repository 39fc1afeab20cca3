package source

import (
	"encoding/base64"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"garboard.dev/garboard/capability/play/value"
)

// The types of YAML 1.1 (yaml.org/type), as PyYAML resolves plain scalars.
var (
	integers   = regexp.MustCompile(`^(?:[-+]?0b[0-1_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+)$`)
	floats     = regexp.MustCompile(`^(?:[-+]?(?:[0-9][0-9_]*)\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$`)
	timestamps = regexp.MustCompile(`^([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})(?:(?:[Tt]|[ \t]+)([0-9]{1,2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]*))?(?:[ \t]*(?:(Z)|([-+])([0-9]{1,2})(?::([0-9]{2}))?))?)?$`)
	plainDate  = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}$`)
)

var words = map[string]value.Value{
	"": nil, "~": nil, "null": nil, "Null": nil, "NULL": nil,
	"yes": true, "Yes": true, "YES": true, "true": true, "True": true, "TRUE": true, "on": true, "On": true, "ON": true,
	"no": false, "No": false, "NO": false, "false": false, "False": false, "FALSE": false, "off": false, "Off": false, "OFF": false,
}

func (r *reader) scalar(y *yaml.Node) (value.Value, error) {
	quoted := y.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0
	switch y.Tag {
	case "!vault", "!vault-encrypted":
		return r.encrypted(y), nil
	case "!unsafe":
		return value.Unsafe(y.Value), nil
	case "!!binary":
		text, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(y.Value), ""))
		if err != nil {
			return nil, r.fail(y, "failed to decode base64 data: %s", err)
		}
		return value.Bytes(text), nil
	case "!!int", "!!float":
		if y.Style&yaml.TaggedStyle == 0 { // it was resolved by YAML 1.2's rules
			break
		}
		if v, ok := number(y); ok {
			return v, nil
		}
		return nil, r.fail(y, "%q is no number", y.Value)
	case "!!str":
		if y.Style&yaml.TaggedStyle != 0 || quoted {
			return y.Value, nil
		}
	}
	if strings.HasPrefix(y.Tag, "!") && !strings.HasPrefix(y.Tag, "!!") {
		return nil, r.fail(y, "could not determine a constructor for the tag '%s'", y.Tag)
	}
	if quoted {
		return y.Value, nil
	}
	if m := timestamps.FindStringSubmatch(y.Value); m != nil && impossible(m) {
		return nil, r.fail(y, "%s is no date: month must be in 1..12, and the day in its month", y.Value)
	}
	return Resolve(y.Value), nil
}

// number reads a scalar that is tagged as a number.
func number(y *yaml.Node) (value.Value, bool) {
	v := Resolve(y.Value)
	if y.Tag == "!!float" {
		f, ok := value.Float(v)
		return f, ok
	}
	_, ok := value.Integer(v)
	return v, ok
}

// impossible says whether a text of a date's form is no date.
func impossible(m []string) bool {
	_, err := time.Parse("2006-1-2", m[1]+"-"+m[2]+"-"+m[3])
	return err != nil && (m[4] != "" || plainDate.MatchString(m[0]))
}

// Resolve returns what a plain scalar stands for in YAML 1.1.
func Resolve(s string) value.Value {
	if v, ok := words[s]; ok {
		return v
	}
	c := s[0]
	if c != '-' && c != '+' && c != '.' && (c < '0' || c > '9') {
		return s
	}
	switch {
	case integers.MatchString(s):
		if v, ok := integer(strings.ReplaceAll(s, "_", "")); ok {
			return v
		}
	case floats.MatchString(s):
		if v, ok := float(strings.ToLower(strings.ReplaceAll(s, "_", ""))); ok {
			return v
		}
	case timestamps.MatchString(s):
		return timestamp(s)
	}
	return s
}

func integer(s string) (value.Value, bool) {
	sign := ""
	if s[0] == '-' || s[0] == '+' {
		sign, s = strings.TrimPrefix(s[:1], "+"), s[1:]
	}
	base := 10
	switch {
	case strings.HasPrefix(s, "0b"):
		base, s = 2, s[2:]
	case strings.HasPrefix(s, "0x"):
		base, s = 16, s[2:]
	case strings.Contains(s, ":"):
		return sexagesimal(sign, s)
	case len(s) > 1 && s[0] == '0':
		base, s = 8, s[1:]
	}
	i, ok := new(big.Int).SetString(sign+s, base)
	if !ok {
		return nil, false
	}
	return value.Int(i), true
}

func sexagesimal(sign, s string) (value.Value, bool) {
	total := int64(0)
	for part := range strings.SplitSeq(s, ":") {
		n, err := strconv.ParseInt(part, 10, 32)
		if err != nil || total > 1<<50 {
			return nil, false
		}
		total = total*60 + n
	}
	if sign == "-" {
		total = -total
	}
	return total, true
}

func float(s string) (value.Value, bool) {
	switch strings.TrimLeft(s, "+-") {
	case ".inf":
		if s[0] == '-' {
			return math.Inf(-1), true
		}
		return math.Inf(1), true
	case ".nan":
		return math.NaN(), true
	}
	if strings.Contains(s, ":") {
		sign := 1.0
		if s[0] == '-' {
			sign = -1
		}
		total := 0.0
		for part := range strings.SplitSeq(strings.TrimLeft(s, "+-"), ":") {
			n, err := strconv.ParseFloat(part, 64)
			if err != nil {
				return nil, false
			}
			total = total*60 + n
		}
		return sign * total, true
	}
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil
}

func timestamp(s string) value.Value {
	m := timestamps.FindStringSubmatch(s)
	n := func(i int) int {
		v, err := strconv.Atoi(m[i])
		if err != nil {
			return 0
		}
		return v
	}
	if m[4] == "" {
		if !plainDate.MatchString(s) || n(2) < 1 || n(2) > 12 || n(3) < 1 || n(3) > 31 {
			return s
		}
		return value.Time{Time: time.Date(n(1), time.Month(n(2)), n(3), 0, 0, 0, 0, time.UTC), Date: true}
	}
	fraction := (m[7] + "000000")[:6]
	micro, err := strconv.Atoi(fraction)
	if err != nil {
		micro = 0
	}
	t := time.Date(n(1), time.Month(n(2)), n(3), n(4), n(5), n(6), micro*1000, time.UTC)
	out := value.Time{Time: t, Zone: m[8] != "" || m[9] != ""}
	if m[9] != "" {
		offset := time.Duration(n(10))*time.Hour + time.Duration(n(11))*time.Minute
		if m[9] == "-" {
			offset = -offset
		}
		out.Time = t.Add(-offset).In(time.FixedZone("", int(offset/time.Second)))
	}
	return out
}

// Encrypted is text under a vault, opened when it is needed.
type Encrypted struct {
	Ciphertext string
	open       func() ([]byte, error)
}

// Resolve opens the vault.
func (e *Encrypted) Resolve() (value.Value, error) {
	plain, err := e.open()
	if err != nil {
		return nil, err
	}
	return string(plain), nil
}

func (r *reader) encrypted(y *yaml.Node) value.Value {
	text := y.Value
	return &Encrypted{Ciphertext: text, open: func() ([]byte, error) {
		if r.options.Decrypt == nil {
			return nil, value.Errorf("Attempting to decrypt but no vault secrets found")
		}
		return r.options.Decrypt([]byte(text), r.file)
	}}
}
