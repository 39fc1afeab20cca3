// Package image makes container images (from packages, from Dockerfiles), keeps them in a registry and
// ships them.
package image

import "garboard.dev/garboard/capability"

// About says what this capability is.
var About = capability.About{
	Name:    "image",
	Summary: "Make, keep and ship container images",
	Needs:   []string{"platform"},
}
