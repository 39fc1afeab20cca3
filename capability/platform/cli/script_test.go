package cli_test

import (
	"testing"

	"garboard.dev/garboard/test/script"
)

func TestScripts(t *testing.T) {
	t.Parallel()
	script.Run(t, "testdata")
}
