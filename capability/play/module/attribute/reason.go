package attribute

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	"garboard.dev/garboard/capability/play/value"
)

// Reason words an error of the operating system as Python does, since that
// text stands in results: [Errno 2] No such file or directory: '/x'. With
// asBytes the path is written as Python writes bytes: b'/x'.
func Reason(err error, asBytes bool) string {
	var number syscall.Errno
	if !errors.As(err, &number) {
		return err.Error()
	}
	text := number.Error()
	text = fmt.Sprintf("[Errno %d] %s%s", int(number), strings.ToUpper(text[:1]), text[1:])
	show := func(p string) string {
		if asBytes {
			return value.Repr(value.Bytes(p))
		}
		return value.Repr(p)
	}
	var path *os.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &path):
		return text + ": " + show(path.Path)
	case errors.As(err, &link):
		return text + ": " + show(link.Old) + " -> " + show(link.New)
	}
	return text
}
