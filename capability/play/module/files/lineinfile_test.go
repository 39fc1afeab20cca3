package files_test

import (
	"os"
	"path/filepath"
	"testing"
)

// TestLineBehindAnEndlessLastLine is where we differ from Ansible on purpose:
// it would join both lines to "yz".
func TestLineBehindAnEndlessLastLine(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a")
	if err := os.WriteFile(path, []byte("x\ny"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := ours(t, step{module: "ansible.builtin.lineinfile", args: map[string]any{"path": path, "line": "z", "insertafter": "^y"}})
	if data, err := os.ReadFile(path); err != nil || string(data) != "x\ny\nz\n" || r["msg"] != "line added" {
		t.Errorf("got %q, %v, %v", data, err, r)
	}
}
