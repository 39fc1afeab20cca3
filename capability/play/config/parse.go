package config

import (
	"fmt"
	"strings"
)

// Parse reads the format of Python's configparser: sections, keys with "=" or
// ":", lines that go on where they are indented, comments.
func Parse(text string) (map[string]map[string]string, error) {
	out := map[string]map[string]string{}
	section, key := "", ""
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimRight(line, "\r\n")
		trimmed := strings.TrimSpace(line)
		switch {
		case trimmed == "" || trimmed[0] == '#' || trimmed[0] == ';':
			continue
		case trimmed[0] == '[' && line[0] == '[':
			end := strings.IndexByte(trimmed, ']')
			if end < 0 {
				return nil, fmt.Errorf("line %d: the section's name has no closing bracket: %s", number, trimmed)
			}
			section, key = trimmed[1:end], ""
			if out[section] == nil {
				out[section] = map[string]string{}
			}
		case section == "":
			return nil, fmt.Errorf("line %d: File contains no section headers: %q", number, trimmed)
		case (line[0] == ' ' || line[0] == '\t') && key != "":
			out[section][key] = strings.TrimSpace(out[section][key] + "\n" + uncommented(trimmed))
		default:
			k, v, ok := cut(trimmed)
			if !ok {
				return nil, fmt.Errorf("line %d: neither a section nor a key with a value: %q", number, trimmed)
			}
			key = k
			out[section][k] = v
		}
	}
	return out, nil
}

func cut(line string) (key, v string, ok bool) {
	at := strings.IndexAny(line, "=:")
	if at <= 0 {
		return "", "", false
	}
	return strings.ToLower(strings.TrimSpace(line[:at])), uncommented(strings.TrimSpace(line[at+1:])), true
}

// uncommented takes off a comment that stands behind a value.
func uncommented(v string) string {
	if strings.HasPrefix(v, ";") {
		return ""
	}
	for _, mark := range []string{" ;", "\t;"} {
		if at := strings.Index(v, mark); at >= 0 {
			v = v[:at]
		}
	}
	return strings.TrimSpace(v)
}
