package files

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"garboard.dev/garboard/capability/play/module"
	"garboard.dev/garboard/capability/play/module/attribute"
)

func knownHostsModule() *module.Module {
	return &module.Module{Spec: module.Spec{
		Name: "ansible.builtin.known_hosts", Summary: "Keeps the SSH keys of hosts that are known", CheckMode: true,
		Options: []module.Option{
			{Name: "name", Aliases: []string{"host"}, Required: true, Help: "The host, as the key names it."},
			{Name: "key", Help: "The line: host, kind and key. Needed for state present."},
			{Name: "path", Type: module.Path, Default: "~/.ssh/known_hosts", Help: "The file."},
			{Name: "hash_host", Type: module.Bool, Default: false, Help: "Write the host's name hashed."},
			{Name: "state", Default: "present", Choices: choices("absent", "present"), Help: "Whether the key shall be there."},
		},
		Returns: []module.Return{{Name: "diff", Type: "dict", Help: "The file before and after."}},
	}, Run: runKnownHosts}
}

// hostKey is one line of known_hosts.
type hostKey struct{ marker, hosts, kind, key string }

func parseHostKey(line string) (hostKey, bool) {
	words := strings.Fields(line)
	k := hostKey{}
	if len(words) > 0 && strings.HasPrefix(words[0], "@") {
		k.marker, words = words[0], words[1:]
	}
	if len(words) < 3 || strings.HasPrefix(words[0], "#") {
		return k, false
	}
	k.hosts, k.kind, k.key = words[0], words[1], words[2]
	return k, true
}

// names says whether the line is about a host: by name, by pattern or by hash.
func (k hostKey) names(host string) bool {
	if parts := strings.Split(k.hosts, "|"); strings.HasPrefix(k.hosts, "|1|") && len(parts) == 4 {
		salt, err := base64.StdEncoding.DecodeString(parts[2])
		return err == nil && hashHost(host, salt) == k.hosts
	}
	found := false
	for pattern := range strings.SplitSeq(k.hosts, ",") {
		plain, negated := strings.CutPrefix(pattern, "!")
		if ok, err := path.Match(strings.NewReplacer("[", `\[`, "]", `\]`).Replace(strings.ToLower(plain)), strings.ToLower(host)); ok && err == nil {
			if negated {
				return false
			}
			found = true
		}
	}
	return found
}

// hashHost is a host's name as sshd(8) describes hashed ones.
func hashHost(host string, salt []byte) string {
	mac := hmac.New(sha1.New, salt)
	mac.Write([]byte(host))
	return "|1|" + base64.StdEncoding.EncodeToString(salt) + "|" + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func runKnownHosts(_ context.Context, c *module.Call) (module.Result, error) {
	host, text, file := c.Args.String("name"), strings.TrimSpace(c.Args.String("key")), c.Args.String("path")
	present := c.Args.String("state") == "present"
	if text == "" && present {
		return nil, fail("No key specified when adding a host")
	}
	key, err := suppliedKey(c, host, text)
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(file)
	before := string(data)
	header := file
	if errors.Is(err, os.ErrNotExist) {
		header = "/dev/null"
	} else if err != nil {
		return nil, fail(fmt.Sprintf("Failed to read %s: %s", file, attribute.Reason(err, false)))
	}
	lines, changed := changeHosts(splitLines(before), host, key, present)
	after := strings.Join(lines, "")
	r := module.Result{"diff": map[string]any{"before_header": header, "after_header": file, "before": before, "after": after}, "changed": changed}
	if c.Check {
		return r, nil
	}
	for _, o := range c.Module.Options {
		r[o.Name] = c.Args[o.Name]
	}
	if !changed {
		return r, nil
	}
	if key.kind == "" {
		if err := attribute.CopyFile(file, file+".old"); err != nil { // as ssh-keygen -R does
			return nil, fail(attribute.Reason(err, false))
		}
	}
	if err := attribute.Write(c, file, strings.NewReader(after)); err != nil {
		return nil, fail(fmt.Sprintf("Failed to write to file %s: %s", file, attribute.Reason(err, false)))
	}
	return r, nil
}

// suppliedKey is the task's key, hashed where the task asks for it; without
// one, its kind is empty.
func suppliedKey(c *module.Call, host, text string) (hostKey, error) {
	if text == "" {
		return hostKey{}, nil
	}
	if strings.Contains(host, ",") {
		return hostKey{}, fail("Comma separated list of names is not supported. Please pass a single name to lookup in the known_hosts file.")
	}
	key, ok := parseHostKey(text)
	if !ok || !key.names(host) {
		return key, fail("Host parameter does not match hashed host field in supplied key")
	}
	if c.Args.Bool("hash_host") && !strings.HasPrefix(key.hosts, "|") {
		salt := make([]byte, sha1.Size)
		if _, err := rand.Read(salt); err != nil {
			return key, err
		}
		key.hosts = hashHost(host, salt)
	}
	return key, nil
}

func (k hostKey) String() string {
	return strings.TrimSpace(k.marker+" "+k.hosts+" "+k.kind+" "+k.key) + "\n"
}

// changeHosts adds the key, in the place of another of its kind, or removes
// it; without a key it removes all of the host.
func changeHosts(lines []string, host string, key hostKey, present bool) ([]string, bool) {
	at, same := -1, false
	for i, line := range lines {
		k, ok := parseHostKey(line)
		if !ok || !k.names(host) || key.kind != "" && k.kind != key.kind {
			continue
		}
		if strings.HasPrefix(k.hosts, "|1|") && strings.HasPrefix(key.hosts, "|1|") {
			k.hosts = key.hosts // both are the host, each with its own salt
		}
		if at = i; k == key {
			same = true
			break
		}
	}
	switch {
	case !present && key.kind == "":
		kept := slices.DeleteFunc(slices.Clone(lines), func(line string) bool {
			k, ok := parseHostKey(line)
			return ok && k.names(host)
		})
		return kept, len(kept) != len(lines)
	case !present && same:
		return slices.Delete(slices.Clone(lines), at, at+1), true
	case !present || same:
		return lines, false
	}
	out := slices.Clone(lines)
	if at >= 0 {
		out = slices.Delete(out, at, at+1)
	}
	if n := len(out); n > 0 && !strings.HasSuffix(out[n-1], "\n") {
		out[n-1] += "\n"
	}
	return append(out, key.String()), true
}
