package build

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/moby/buildkit/solver/errdefs"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/util/grpcerrors"
	"google.golang.org/grpc/codes"

	"garboard.dev/garboard/fault"
)

// explain turns BuildKit's error into ours: with the Dockerfile's line that it
// is about, and with what to do where that is known.
func explain(err error) error {
	var own *fault.UsageError
	if errors.As(err, &own) || errors.Is(err, context.Canceled) {
		return err
	}
	kind, hint := fault.Failed, ""
	switch grpcerrors.Code(err) {
	case codes.Unavailable:
		kind, hint = fault.Unavailable, "garboard logs buildkitd says why it ended"
	case codes.ResourceExhausted:
		hint = "the disk may be full: garboard image gc frees what no image needs"
	case codes.Canceled:
		return context.Canceled
	}
	place, line := where(errdefs.Sources(err))
	if word, image := instruction(line); word == "FROM" {
		kind = fault.NotFound
		hint = fmt.Sprintf("garboard image ls lists the images that there are; make %s with garboard image base or load, or fetch it with garboard image pull", image)
	}
	if place == "" {
		return fault.New(kind, "build the image", hint, "%w", err)
	}
	return fault.New(kind, "build the image", hint, "%s: %w", place, err)
}

// where is the first place of the Dockerfile that an error is about, as
// "Dockerfile:3", and that line.
func where(sources []*errdefs.Source) (place, line string) {
	for _, s := range sources {
		if s.Info == nil {
			continue
		}
		if n := firstLine(s.Ranges); n > 0 {
			lines := strings.Split(string(s.Info.Data), "\n")
			if n <= len(lines) {
				line = lines[n-1]
			}
			return fmt.Sprintf("%s:%d", s.Info.Filename, n), line
		}
	}
	return "", ""
}

func firstLine(ranges []*pb.Range) int {
	first := 0
	for _, r := range ranges {
		if n := int(r.Start.Line); first == 0 || n < first {
			first = n
		}
	}
	return first
}

// instruction is the first word of a Dockerfile's line in upper case, and the
// first after it that is no flag.
func instruction(line string) (word, argument string) {
	fields := strings.Fields(line)
	if len(fields) == 0 {
		return "", ""
	}
	for _, f := range fields[1:] {
		if !strings.HasPrefix(f, "--") {
			argument = f
			break
		}
	}
	return strings.ToUpper(fields[0]), argument
}
