package loop

import (
	"k8s.io/apimachinery/pkg/api/meta"
)

// Slim is the shared informers' transform: it drops what no controller reads
// and what makes up most of an object's size, the record of who set which field.
func Slim(object any) (any, error) {
	if m, err := meta.Accessor(object); err == nil {
		m.SetManagedFields(nil)
	}
	return object, nil
}
