// Package app ships applications: it makes one set of the manifests that belong
// together, with the images that the set builds itself and the secrets that it
// wants to be generated, and remembers what belongs to it. Its libraries read
// manifests (manifest), explain why something does not run (explain), follow
// many pods' logs (follow) and carry files in and out of containers (transfer).
package app

import "garboard.dev/garboard/capability"

// About says what this capability is.
var About = capability.About{
	Name:    "app",
	Summary: "Ship applications onto a Kubernetes and see what they do",
	Needs:   []string{"image", "platform"},
}
