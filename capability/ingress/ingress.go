// Package ingress decides which backend answers a request from outside: Ingress rules to routes.
package ingress

import "garboard.dev/garboard/capability"

// About says what this capability is.
var About = capability.About{
	Name:    "ingress",
	Summary: "Let HTTP and HTTPS in from outside",
}
