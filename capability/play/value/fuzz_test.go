package value

import "testing"

// Formats come from templates: they must end in text of a bounded size or an error.
func FuzzFormat(f *testing.F) {
	for _, s := range []string{"%s", "%(a)5.2f", "{:>{}}", "{0[a].b!r:^+#08,.3g}", "%-*.*d", "{{}}", "{:_x}", "{:012,}", "%(a)s%%"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		args := NewTuple(int64(5), 1.5, "x", NewList(int64(1)))
		named := DictOf("a", DictOf("b", int64(1)))
		for _, v := range []Value{args, named, int64(3)} {
			if out, err := FormatPercent(s, v); err == nil && len(out) > (len(s)+1)*2*maxPad {
				t.Errorf("%q makes %d bytes", s, len(out))
			}
		}
		if out, err := FormatBraces(s, args.Items, named); err == nil && len(out) > (len(s)+1)*4*maxPad {
			t.Errorf("%q makes %d bytes", s, len(out))
		}
	})
}
