package files

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"garboard.dev/garboard/capability/play/module"
	"garboard.dev/garboard/capability/play/module/attribute"
)

func authorizedKeyModule() *module.Module {
	return &module.Module{Spec: module.Spec{
		Name: "ansible.posix.authorized_key", Summary: "Keeps a user's SSH keys", CheckMode: true,
		Options: []module.Option{
			{Name: "user", Required: true, Help: "The user who logs in."},
			{Name: "key", Required: true, Help: "The public keys, one a line, or a URL of them."},
			{Name: "path", Type: module.Path, Help: "The file; without it, the user's own."},
			{Name: "manage_dir", Type: module.Bool, Default: true, Help: "Make the file's folder, and see to its owner and mode."},
			{Name: "state", Default: "present", Choices: choices("absent", "present"), Help: "Whether the keys shall be there."},
			{Name: "key_options", Help: "Options in front of the keys, separated by commas."},
			{Name: "exclusive", Type: module.Bool, Default: false, Help: "Remove all other keys."},
			{Name: "comment", Help: "The comment behind the keys."},
			{Name: "follow", Type: module.Bool, Default: false, Help: "Write through a symbolic link."},
			{Name: "validate_certs", Type: module.Bool, Default: true, Help: "Check the certificate of a URL."},
		},
		Returns: []module.Return{{Name: "keyfile", Type: "str", Help: "The file."}},
	}, Run: runAuthorizedKey}
}

// sshKey is one line of authorized_keys. A line that is none, such as a
// comment, has no kind, and its text as key.
type sshKey struct{ options, kind, key, comment string }

var keyKinds = []string{
	"sk-ecdsa-sha2-nistp256@openssh.com", "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com", "sk-ssh-ed25519@openssh.com",
	"sk-ssh-ed25519-cert-v01@openssh.com", "webauthn-sk-ecdsa-sha2-nistp256@openssh.com",
	"ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256-cert-v01@openssh.com", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384-cert-v01@openssh.com",
	"ecdsa-sha2-nistp521", "ecdsa-sha2-nistp521-cert-v01@openssh.com", "rsa-sha2-256", "rsa-sha2-512",
	"ssh-dss", "ssh-dss-cert-v01@openssh.com", "ssh-rsa", "ssh-rsa-cert-v01@openssh.com", "ssh-ed25519", "ssh-ed25519-cert-v01@openssh.com",
}

// parseKey reads a line: options, kind, key, comment.
func parseKey(line string) (sshKey, bool) {
	words := strings.Fields(line)
	at := slices.IndexFunc(words, func(w string) bool { return slices.Contains(keyKinds, w) })
	if at < 0 || at+1 >= len(words) || words[0] == "#" {
		return sshKey{}, false
	}
	return sshKey{strings.Join(words[:at], " "), words[at], words[at+1], strings.Join(words[at+2:], " ")}, true
}

func (k sshKey) String() string {
	if k.kind == "" {
		return k.key + "\n"
	}
	line := k.kind + " " + k.key + " " + k.comment + "\n"
	if k.options != "" {
		line = k.options + " " + line
	}
	return line
}

// parseKeys reads a file; of lines with the same key the last counts.
func parseKeys(text string) []sshKey {
	var keys []sshKey
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		k, ok := parseKey(line)
		if !ok {
			k = sshKey{key: line}
		}
		if at := indexKey(keys, k.key); at >= 0 {
			keys = slices.Delete(keys, at, at+1)
		}
		keys = append(keys, k)
	}
	return keys
}

func indexKey(keys []sshKey, key string) int {
	return slices.IndexFunc(keys, func(k sshKey) bool { return k.key == key })
}

func runAuthorizedKey(ctx context.Context, c *module.Call) (module.Result, error) {
	account, err := user.Lookup(c.Args.String("user"))
	if err != nil && !(c.Check && c.Args.Has("path")) {
		return nil, fail(fmt.Sprintf(`Failed to lookup user %s: "getpwnam(): name not found: '%[1]s'"`, c.Args.String("user")))
	}
	wanted, err := wantedKeys(ctx, c)
	if err != nil {
		return nil, err
	}
	path := c.Args.String("path")
	if path == "" {
		path = filepath.Join(account.HomeDir, ".ssh", "authorized_keys")
	}
	if c.Args.Bool("follow") {
		path = attribute.RealPath(path)
	}
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fail(attribute.Reason(err, false))
	}
	keys, changed := mergeKeys(parseKeys(string(old)), wanted, c.Args.String("state") == "present", c.Args.Bool("exclusive"))
	r := module.Result{"keyfile": path, "changed": changed}
	for _, o := range c.Module.Options {
		r[o.Name] = c.Args[o.Name]
	}
	r["path"] = path
	if !changed {
		return r, nil
	}
	var text strings.Builder
	for _, k := range keys {
		text.WriteString(k.String())
	}
	if c.Diff {
		r["diff"] = map[string]any{"before_header": path, "after_header": path, "before": string(old), "after": text.String()}
	}
	if c.Check {
		return r, nil
	}
	return r, writeKeys(c, account, path, text.String())
}

// wantedKeys are the task's keys with its options and comment.
func wantedKeys(ctx context.Context, c *module.Call) ([]sshKey, error) {
	text := c.Args.String("key")
	if strings.HasPrefix(text, "http") {
		f := newFetch(c, http.MethodGet, text)
		path, err := download(ctx, c, f.url)
		if err != nil {
			return nil, fail("Error getting key from: " + text)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		text = string(data)
	}
	var keys []sshKey
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if line == "" || line[0] == '#' {
			continue
		}
		k, ok := parseKey(line)
		if !ok {
			return nil, fail("invalid key specified: " + line)
		}
		if c.Args.Has("key_options") {
			k.options = c.Args.String("key_options")
		}
		if c.Args.Has("comment") {
			k.comment = c.Args.String("comment")
		}
		keys = append(keys, k)
	}
	return keys, nil
}

// mergeKeys adds or removes the wanted keys. A key that is there with another
// comment or options moves to the end with the wanted ones.
func mergeKeys(keys, wanted []sshKey, present, exclusive bool) ([]sshKey, bool) {
	changed := false
	for _, w := range wanted {
		at := indexKey(keys, w.key)
		if at >= 0 && (!present || keys[at] != w) {
			keys = slices.Delete(keys, at, at+1)
			at, changed = -1, true
		}
		if present && at < 0 {
			keys, changed = append(keys, w), true
		}
	}
	if present && exclusive {
		kept := slices.DeleteFunc(slices.Clone(keys), func(k sshKey) bool { return indexKey(wanted, k.key) < 0 })
		changed = changed || len(kept) != len(keys)
		keys = kept
	}
	return keys, changed
}

// writeKeys writes the file as the user's own, readable by no one else: sshd asks for that.
func writeKeys(c *module.Call, account *user.User, path, text string) error {
	uid, uerr := strconv.Atoi(account.Uid)
	gid, gerr := strconv.Atoi(account.Gid)
	if err := errors.Join(uerr, gerr); err != nil {
		return err
	}
	dir := filepath.Dir(path)
	if c.Args.Bool("manage_dir") {
		if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
			return fail(fmt.Sprintf("Failed to create directory %s : %s", dir, attribute.Reason(err, false)))
		}
		if err := errors.Join(os.Chown(dir, uid, gid), os.Chmod(dir, 0o700)); err != nil {
			return err
		}
	} else if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	if err := attribute.Write(c, path, strings.NewReader(text)); err != nil {
		return err
	}
	return errors.Join(os.Chown(path, uid, gid), os.Chmod(path, 0o600))
}
