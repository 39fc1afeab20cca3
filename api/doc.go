// Package api is the Go module of Garboard's resource types, apart from the
// program's own so that clients import it without the rest. The group is
// garboard.dev, the version v1alpha1; types stand in folders by version.
package api

// Group is the API group of every Garboard resource.
const Group = "garboard.dev"
