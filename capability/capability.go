// Package capability says what a capability is. Each has a folder of its own
// below this one; CONTRIBUTING.md tells how to add one.
package capability

// About names a capability. Its Name is the one word that also names its
// folder, its command, its API resources' prefix and its page's URL.
type About struct {
	Name    string
	Summary string   // one line, no full stop
	Needs   []string // names of the capabilities whose root it may import
}
