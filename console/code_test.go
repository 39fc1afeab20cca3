package console

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

func TestCodes(t *testing.T) {
	t.Parallel()
	key, now := NewKey(), newClock().Now()
	for name, c := range map[string]struct {
		code string
		at   time.Time
		ok   bool
	}{
		"at once":                {key.Code(now), now, true},
		"at its end":             {key.Code(now), now.Add(CodeLife), true},
		"after its end":          {key.Code(now), now.Add(CodeLife + time.Millisecond), false},
		"a clock a little off":   {key.Code(now.Add(30 * time.Second)), now, true},
		"from the future":        {key.Code(now.Add(2 * time.Minute)), now, false},
		"before the start":       {key.Code(now.Add(-time.Second)), now, false},
		"of another key":         {NewKey().Code(now), now, false},
		"nothing":                {"", now, false},
		"not base64":             {"!!!", now, false},
		"cut":                    {key.Code(now)[:40], now, false},
		"with something behind":  {key.Code(now) + "AA", now, false},
		"signature of something": {base64.RawURLEncoding.EncodeToString(make([]byte, codeSize)), now, false},
	} {
		if err := newCodes(key, now).redeem(c.code, c.at); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEveryBitOfACodeCounts(t *testing.T) {
	t.Parallel()
	key, now := NewKey(), newClock().Now()
	raw, err := base64.RawURLEncoding.DecodeString(key.Code(now))
	if err != nil {
		t.Fatal(err)
	}
	for i := range len(raw) * 8 {
		raw[i/8] ^= 1 << (i % 8)
		if err := newCodes(key, now).redeem(base64.RawURLEncoding.EncodeToString(raw), now); err == nil {
			t.Fatalf("bit %d can be changed", i)
		}
		raw[i/8] ^= 1 << (i % 8)
	}
}

func TestUsedCodesAreForgottenWhenTheyHaveEnded(t *testing.T) {
	t.Parallel()
	c := newClock()
	codes := newCodes(NewKey(), c.Now())
	for range 100 {
		if err := codes.redeem(codes.key.Code(c.Now()), c.Now()); err != nil {
			t.Fatal(err)
		}
		c.move(time.Minute)
	}
	if len(codes.used) > 8 {
		t.Errorf("%d codes are remembered", len(codes.used))
	}
}

func TestKeyFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "console", "key")
	keys := make([]*Key, 8)
	var all sync.WaitGroup
	for i := range keys {
		all.Go(func() {
			key, err := LoadKey(path)
			if err != nil {
				t.Error(err)
				return
			}
			keys[i] = key
		})
	}
	all.Wait()
	for _, key := range keys {
		if key == nil || *key != *keys[0] {
			t.Fatal("those who made the key at once have different ones")
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", info.Mode(), err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".key-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadKey(path); err == nil {
		t.Error("a key that others may read was accepted")
	}
	if err := os.WriteFile(path, []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadKey(path); err == nil {
		t.Error("half a key was accepted")
	}
}

// Only what the key signed is accepted, and nothing brings the server down.
func FuzzCode(f *testing.F) {
	key, now := NewKey(), newClock().Now()
	f.Add(key.Code(now))
	f.Add("")
	f.Add("AAAA")
	f.Add(key.Code(now) + "=")
	good := key.Code(now)
	f.Add(good)
	f.Fuzz(func(t *testing.T, code string) {
		_, _, err := key.open(code)
		if err == nil && code != good {
			if raw, _ := base64.RawURLEncoding.DecodeString(code); len(raw) != codeSize || base64.RawURLEncoding.EncodeToString(raw) != code {
				t.Errorf("%q was accepted", code)
			}
		}
	})
}

// A token that passes can stand in a header as it is.
func FuzzToken(f *testing.F) {
	for _, seed := range []string{"eyJhbGciOi.J9-_~+/=", "", "a b", "a\r\nHost: x", "ä", "\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		if checkToken(token) != nil {
			return
		}
		for _, c := range []byte(token) {
			if c <= ' ' || c >= 0x7f || c == '"' || c == ',' || c == ';' {
				t.Errorf("%q passed", token)
			}
		}
	})
}
