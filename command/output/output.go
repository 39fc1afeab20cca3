// Package output prints what a command lists, in the form that -o chooses:
// table, wide, json, yaml or name.
package output

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/spf13/pflag"
	"sigs.k8s.io/yaml"

	"garboard.dev/garboard/fault"
)

// Format is a value of -o. Its zero value is the table.
type Format string

// The formats.
const (
	TableFormat Format = "table"
	Wide        Format = "wide"
	JSON        Format = "json"
	YAML        Format = "yaml"
	Name        Format = "name"
)

var formats = []Format{TableFormat, Wide, JSON, YAML, Name}

// Bind adds -o to flags.
func (f *Format) Bind(flags *pflag.FlagSet) {
	*f = TableFormat
	flags.VarP(f, "output", "o", "table, wide, json, yaml or name")
}

// String, Set and Type make *Format a pflag.Value.
func (f *Format) String() string { return string(*f) }

// Type names the value in the help.
func (f *Format) Type() string { return "FORMAT" }

// Set accepts the known formats only.
func (f *Format) Set(s string) error {
	for _, known := range formats {
		if s == string(known) {
			*f = known
			return nil
		}
	}
	return fault.Usage("", "%q is no output format: use table, wide, json, yaml or name", s)
}

// Column is one column of a table; Wide ones are shown only with -o wide.
type Column struct {
	Title string
	Wide  bool
	Right bool // numbers stand at the right
}

// List is what a command lists. Objects is what JSON and YAML show: a slice or
// a struct with json tags. Names has one entry a row.
type List struct {
	Columns []Column
	Rows    [][]string
	Names   []string
	Objects any
}

// Print writes l to w in the format f.
func (f Format) Print(w io.Writer, l List) error {
	switch f {
	case JSON:
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return enc.Encode(l.Objects)
	case YAML:
		text, err := yaml.Marshal(l.Objects)
		if err != nil {
			return fmt.Errorf("encode as YAML: %w", err)
		}
		_, err = w.Write(text)
		return err
	case Name:
		for _, n := range l.Names {
			if _, err := fmt.Fprintln(w, n); err != nil {
				return err
			}
		}
		return nil
	}
	return printTable(w, l, f == Wide)
}

func printTable(w io.Writer, l List, wide bool) error {
	var shown []int
	for i, c := range l.Columns {
		if wide || !c.Wide {
			shown = append(shown, i)
		}
	}
	widths := make([]int, len(l.Columns))
	for _, i := range shown {
		widths[i] = utf8.RuneCountInString(l.Columns[i].Title)
		for _, row := range l.Rows {
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i]))
		}
	}
	titles := make([]string, len(l.Columns))
	for i, c := range l.Columns {
		titles[i] = strings.ToUpper(c.Title)
	}
	for _, row := range append([][]string{titles}, l.Rows...) {
		var b strings.Builder
		for n, i := range shown {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(row[i]))
			switch {
			case l.Columns[i].Right:
				b.WriteString(pad + row[i])
			case n == len(shown)-1:
				b.WriteString(row[i])
			default:
				b.WriteString(row[i] + pad)
			}
			if n < len(shown)-1 {
				b.WriteString("   ")
			}
		}
		if _, err := fmt.Fprintln(w, strings.TrimRight(b.String(), " ")); err != nil {
			return err
		}
	}
	return nil
}
