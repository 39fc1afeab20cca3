package guide

import (
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestCommands(t *testing.T) {
	t.Parallel()
	const text = "garboard outside\n```\ngarboard up --listen 0.0.0.0   # for all\n$ sudo bin/garboard status\ngarboard kubectl get x -o jsonpath='{.a b}' | base64 -d\nmake up\n```\ngarboard outside\n"
	want := []Command{
		{3, []string{"up", "--listen", "0.0.0.0"}},
		{4, []string{"status"}},
		{5, []string{"kubectl", "get", "x", "-o", "jsonpath={.a b}"}},
	}
	if got := Commands(text); !reflect.DeepEqual(got, want) {
		t.Errorf("Commands = %+v, want %+v", got, want)
	}
}

// Every command that a document shows is there, with the flags that it shows.
func TestDocuments(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "garboard")
	if said, err := exec.Command("go", "build", "-trimpath", "-o", program, "garboard.dev/garboard/cmd/garboard").CombinedOutput(); err != nil {
		t.Fatalf("build the program: %v\n%s", err, said)
	}
	seen := 0
	for _, pattern := range []string{"../../*.md", "../../doc/*/*.md", "../../capability/*/README.md", "../../tool/dist/*.md"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range Commands(string(text)) {
				seen++
				if reason := known(program, c.Args); reason != "" {
					t.Errorf("%s:%d: garboard %s: %s", file, c.Line, strings.Join(c.Args, " "), reason)
				}
			}
		}
	}
	if seen < 20 {
		t.Errorf("only %d commands were found in all documents", seen)
	}
}

// known asks the program for the help of the very call: it parses the flags, so
// one that it does not know is an error, and shows which verb it took the words for.
func known(program string, args []string) string {
	if at := slices.Index(args, "--"); at >= 0 { // what follows is another program's
		args = args[:at]
	}
	help, err := exec.Command(program, append(args[:len(args):len(args)], "--help")...).CombinedOutput()
	if err != nil {
		return strings.TrimSpace(string(help))
	}
	_, usage, found := strings.Cut(string(help), "\nUsage:\n")
	group := strings.Contains(string(help), "\nAvailable Commands:\n") || strings.Contains(string(help), "\nEveryday:\n")
	if args[0] == "kubectl" || strings.HasPrefix(string(help), "usage: ") { // its own help: it has come as far as this
		return ""
	}
	if !found {
		return "there is no such verb"
	}
	line, _, _ := strings.Cut(strings.TrimSpace(usage), "\n")
	path, _, _ := strings.Cut(strings.TrimPrefix(line, "garboard "), " [")
	if group && strings.Join(args, " ") != path { // a group may be called by itself only
		return "there is no such verb"
	}
	if words := strings.Fields(line); len(words) < 2 || words[1] != args[0] {
		return "it was taken for " + line
	}
	return ""
}
