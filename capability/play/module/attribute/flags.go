package attribute

import (
	"context"
	"errors"
	"strings"

	"garboard.dev/garboard/capability/play/module"
	"garboard.dev/garboard/capability/play/module/execute"
)

// FlagSet is what lsattr says of a file: its version number and flags as
// letters, without the dashes.
type FlagSet struct{ Version, Flags string }

// flagNames are chattr's letters in words, from chattr(1).
var flagNames = map[rune]string{
	'A': "noatime", 'a': "append", 'c': "compressed", 'C': "nocow", 'd': "nodump", 'D': "dirsync", 'e': "extents",
	'E': "encrypted", 'h': "blocksize", 'i': "immutable", 'I': "indexed", 'j': "journalled", 'N': "inline",
	's': "zero", 'S': "synchronous", 't': "notail", 'T': "blockroot", 'u': "undelete", 'X': "compressedraw", 'Z': "compressederrors",
}

// Names are the flags in words; letters without one are left out.
func (f FlagSet) Names() []any {
	names := []any{}
	for _, letter := range f.Flags {
		if name, known := flagNames[letter]; known {
			names = append(names, name)
		}
	}
	return names
}

// Flags asks lsattr about path. Where lsattr is missing or has no answer for
// this file system, the set is empty.
func Flags(ctx context.Context, c *module.Call, path string) (FlagSet, error) {
	out, err := execute.Run(ctx, c, execute.Program{Argv: []string{"lsattr", "-vd", path}})
	if ctx.Err() != nil {
		return FlagSet{}, ctx.Err()
	}
	fields := strings.Fields(out.Stdout)
	if err != nil || out.Code != 0 || len(fields) < 2 {
		return FlagSet{}, nil
	}
	return FlagSet{Version: fields[0], Flags: strings.TrimSpace(strings.ReplaceAll(fields[1], "-", ""))}, nil
}

// setFlags runs chattr; where that is not installed nothing happens.
func setFlags(ctx context.Context, c *module.Call, path, change string) error {
	out, err := execute.Run(ctx, c, execute.Program{Argv: []string{"chattr", change, path}})
	switch {
	case execute.Missing(err):
		return nil
	case err != nil:
		return err
	case out.Code != 0 || out.Stderr != "":
		return errors.New("Error while setting attributes: " + out.Stdout + out.Stderr)
	}
	return nil
}
