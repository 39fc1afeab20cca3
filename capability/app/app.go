// Package app ships applications: it orders a set of manifests, says what waits for what, and
// explains why something does not run.
package app

import "garboard.dev/garboard/capability"

// About says what this capability is.
var About = capability.About{
	Name:    "app",
	Summary: "Ship applications onto a Kubernetes and see what they do",
	Needs:   []string{"image", "platform"},
}
