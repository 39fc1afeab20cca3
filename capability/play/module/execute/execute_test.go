package execute_test

import (
	"os"
	"slices"
	"testing"

	"garboard.dev/garboard/capability/play/module"
	"garboard.dev/garboard/capability/play/module/execute"
	"garboard.dev/garboard/host/program"
)

func TestSplit(t *testing.T) {
	t.Parallel()
	for line, want := range map[string][]string{
		`a  b`: {"a", "b"}, `a 'b c' "d e"f`: {"a", "b c", "d ef"}, `''`: {""}, `a\ b`: {"a b"},
		`"a\b\"c"`: {`a\b"c`}, `'a\b'`: {`a\b`}, "": nil,
	} {
		got, err := execute.Split(line)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("Split(%s) = %q, %v, want %q", line, got, err, want)
		}
	}
	for line, want := range map[string]string{`a 'b`: "No closing quotation", `a\`: "No escaped character"} {
		if _, err := execute.Split(line); err == nil || err.Error() != want {
			t.Errorf("Split(%s) gives %v", line, err)
		}
	}
}

func TestRun(t *testing.T) {
	t.Parallel()
	c := &module.Call{Machine: module.Machine{Programs: program.Linux{}, Env: []string{"GB_A=1"}, Getenv: func(name string) string {
		return map[string]string{"HOME": "/home/x", "GB_DIR": os.TempDir()}[name]
	}}}
	out, err := execute.Run(t.Context(), c, execute.Program{Argv: []string{"sh", "-c", "echo $GB_A $LANG; echo no >&2; exit 3"}}.Parsed())
	if err != nil || out.Code != 3 || out.Stdout != "1 C\n" || out.Stderr != "no\n" {
		t.Errorf("got %+v, %v", out, err)
	}
	_, err = execute.Run(t.Context(), c, execute.Program{Argv: []string{"garboard-no-such-program"}})
	if !execute.Missing(err) || err.Error() != "[Errno 2] No such file or directory: b'garboard-no-such-program'" {
		t.Errorf("got %v", err)
	}
	words, err := execute.Words(c, "x ~/y $GB_DIR $GB_NONE ${GB_DIR}z")
	if want := []string{"x", "/home/x/y", os.TempDir(), "$GB_NONE", os.TempDir() + "z"}; err != nil || !slices.Equal(words, want) {
		t.Errorf("got %q, %v", words, err)
	}
}
