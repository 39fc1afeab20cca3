package files

import (
	"context"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"

	"garboard.dev/garboard/capability/play/module"
	"garboard.dev/garboard/capability/play/module/attribute"
	"garboard.dev/garboard/capability/play/module/execute"
)

func statModule() *module.Module {
	return &module.Module{Spec: module.Spec{
		Name: "ansible.builtin.stat", Summary: "Tells what is known of a path", CheckMode: true,
		Options: []module.Option{
			{Name: "path", Aliases: []string{"dest", "name"}, Type: module.Path, Required: true, Help: "The path to look at."},
			{Name: "follow", Type: module.Bool, Default: false, Help: "Look at what a symbolic link points to."},
			{Name: "get_checksum", Type: module.Bool, Default: true, Help: "Compute a checksum of a file's content."},
			{Name: "checksum_algorithm", Aliases: []string{"checksum", "checksum_algo"}, Default: "sha1",
				Choices: choices("md5", "sha1", "sha224", "sha256", "sha384", "sha512"), Help: "How the checksum is computed."},
			{Name: "get_mime", Aliases: []string{"mime", "mime_type", "mime-type"}, Type: module.Bool, Default: true, Help: "Ask the program file for the content's type."},
			{Name: "get_attributes", Aliases: []string{"attr", "attributes"}, Type: module.Bool, Default: true, Help: "Ask lsattr for flags."},
		},
		Returns: []module.Return{{Name: "stat", Type: "dict", Help: "What is known; exists is false where there is nothing."}},
	}, Run: runStat}
}

func runStat(ctx context.Context, c *module.Call) (module.Result, error) {
	path := c.Args.String("path")
	look := syscall.Lstat
	if c.Args.Bool("follow") {
		look = syscall.Stat
	}
	var st syscall.Stat_t
	if err := look(path, &st); errors.Is(err, fs.ErrNotExist) {
		return module.Result{"changed": false, "stat": map[string]any{"exists": false}}, nil
	} else if err != nil {
		return nil, fail(strings.SplitN(attribute.Reason(err, true), "] ", 2)[1])
	}
	out := describe(path, st)
	out["exists"] = true
	access(out, path)
	if st.Mode&syscall.S_IFMT == syscall.S_IFLNK {
		out["lnk_source"] = attribute.RealPath(path)
		out["lnk_target"], _ = os.Readlink(path) // it may be gone again: then it is empty
	}
	out["pw_name"], out["gr_name"] = attribute.UserName(st.Uid), attribute.GroupName(st.Gid)
	if out["isreg"] == true && out["readable"] == true && c.Args.Bool("get_checksum") {
		sum, err := checksum(path, c.Args.String("checksum_algorithm"))
		if err != nil {
			return nil, err
		}
		out["checksum"] = sum
	}
	if c.Args.Bool("get_mime") {
		contentType(ctx, c, path, out)
	}
	if c.Args.Bool("get_attributes") {
		flags, err := attribute.Flags(ctx, c, path)
		if err != nil {
			return nil, err
		}
		out["version"], out["attributes"], out["attr_flags"] = any(nil), flags.Names(), flags.Flags
		if flags.Version != "" {
			out["version"] = flags.Version
		}
	}
	return module.Result{"changed": false, "stat": out}, nil
}

// describe gives the fields that stat and find share.
func describe(path string, st syscall.Stat_t) map[string]any {
	kind := st.Mode & syscall.S_IFMT
	out := map[string]any{
		"path": path, "mode": fmt.Sprintf("%04o", st.Mode&attribute.Permissions),
		"isdir": kind == syscall.S_IFDIR, "ischr": kind == syscall.S_IFCHR, "isblk": kind == syscall.S_IFBLK,
		"isreg": kind == syscall.S_IFREG, "isfifo": kind == syscall.S_IFIFO, "islnk": kind == syscall.S_IFLNK,
		"issock": kind == syscall.S_IFSOCK,
		"uid":    int64(st.Uid), "gid": int64(st.Gid), "size": st.Size, "inode": int64(st.Ino), "dev": int64(st.Dev), "nlink": int64(st.Nlink),
		"atime": seconds(time.Unix(st.Atim.Unix())), "mtime": seconds(time.Unix(st.Mtim.Unix())), "ctime": seconds(time.Unix(st.Ctim.Unix())),
		"isuid": st.Mode&syscall.S_ISUID != 0, "isgid": st.Mode&syscall.S_ISGID != 0,
	}
	bits := []string{"xoth", "woth", "roth", "xgrp", "wgrp", "rgrp", "xusr", "wusr", "rusr"}
	for i, name := range bits {
		out[name] = st.Mode>>i&1 != 0
	}
	return out
}

// access adds what only stat tells: blocks, and what this process may do.
func access(out map[string]any, path string) {
	var st syscall.Stat_t
	if syscall.Lstat(path, &st) == nil {
		out["blocks"], out["block_size"], out["device_type"] = st.Blocks, int64(st.Blksize), int64(st.Rdev)
	}
	for name, how := range map[string]uint32{"readable": 4, "writeable": 2, "executable": 1} {
		out[name] = syscall.Access(path, how) == nil
	}
}

// contentType asks the program file for a content's type and character set.
func contentType(ctx context.Context, c *module.Call, path string, out map[string]any) {
	out["mimetype"], out["charset"] = "unknown", "unknown"
	said, err := execute.Run(ctx, c, execute.Program{Argv: []string{"file", "--mime-type", "--mime-encoding", path}})
	if err != nil || said.Code != 0 {
		return
	}
	at := strings.LastIndex(said.Stdout, ":")
	kind, set, found := strings.Cut(said.Stdout[at+1:], ";")
	if at >= 0 && found {
		out["mimetype"] = strings.TrimSpace(kind)
		out["charset"] = strings.TrimSpace(set[strings.LastIndex(set, "=")+1:])
	}
}

// algorithms are the checksums that modules know.
var algorithms = map[string]func() hash.Hash{
	"md5": md5.New, "sha1": sha1.New, "sha224": sha256.New224, "sha256": sha256.New, "sha384": sha512.New384, "sha512": sha512.New,
}

// sumOf is the hexadecimal checksum of text, by the name of an algorithm above.
func sumOf(algorithm, text string) string {
	sum := algorithms[algorithm]()
	sum.Write([]byte(text))
	return hex.EncodeToString(sum.Sum(nil))
}

// checksum is the hexadecimal checksum of a file's content.
func checksum(path, algorithm string) (string, error) {
	create, known := algorithms[algorithm]
	if !known {
		return "", fail("Could not hash file '" + path + "' with algorithm '" + algorithm + "'. Available algorithms: md5, sha1, sha224, sha256, sha384, sha512")
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	sum := create()
	_, err = io.Copy(sum, f)
	return hex.EncodeToString(sum.Sum(nil)), errors.Join(err, f.Close())
}
