// Package ingress decides which backend answers a request from outside. It
// turns Ingresses, Services, EndpointSlices and Secrets into one routing table;
// package proxy serves by it. The table is not tied to Ingress: other kinds of
// routes become the same table.
package ingress

import (
	"crypto/tls"
	"net/netip"

	"garboard.dev/garboard/capability"
)

// About says what this capability is.
var About = capability.About{
	Name:    "ingress",
	Summary: "Let HTTP and HTTPS in from outside",
	Needs:   []string{"platform"},
}

// Names that stand in the cluster.
const (
	ClassName  = "garboard"
	Controller = "garboard.dev/ingress"

	// AnnotationRedirect on an Ingress sends HTTP to HTTPS when it is "true".
	AnnotationRedirect = "garboard.dev/ssl-redirect"

	annotationLegacyClass  = "kubernetes.io/ingress.class"
	annotationDefaultClass = "ingressclass.kubernetes.io/is-default-class"
)

// Table is what a proxy routes by; it is never changed once it is made.
type Table struct {
	Hosts    map[string]*Host // by lower-case host name without port; "*.example.org" for wildcards, "" for any
	Problems []Problem
	Accepted []Object // the Ingresses that the table serves
	// Ending says whether the pod at an address is being deleted by now: it is
	// asked for each request, for the next table comes too late for some.
	Ending func(address string) bool
}

// Host is one host name's routes and certificate.
type Host struct {
	Routes      []Route          // in the order in which they are tried
	Certificate *tls.Certificate // nil: one of the platform's own authority
	TLS         bool             // named in a tls section
}

// Route sends the requests whose path matches to a backend.
type Route struct {
	Path     string
	Exact    bool // else Path is a prefix by elements
	Fallback bool // an Ingress's default backend: tried last
	Redirect bool // HTTP is answered with the HTTPS address
	Backend  *Backend
}

// Backend is one port of one service.
type Backend struct {
	Name      string // as "shop/web:80", for messages
	Endpoints []netip.AddrPort
	H2C       bool // speaks HTTP/2 without TLS (appProtocol kubernetes.io/h2c or grpc)
	TLS       bool // speaks HTTPS (appProtocol https or kubernetes.io/wss)
}

// Object names an object in the cluster.
type Object struct{ Namespace, Name string }

// Problem is a part of an Ingress that is not served as it is written, and why.
type Problem struct {
	Object
	Reason string
}
