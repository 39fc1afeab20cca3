// Package play runs Ansible content: playbooks, roles and inventories as they
// are, on this machine or over a connection, without Python.
package play

import "garboard.dev/garboard/capability"

// About says what this capability is.
var About = capability.About{
	Name:    "play",
	Summary: "Run Ansible playbooks, roles and modules",
}
