package api_test

import (
	"os"
	"strings"
	"testing"

	"garboard.dev/garboard/api"
)

// The module's path must stay below the group's domain, as Go clients expect of
// a module that declares an API group.
func TestModuleBelongsToGroup(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(text), "module "+api.Group+"/") {
		t.Errorf("go.mod's module is not below %s", api.Group)
	}
}
