// Package platform turns this machine into a Kubernetes platform and keeps it one: what runs, in
// which order, with which certificates, and what must be gone when it stops.
package platform

import "garboard.dev/garboard/capability"

// About says what this capability is.
var About = capability.About{
	Name:    "platform",
	Summary: "Start, watch and stop the platform of this machine",
}
