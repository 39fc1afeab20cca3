package files

import (
	"slices"
	"strings"
)

// fstabLine is one line of fstab(5) with its fields unescaped. A comment, or a
// line that is no entry, has only its text.
type fstabLine struct {
	text                                   string // as it stands in the file, with its end
	entry                                  bool
	src, path, kind, opts, dump, passOrder string
}

var (
	fstabPlain  = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)
	fstabEscape = strings.NewReplacer(`\`, `\134`, " ", `\040`, "\t", `\011`, "\n", `\012`)
)

// parseFstab reads the text of a fstab; the lines' texts together are that text.
func parseFstab(text string) []fstabLine {
	var out []fstabLine
	for _, line := range splitLines(text) {
		l := fstabLine{text: line, dump: "0", passOrder: "0"}
		fields := strings.Fields(line)
		if len(fields) < 4 || len(fields) > 6 || strings.HasPrefix(fields[0], "#") {
			out = append(out, l)
			continue
		}
		l.entry = true
		for i, to := range []*string{&l.src, &l.path, &l.kind, &l.opts, &l.dump, &l.passOrder} {
			if i < len(fields) {
				*to = fstabPlain.Replace(fields[i])
			}
		}
		out = append(out, l)
	}
	return out
}

// String is the entry as a line.
func (l fstabLine) String() string {
	fields := []string{l.src, l.path, l.kind, l.opts, l.dump, l.passOrder}
	for i, f := range fields {
		fields[i] = fstabEscape.Replace(f)
	}
	return strings.Join(fields, " ") + "\n"
}

// is says whether two entries are about the same mount. Swap has no path of
// its own: there the device tells.
func (l fstabLine) is(other fstabLine) bool {
	if !l.entry || l.path != other.path {
		return false
	}
	return !(other.src != "" && l.path == "none" && l.kind == "swap" && l.src != other.src)
}

// setFstab makes the file have one entry, in the place of the old one.
func setFstab(lines []fstabLine, wanted fstabLine) ([]fstabLine, bool) {
	wanted.text, wanted.entry = wanted.String(), true
	out := slices.Clone(lines)
	found, changed := false, false
	for i, l := range out {
		if !l.is(wanted) {
			continue
		}
		found = true
		wanted.text = l.text
		if l != wanted {
			wanted.text = wanted.String()
			out[i], changed = wanted, true
		}
	}
	if found {
		return out, changed
	}
	if n := len(out); n > 0 && !strings.HasSuffix(out[n-1].text, "\n") {
		out[n-1].text += "\n"
	}
	return append(out, wanted), true
}

// unsetFstab removes the entries of a mount.
func unsetFstab(lines []fstabLine, wanted fstabLine) ([]fstabLine, bool) {
	out := slices.DeleteFunc(slices.Clone(lines), func(l fstabLine) bool { return l.is(wanted) })
	return out, len(out) != len(lines)
}

func fstabText(lines []fstabLine) string {
	var out strings.Builder
	for _, l := range lines {
		out.WriteString(l.text)
	}
	return out.String()
}
