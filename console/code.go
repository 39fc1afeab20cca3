package console

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// CodeLife is how long a one-time link can be used.
const CodeLife = 5 * time.Minute

// Key signs one-time codes. The command line signs, the server checks: whoever
// can read the key's file may log in, and nobody has to be asked for a link.
type Key [32]byte

// NewKey returns a key that exists only in memory.
func NewKey() *Key {
	k := new(Key)
	rand.Read(k[:])
	return k
}

// LoadKey reads the key at path, or makes one there, mode 0600. A file that
// others than its owner may read is refused.
func LoadKey(path string) (*Key, error) {
	key, err := readKey(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	if err := makeKey(path); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return readKey(path) // the one that was there first, where two make it at once
}

func readKey(path string) (*Key, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s has mode %04o: others than its owner could log in; it has to be 0600", path, info.Mode().Perm())
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	key := new(Key)
	if len(text) != len(key) {
		return nil, fmt.Errorf("%s holds %d bytes instead of %d: remove it, and a new one is made", path, len(text), len(key))
	}
	copy(key[:], text)
	return key, nil
}

// makeKey writes a new key beside path and links it there, so that nobody ever
// reads half a key.
func makeKey(path string) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".key-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(NewKey()[:])
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Link(f.Name(), path)
}

// A code is base64url of: made (8 bytes, milliseconds since 1970, big endian),
// nonce (16 bytes), HMAC-SHA256 of purpose, made and nonce (32 bytes).
const (
	madeSize  = 8
	nonceSize = 16
	codeSize  = madeSize + nonceSize + sha256.Size
	purpose   = "garboard console login 1\n"
)

// Code signs a one-time code at the time now.
func (k *Key) Code(now time.Time) string {
	var raw [codeSize]byte
	binary.BigEndian.PutUint64(raw[:], uint64(now.UnixMilli()))
	rand.Read(raw[madeSize : madeSize+nonceSize])
	copy(raw[madeSize+nonceSize:], k.mac(raw[:madeSize+nonceSize]))
	return base64.RawURLEncoding.EncodeToString(raw[:])
}

func (k *Key) mac(signed []byte) []byte {
	h := hmac.New(sha256.New, k[:])
	h.Write([]byte(purpose))
	h.Write(signed)
	return h.Sum(nil)
}

type nonce [nonceSize]byte

// open checks a code's form and signature.
func (k *Key) open(code string) (made time.Time, n nonce, err error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(code)
	if err != nil || len(raw) != codeSize {
		return made, n, errors.New("this is no login link of Garboard")
	}
	if !hmac.Equal(raw[madeSize+nonceSize:], k.mac(raw[:madeSize+nonceSize])) {
		return made, n, errors.New("this link is of another console")
	}
	copy(n[:], raw[madeSize:])
	return time.UnixMilli(int64(binary.BigEndian.Uint64(raw))), n, nil
}

// codes accepts each code of a key once.
type codes struct {
	key     *Key
	started time.Time // codes made earlier may have been used with the process before

	mu   sync.Mutex
	used map[nonce]time.Time // when it can be forgotten
}

func newCodes(key *Key, now time.Time) *codes {
	return &codes{key: key, started: now.Truncate(time.Millisecond), used: map[nonce]time.Time{}}
}

// redeem uses code up.
func (c *codes) redeem(code string, now time.Time) error {
	made, n, err := c.key.open(code)
	if err != nil {
		return err
	}
	switch {
	case now.Sub(made) > CodeLife:
		return fmt.Errorf("this link is older than %d minutes", int(CodeLife.Minutes()))
	case made.Sub(now) > time.Minute:
		return errors.New("this link is from the future: the clock was changed")
	case made.Before(c.started):
		return errors.New("the console was restarted since this link was made")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for old, until := range c.used {
		if now.After(until) {
			delete(c.used, old)
		}
	}
	if _, again := c.used[n]; again {
		return errors.New("this link has been used")
	}
	c.used[n] = made.Add(CodeLife + time.Minute)
	return nil
}
