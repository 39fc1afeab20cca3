// Package storage provisions local directories for claims and reclaims them safely.
package storage

import "garboard.dev/garboard/capability"

// About says what this capability is.
var About = capability.About{
	Name:    "storage",
	Summary: "Give claims local directories",
}
