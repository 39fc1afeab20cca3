package filter

import (
	"crypto/md5"  // a checksum that content asks for
	"crypto/sha1" // a checksum that content asks for
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"strings"

	"github.com/google/uuid"

	"garboard.dev/garboard/capability/play/jinja"
	"garboard.dev/garboard/capability/play/source"
	"garboard.dev/garboard/capability/play/value"
)

func (s *Set) encodings() map[string]jinja.Callable {
	return map[string]jinja.Callable{
		"b64encode": text(func(t string, _ *value.Args) (value.Value, error) {
			return base64.StdEncoding.EncodeToString([]byte(t)), nil
		}),
		"b64decode":    text(decodeBase64),
		"to_json":      of(toJSON),
		"to_nice_json": of(toNiceJSON),
		"from_json": of(func(v value.Value, _ *value.Args) (value.Value, error) {
			t, ok := value.Text(v)
			if !ok {
				return nil, &value.TypeError{Message: "the JSON object must be str, bytes or bytearray, not " + value.TypeName(v)}
			}
			return value.FromJSON([]byte(t))
		}),
		"to_yaml":      of(func(v value.Value, a *value.Args) (value.Value, error) { return toYAML(v, a, false) }),
		"to_nice_yaml": of(func(v value.Value, a *value.Args) (value.Value, error) { return toYAML(v, a, true) }),
		"from_yaml":    of(fromYAML),
		"from_yaml_all": of(func(v value.Value, _ *value.Args) (value.Value, error) {
			t, ok := value.Text(v)
			if !ok {
				return v, nil
			}
			nodes, err := source.LoadAll("<unicode string>", []byte(t), source.Options{})
			out := value.NewList()
			for _, n := range nodes {
				if n == nil {
					out.Items = append(out.Items, nil)
					continue
				}
				out.Items = append(out.Items, n.Value())
			}
			return out, err
		}),
		"hash": text(func(t string, a *value.Args) (value.Value, error) {
			return digest(t, value.Str(a.Take("hashtype", "sha1")))
		}),
		"checksum":  text(func(t string, _ *value.Args) (value.Value, error) { return digest(t, "sha1") }),
		"sha1":      text(func(t string, _ *value.Args) (value.Value, error) { return digest(t, "sha1") }),
		"md5":       text(func(t string, _ *value.Args) (value.Value, error) { return digest(t, "md5") }),
		"to_uuid":   text(toUUID),
		"urldecode": text(func(t string, _ *value.Args) (value.Value, error) { return unquotePlus(t), nil }),
	}
}

func decodeBase64(t string, _ *value.Args) (value.Value, error) {
	t = strings.Map(func(r rune) rune {
		if strings.ContainsRune("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=", r) {
			return r
		}
		return -1
	}, t)
	data, err := base64.StdEncoding.DecodeString(t)
	if err != nil {
		if len(strings.TrimRight(t, "="))%4 == 1 {
			return nil, value.Errorf("Invalid base64-encoded string: number of data characters (%d) cannot be 1 more than a multiple of 4", len(strings.TrimRight(t, "=")))
		}
		return nil, value.Errorf("Incorrect padding")
	}
	return string(data), nil
}

// jsonable turns what JSON does not have into text, as Ansible's encoder does.
func jsonable(v value.Value) (value.Value, error) {
	switch v := v.(type) {
	case *value.Undefined:
		return nil, undefined(v)
	case value.Lazy:
		return v.Resolve()
	}
	return value.Str(v), nil
}

func toJSON(v value.Value, a *value.Args) (value.Value, error) {
	o := value.JSONOptions{ASCII: true, Default: jsonable}
	if n, ok := a.Named.Str("indent"); ok && n != nil {
		i, _ := value.Integer(n)
		if i != nil {
			o.Indent, o.Indented = int(i.Int64()), true
		}
	}
	return dumpJSON(v, a, o)
}

func dumpJSON(v value.Value, a *value.Args, o value.JSONOptions) (value.Value, error) {
	if x, ok := a.Named.Str("sort_keys"); ok {
		o.Sort = value.Truth(x)
	}
	if x, ok := a.Named.Str("ensure_ascii"); ok {
		o.ASCII = value.Truth(x)
	}
	if x, ok := a.Named.Str("separators"); ok {
		if pair, err := value.Items(x); err == nil && len(pair) == 2 {
			o.ItemSeparator, o.KeySeparator = value.Str(pair[0]), value.Str(pair[1])
		}
	}
	data, err := value.JSON(v, o)
	return string(data), err
}

func toNiceJSON(v value.Value, a *value.Args) (value.Value, error) {
	o := value.JSONOptions{ASCII: true, Indent: 4, Indented: true, Sort: true, ItemSeparator: ",", KeySeparator: ": ", Default: jsonable}
	if n, ok := a.Named.Str("indent"); ok && n != nil {
		if i, isInt := value.Integer(n); isInt {
			o.Indent = int(i.Int64())
		}
	}
	return dumpJSON(v, a, o)
}

func fromYAML(v value.Value, _ *value.Args) (value.Value, error) {
	t, ok := value.Text(v)
	if !ok {
		return v, nil
	}
	node, err := source.Load("<unicode string>", []byte(t), source.Options{})
	if err != nil || node == nil {
		return nil, err
	}
	return node.Value(), nil
}

func digest(t, kind string) (value.Value, error) {
	var h hash.Hash
	switch kind {
	case "md5":
		h = md5.New() // see the import
	case "sha1":
		h = sha1.New() // see the import
	case "sha224":
		h = sha256.New224()
	case "sha256":
		h = sha256.New()
	case "sha384":
		h = sha512.New384()
	case "sha512":
		h = sha512.New()
	case "sha512_256":
		h = sha512.New512_256()
	default:
		return nil, fmt.Errorf("unsupported hash type %s", kind)
	}
	h.Write([]byte(t))
	return hex.EncodeToString(h.Sum(nil)), nil
}

// namespace is that of to_uuid where none is given.
const namespace = "361E6D51-FAEC-444A-9079-341386DA8E2E"

func toUUID(t string, a *value.Args) (value.Value, error) {
	space, err := uuid.Parse(value.Str(a.Take("namespace", namespace)))
	if err != nil {
		return nil, value.Errorf("Invalid value '%s' for 'namespace': %s", value.Str(a.Take("namespace", "")), "badly formed hexadecimal UUID string")
	}
	return uuid.NewSHA1(space, []byte(t)).String(), nil
}

// unquotePlus is Python's urllib.parse.unquote_plus.
func unquotePlus(t string) string {
	var b strings.Builder
	for i := 0; i < len(t); i++ {
		switch {
		case t[i] == '+':
			b.WriteByte(' ')
		case t[i] == '%' && i+2 < len(t):
			raw, err := hex.DecodeString(t[i+1 : i+3])
			if err != nil {
				b.WriteByte('%')
				continue
			}
			b.Write(raw)
			i += 2
		default:
			b.WriteByte(t[i])
		}
	}
	return strings.ToValidUTF8(b.String(), "\uFFFD")
}
