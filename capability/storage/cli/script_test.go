package cli

import (
	"testing"

	"garboard.dev/garboard/test/script"
)

func TestScripts(t *testing.T) { script.Run(t, "testdata") }
