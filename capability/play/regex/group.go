package regex

import (
	"fmt"
	"strconv"
	"strings"
)

// group translates what begins with a parenthesis.
func (t *translator) group() error {
	switch {
	case !t.rest("(?"):
		t.at++
		t.open("")
		return nil
	case t.rest("(?P<"):
		return t.named()
	case t.rest("(?P="):
		return t.sameAs()
	case t.rest("(?#"):
		_, err := t.until(')')
		return err
	case t.rest("(?("):
		return t.conditional()
	}
	for _, same := range []string{"(?:", "(?=", "(?!", "(?<=", "(?<!", "(?>"} {
		if t.rest(same) {
			t.out.WriteString(same)
			t.at += len(same)
			return nil
		}
	}
	return t.localFlags()
}

func (t *translator) open(name string) {
	t.groups++
	if name != "" {
		t.names[name] = t.groups
	}
	fmt.Fprintf(&t.out, "(?<%d>", t.groups)
}

func (t *translator) named() error {
	start := t.at
	t.at += len("(?P<")
	name, err := t.until('>')
	if err != nil {
		return err
	}
	if _, taken := t.names[name]; taken {
		return t.trouble(start+4, "redefinition of group name '%s' as group %d; was group %d", name, t.groups+1, t.names[name])
	}
	if name == "" || strings.ContainsAny(name, " ()<>-+*") || name[0] >= '0' && name[0] <= '9' {
		return t.trouble(start+4, "bad character in group name '%s'", name)
	}
	t.open(name)
	return nil
}

func (t *translator) sameAs() error {
	start := t.at
	t.at += len("(?P=")
	name, err := t.until(')')
	if err != nil {
		return err
	}
	n, known := t.names[name]
	if !known {
		return t.trouble(start+4, "unknown group name '%s'", name)
	}
	fmt.Fprintf(&t.out, `\k<%d>`, n)
	return nil
}

// conditional translates (?(1)yes|no) and (?(name)yes|no).
func (t *translator) conditional() error {
	start := t.at
	t.at += len("(?(")
	name, err := t.until(')')
	if err != nil {
		return err
	}
	n, known := t.names[name]
	if !known {
		if n, err = strconv.Atoi(name); err != nil || n < 1 {
			return t.trouble(start+3, "unknown group name '%s'", name)
		}
	}
	fmt.Fprintf(&t.out, "(?(%d)", n)
	return nil
}

// localFlags translates (?i:...) and (?-i:...); what the engine has no flag
// for, such as Unicode, is left out.
func (t *translator) localFlags() error {
	start := t.at
	t.at += len("(?")
	end := t.at
	for end < len(t.in) && strings.ContainsRune("aiLmsux-", t.in[end]) {
		end++
	}
	if end >= len(t.in) || t.in[end] != ':' {
		if end < len(t.in) && t.in[end] == ')' {
			return t.trouble(start, "global flags not at the start of the expression")
		}
		return t.trouble(start+1, "unknown extension ?%s", string(t.in[t.at:min(end+1, len(t.in))]))
	}
	kept := strings.Map(func(r rune) rune {
		if strings.ContainsRune("ims-", r) {
			return r
		}
		return -1
	}, string(t.in[t.at:end]))
	t.at = end + 1
	t.out.WriteString("(?" + strings.TrimSuffix(kept, "-") + ":")
	return nil
}
