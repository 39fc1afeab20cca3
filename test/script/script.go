// Package script runs a capability's scripts against the real program. A script
// is a txtar file of commands and files, as testscript describes them.
package script

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// Run builds the program and runs dir/*.txtar with it: see RunWith.
func Run(t *testing.T, dir string, setup ...func(*testscript.Env) error) {
	t.Helper()
	RunWith(t, Build(t), dir, setup...)
}

// Build builds the program for as long as t runs and returns the folder that
// it is in.
func Build(t *testing.T) string {
	t.Helper()
	bin := t.TempDir()
	build := exec.Command("go", "build", "-trimpath", "-o", filepath.Join(bin, "garboard"), "garboard.dev/garboard/cmd/garboard")
	if said, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the program: %v\n%s", err, said)
	}
	return bin
}

// RunWith runs dir/*.txtar. The program `garboard`, from the folder bin, is in
// the scripts' PATH and its path in $PROGRAM; its state directory is an empty
// one of the script's own, so no platform runs. The condition [NAME] holds
// where the program NAME is installed. Each of setup prepares a script's
// environment further.
func RunWith(t *testing.T, bin, dir string, setup ...func(*testscript.Env) error) {
	t.Helper()
	testscript.Run(t, testscript.Params{
		Dir: dir,
		Setup: func(env *testscript.Env) error {
			env.Setenv("PROGRAM", filepath.Join(bin, "garboard"))
			env.Setenv("PATH", bin+string(os.PathListSeparator)+env.Getenv("PATH"))
			env.Setenv("GARBOARD_STATE_DIR", filepath.Join(env.WorkDir, "state"))
			for _, more := range setup {
				if err := more(env); err != nil {
					return err
				}
			}
			return nil
		},
		Condition: installed,
	})
}

func installed(program string) (bool, error) {
	_, err := exec.LookPath(program)
	return err == nil, nil
}
