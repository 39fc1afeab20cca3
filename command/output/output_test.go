package output_test

import (
	"bytes"
	"testing"

	"github.com/spf13/pflag"

	"garboard.dev/garboard/command/output"
)

type pod struct {
	Name string `json:"name"`
	Age  int    `json:"age"`
}

var list = output.List{
	Columns: []output.Column{{Title: "name"}, {Title: "age", Right: true}, {Title: "node", Wide: true}, {Title: "ready"}},
	Rows:    [][]string{{"wörld", "7", "db1", "yes"}, {"a", "1000", "db2", ""}},
	Names:   []string{"wörld", "a"},
	Objects: []pod{{"wörld", 7}, {"a", 1000}},
}

func TestPrint(t *testing.T) {
	t.Parallel()
	for format, want := range map[string]string{
		"table": "NAME     AGE   READY\nwörld      7   yes\na       1000\n",
		"wide":  "NAME     AGE   NODE   READY\nwörld      7   db1    yes\na       1000   db2\n",
		"name":  "wörld\na\n",
		"json":  "[\n  {\n    \"name\": \"wörld\",\n    \"age\": 7\n  },\n  {\n    \"name\": \"a\",\n    \"age\": 1000\n  }\n]\n",
		"yaml":  "- age: 7\n  name: wörld\n- age: 1000\n  name: a\n",
	} {
		var f output.Format
		flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
		f.Bind(flags)
		if err := flags.Parse([]string{"-o", format}); err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := f.Print(&b, list); err != nil || b.String() != want {
			t.Errorf("-o %s prints %q, %v; want %q", format, &b, err, want)
		}
	}
}

func TestUnknownFormat(t *testing.T) {
	t.Parallel()
	var f output.Format
	if err := f.Set("xml"); err == nil || f != "" {
		t.Errorf("xml is accepted as %q, %v", f, err)
	}
}
