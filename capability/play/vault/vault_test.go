package vault

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"", DefaultID, "prod"} {
		for _, plain := range []string{"", "x", "sixteen bytes ..", "a: 1\nb: ü\n"} {
			s := Secret{ID: id, Password: []byte("correct horse")}
			sealed, err := Encrypt([]byte(plain), s)
			if err != nil {
				t.Fatal(err)
			}
			k := &Keyring{Secrets: []Secret{{ID: "other", Password: []byte("wrong")}, s}}
			if got, err := k.Decrypt(sealed, "f"); err != nil || string(got) != plain {
				t.Errorf("id %q: %q came back as %q (%v)", id, plain, got, err)
			}
			wrong := &Keyring{Secrets: []Secret{{ID: id, Password: []byte("battery staple")}}}
			if got, err := wrong.Decrypt(sealed, "f"); err == nil {
				t.Errorf("a wrong password gives %q", got)
			}
		}
	}
}

// The real ansible-vault opens ours, and ours opens its.
func TestAnsibleVault(t *testing.T) {
	t.Parallel()
	program, err := exec.LookPath("ansible-vault")
	if err != nil {
		t.Skip("SKIPPED: no ansible-vault to compare with (apt-get install ansible-core)")
	}
	dir := t.TempDir()
	password, file := filepath.Join(dir, "password"), filepath.Join(dir, "secret.yml")
	s := Secret{ID: "prod", Password: []byte("correct horse")}
	sealed, err := Encrypt([]byte("a: 1\n"), s)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{password: []byte("correct horse\n"), file: sealed} {
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run := func(args ...string) []byte {
		t.Helper()
		cmd := exec.Command(program, append(args, "--vault-id", "prod@"+password)...)
		cmd.Env = append(os.Environ(), "HOME="+dir)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
		return out
	}
	if out := run("view", file); !bytes.Contains(out, []byte("a: 1")) {
		t.Errorf("ansible-vault view: %s", out)
	}
	run("rekey", file, "--new-vault-id", "prod@"+password)
	theirs, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := (&Keyring{Secrets: []Secret{s}}).Decrypt(theirs, file); err != nil || string(got) != "a: 1\n" {
		t.Errorf("theirs reads as %q (%v)", got, err)
	}
}

func FuzzDecrypt(f *testing.F) {
	sealed, err := Encrypt([]byte("x"), Secret{Password: []byte("p")})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sealed)
	f.Add([]byte("$ANSIBLE_VAULT;1.1;AES256\n6162"))
	k := &Keyring{Secrets: []Secret{{ID: DefaultID, Password: []byte("p")}}}
	f.Fuzz(func(t *testing.T, data []byte) {
		_, _ = k.Decrypt(data, "fuzz") // must not panic
	})
}
