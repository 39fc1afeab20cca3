package command

import (
	"errors"
	"fmt"

	"garboard.dev/garboard/fault"
)

// Report prints err as people see errors: what failed and why in one line, what
// to do in the next. An error that only carries an exit status prints nothing.
func Report(env *Env, err error) {
	var status fault.ExitStatus
	if err == nil || errors.As(err, &status) {
		return
	}
	if fault.KindOf(err) == fault.Interrupted {
		fmt.Fprintln(env.Err, "garboard: interrupted")
		return
	}
	fmt.Fprintf(env.Err, "garboard: %v\n", err)
	if hint := fault.Hint(err); hint != "" {
		fmt.Fprintf(env.Err, "  hint: %s\n", hint)
	}
}
