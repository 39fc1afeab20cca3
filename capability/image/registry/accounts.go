package registry

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"golang.org/x/crypto/bcrypt"

	"garboard.dev/garboard/fault"
	"garboard.dev/garboard/host/file"
)

// Role is what an account may do.
type Role string

// The roles.
const (
	Pull Role = "pull"
	Push Role = "push" // pull, push and delete
)

// NodeAccount is the account by which the node itself pulls. Only the platform
// knows its password.
const NodeAccount = "garboard-node"

// AccountsFile is the file's name in the image capability's folder.
const AccountsFile = "accounts"

// Account is one line of the accounts file: "<name>:<bcrypt>:<role>".
type Account struct {
	Name string
	Hash []byte
	Role Role
}

var accountName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

// shortestPassword is the least number of characters; longestPassword is what
// bcrypt can tell apart.
const (
	shortestPassword = 8
	longestPassword  = 72
)

// File is the accounts' file, mode 0600. A file that does not exist has none.
type File struct{ Path string }

// Read returns the accounts by name.
func (f File) Read() ([]Account, error) {
	text, err := os.ReadFile(f.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.Denied, "read the registry's accounts", "run it as root")
	}
	return parseAccounts(text)
}

func parseAccounts(text []byte) ([]Account, error) {
	var out []Account
	for i, line := range bytes.Split(text, []byte("\n")) {
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		parts := strings.Split(string(line), ":")
		if len(parts) != 3 || !accountName.MatchString(parts[0]) || (Role(parts[2]) != Pull && Role(parts[2]) != Push) {
			return nil, fault.New(fault.Failed, "read the registry's accounts", "remove the line and add the account again", "line %d is malformed", i+1)
		}
		if slices.ContainsFunc(out, func(a Account) bool { return a.Name == parts[0] }) {
			return nil, fault.New(fault.Failed, "read the registry's accounts", "remove one of the lines", "line %d names %s again", i+1, parts[0])
		}
		out = append(out, Account{Name: parts[0], Hash: []byte(parts[1]), Role: Role(parts[2])})
	}
	slices.SortFunc(out, func(a, b Account) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// Set adds an account, or changes the password and role of one.
func (f File) Set(name string, password []byte, role Role) error {
	switch {
	case !accountName.MatchString(name):
		return fault.Usage("lower case letters, digits, and . _ - inside", "%q is no account name", name)
	case role != Pull && role != Push:
		return fault.Usage("use pull or push", "%q is no role", role)
	case len(password) < shortestPassword || len(password) > longestPassword:
		return fault.Usage("", "a password has %d to %d characters", shortestPassword, longestPassword)
	}
	accounts, err := f.Read()
	if err != nil {
		return err
	}
	hash, err := bcrypt.GenerateFromPassword(password, bcrypt.DefaultCost)
	if err != nil {
		return fmt.Errorf("hash the password: %w", err)
	}
	accounts = slices.DeleteFunc(accounts, func(a Account) bool { return a.Name == name })
	return f.write(append(accounts, Account{name, hash, role}))
}

// Remove removes an account.
func (f File) Remove(name string) error {
	accounts, err := f.Read()
	if err != nil {
		return err
	}
	rest := slices.DeleteFunc(slices.Clone(accounts), func(a Account) bool { return a.Name == name })
	if len(rest) == len(accounts) {
		return fault.New(fault.NotFound, "remove the account "+name, "garboard image account ls lists them", "there is none of this name")
	}
	return f.write(rest)
}

func (f File) write(accounts []Account) error {
	var text bytes.Buffer
	slices.SortFunc(accounts, func(a, b Account) int { return strings.Compare(a.Name, b.Name) })
	for _, a := range accounts {
		fmt.Fprintf(&text, "%s:%s:%s\n", a.Name, a.Hash, a.Role)
	}
	err := os.MkdirAll(filepath.Dir(f.Path), 0o755)
	if err == nil {
		err = file.Write(f.Path, text.Bytes(), 0o600)
	}
	return fault.Wrap(err, fault.Denied, "write the registry's accounts", "run it as root")
}

// checker tells who a request comes from. A password that was right is
// remembered as a hash with a random key: bcrypt is slow by intent, and a push
// is many requests.
type checker struct {
	file File
	node string // the node's own password
	key  []byte

	mu    sync.Mutex
	right map[[sha256.Size]byte]string // to the bcrypt hash that it was right for
	slow  chan struct{}                // bounds how many bcrypts run at once

	nobody []byte // a hash that no password has; its comparison takes as long as a real one
}

const mostRemembered = 1024

func newChecker(f File, node string) (*checker, error) {
	key := make([]byte, 32)
	rand.Read(key) // never fails (crypto/rand)
	nobody, err := bcrypt.GenerateFromPassword(key, bcrypt.DefaultCost)
	if err != nil {
		return nil, fmt.Errorf("prepare the check of passwords: %w", err)
	}
	return &checker{file: f, node: node, key: key, right: map[[sha256.Size]byte]string{}, slow: make(chan struct{}, 2), nobody: nobody}, nil
}

// check returns the role of the account, or false.
func (c *checker) check(name, password string) (Role, bool) {
	if len(password) > longestPassword {
		return "", false
	}
	seen := sha256.Sum256(slices.Concat(c.key, []byte(name), []byte{0}, []byte(password)))
	if name == NodeAccount {
		want := sha256.Sum256(slices.Concat(c.key, []byte(NodeAccount), []byte{0}, []byte(c.node)))
		return Pull, c.node != "" && seen == want
	}
	accounts, err := c.file.Read()
	if err != nil {
		return "", false
	}
	i := slices.IndexFunc(accounts, func(a Account) bool { return a.Name == name })
	if i < 0 {
		c.compare(c.nobody, password) // as long as for one that exists
		return "", false
	}
	c.mu.Lock()
	known := c.right[seen] == string(accounts[i].Hash)
	c.mu.Unlock()
	if !known && !c.compare(accounts[i].Hash, password) {
		return "", false
	}
	c.remember(seen, string(accounts[i].Hash))
	return accounts[i].Role, true
}

func (c *checker) compare(hash []byte, password string) bool {
	c.slow <- struct{}{}
	defer func() { <-c.slow }()
	return bcrypt.CompareHashAndPassword(hash, []byte(password)) == nil
}

func (c *checker) remember(seen [sha256.Size]byte, hash string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.right) >= mostRemembered {
		clear(c.right)
	}
	c.right[seen] = hash
}

// NodePassword reads the node's password at path, or makes one.
func NodePassword(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err == nil && len(text) >= shortestPassword {
		return string(text), nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	var raw [24]byte
	rand.Read(raw[:]) // never fails (crypto/rand)
	password := base64.RawURLEncoding.EncodeToString(raw[:])
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	return password, file.Write(path, []byte(password), 0o600)
}
