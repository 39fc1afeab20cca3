package files

import "testing"

// FuzzFstab holds that a file is kept to the letter but for the entry that is
// set, that setting is done once, and that removing undoes adding.
func FuzzFstab(f *testing.F) {
	for _, s := range []string{"/dev/sda1 / ext4 defaults 0 1\n", "# x\n\nUUID=1 /a\\040b xfs noauto\n", "bad", "a b c d e f g\n", "x none swap sw 0 0\ny none swap sw"} {
		f.Add(s, "/m n")
	}
	f.Fuzz(func(t *testing.T, text, path string) {
		lines := parseFstab(text)
		if got := fstabText(lines); got != text {
			t.Fatalf("%q became %q", text, got)
		}
		wanted := fstabLine{src: "/dev/x", path: "/" + path, kind: "ext4", opts: "rw", dump: "0", passOrder: "0"}
		set, _ := setFstab(lines, wanted)
		again := parseFstab(fstabText(set))
		if _, changed := setFstab(again, wanted); changed && !oddSpace(path) {
			t.Errorf("set twice: %q", fstabText(set))
		}
		if unset, _ := unsetFstab(again, wanted); len(unset) > len(lines) && !oddSpace(path) {
			t.Errorf("not removed: %q", fstabText(unset))
		}
	})
}

// oddSpace says whether a path has white space that fstab cannot escape.
func oddSpace(path string) bool {
	for _, r := range path {
		if r != ' ' && r != '\t' && r != '\n' && (r < ' ' || r > '~') {
			return true
		}
	}
	return false
}
