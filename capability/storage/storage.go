// Package storage gives claims directories on the machine that their pods run
// on, and takes them back.
//
// A claim waits until its first pod has a node (WaitForFirstConsumer); then the
// provisioner of that node makes a directory and a PersistentVolume of type
// local that names it. What happens to both at the end is the class's reclaim
// policy: Delete removes the directory, Retain keeps it.
package storage

import (
	"garboard.dev/garboard/capability"
)

// About says what this capability is.
var About = capability.About{
	Name:    "storage",
	Summary: "Give claims local directories",
	Needs:   []string{"platform"},
}

// Names that stand in the cluster.
const (
	Provisioner = "garboard.dev/local" // of the classes that are ours

	// AnnotationUsed on a volume is what its directory took when it was last
	// measured, in bytes. Sizes are not enforced: this is how one sees them.
	AnnotationUsed = "garboard.dev/used"

	annotationProvisionedBy = "pv.kubernetes.io/provisioned-by"
	annotationSelectedNode  = "volume.kubernetes.io/selected-node"
	annotationDefaultClass  = "storageclass.kubernetes.io/is-default-class"
	labelHostname           = "kubernetes.io/hostname"
)
