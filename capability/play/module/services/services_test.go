package services

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"garboard.dev/garboard/capability/play/module"
	"garboard.dev/garboard/host/program"
)

func call(t *testing.T, name, args string) module.Result {
	t.Helper()
	return module.Execute(context.Background(), module.NewList(Modules()), module.Execution{
		Name: name, Args: []byte(args), Machine: module.Machine{Programs: program.Linux{}, Now: time.Now, Getenv: os.Getenv, Temp: t.TempDir()},
	})
}

func TestWaitFor(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	file := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(file, []byte("line\nready at 12\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := call(t, "ansible.builtin.wait_for", `{"port": `+port+`, "timeout": 2}`); r["failed"] == true || r["state"] != "started" {
		t.Errorf("an open port: %v", r)
	}
	if r := call(t, "ansible.builtin.wait_for", `{"port": 1, "state": "stopped", "timeout": 2}`); r["failed"] == true {
		t.Errorf("a closed port: %v", r)
	}
	r := call(t, "ansible.builtin.wait_for", `{"path": "`+file+`", "search_regex": "^ready at (?P<n>\\d+)", "timeout": 2}`)
	if named, _ := r["match_groupdict"].(map[string]any); r["failed"] == true || named["n"] != "12" {
		t.Errorf("a text in a file: %v", r)
	}
	r = call(t, "ansible.builtin.wait_for", `{"path": "/nonexistent", "timeout": 0}`)
	if text, _ := r["msg"].(string); r["failed"] != true || text != "Timeout when waiting for file /nonexistent" {
		t.Errorf("a file that does not come: %v", r)
	}
	if r := call(t, "ansible.builtin.wait_for", `{"path": "/x", "port": 1}`); !strings.Contains(r["msg"].(string), "mutually exclusive") {
		t.Errorf("both: %v", r)
	}
}

func TestDrained(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	args := `{"port": ` + strconv.Itoa(l.Addr().(*net.TCPAddr).Port) + `, "state": "drained", "timeout": 0}`
	if r := call(t, "ansible.builtin.wait_for", args); r["failed"] == true {
		t.Errorf("without connections: %v", r)
	}
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if r := call(t, "ansible.builtin.wait_for", args); r["failed"] != true {
		t.Errorf("with a connection: %v", r)
	}
	if got := address("0100007F"); got != "127.0.0.1" {
		t.Errorf("0100007F is %s", got)
	}
	if got := address("0000000000000000FFFF00000100007F"); got != "127.0.0.1" {
		t.Errorf("a mapped address is %s", got)
	}
}

func TestServiceThatIsNot(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"garboard-nothing", "../passwd"} {
		r := call(t, "ansible.builtin.service", `{"name": "`+name+`", "state": "started"}`)
		if text, _ := r["msg"].(string); r["failed"] != true || !strings.Contains(text, "Could not find the requested service") {
			t.Errorf("%s: %v", name, r)
		}
	}
	if r := call(t, "ansible.builtin.service", `{"name": "x"}`); r["msg"] != "one of the following is required: state, enabled" {
		t.Errorf("without a state: %v", r["msg"])
	}
}
