package filter

import (
	"crypto/rand"
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"github.com/GehirnInc/crypt"
	_ "github.com/GehirnInc/crypt/md5_crypt"    // the algorithm of $1$
	_ "github.com/GehirnInc/crypt/sha256_crypt" // the algorithm of $5$
	_ "github.com/GehirnInc/crypt/sha512_crypt" // the algorithm of $6$
	"golang.org/x/crypto/bcrypt"

	"garboard.dev/garboard/capability/play/jinja"
	"garboard.dev/garboard/capability/play/value"
	"garboard.dev/garboard/capability/play/vault"
)

func (s *Set) secrets() map[string]jinja.Callable {
	return map[string]jinja.Callable{
		"password_hash": text(func(t string, a *value.Args) (value.Value, error) {
			kind, salt, size, rounds := value.Str(a.Take("hashtype", "sha512")), a.Take("salt", nil), a.Take("salt_size", nil), a.Take("rounds", nil)
			return hashPassword(t, kind, salt, size, rounds)
		}),
		"vault":   text(s.encrypt),
		"unvault": of(s.decrypt),
	}
}

const saltLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789./"

// randomText returns n letters that nobody can guess.
func randomText(n int, letters string) (string, error) {
	var b strings.Builder
	for range n {
		i, err := rand.Int(rand.Reader, big.NewInt(int64(len(letters))))
		if err != nil {
			return "", err
		}
		b.WriteByte(letters[i.Int64()])
	}
	return b.String(), nil
}

func whole(v value.Value, otherwise int) int {
	if i, ok := value.Integer(v); ok {
		return int(i.Int64())
	}
	if n, err := strconv.Atoi(value.Str(v)); err == nil {
		return n
	}
	return otherwise
}

func hashPassword(password, kind string, saltValue, size, roundsValue value.Value) (value.Value, error) {
	algorithms := map[string]struct {
		crypt  crypt.Crypt
		prefix string
		salt   int
		rounds int
	}{
		"md5": {crypt.MD5, "$1$", 8, 0}, "md5_crypt": {crypt.MD5, "$1$", 8, 0},
		"sha256": {crypt.SHA256, "$5$", 16, 535000}, "sha256_crypt": {crypt.SHA256, "$5$", 16, 535000},
		"sha512": {crypt.SHA512, "$6$", 16, 656000}, "sha512_crypt": {crypt.SHA512, "$6$", 16, 656000},
	}
	if kind == "blowfish" || kind == "bcrypt" {
		hashed, err := bcrypt.GenerateFromPassword([]byte(password), whole(roundsValue, 12))
		return strings.Replace(string(hashed), "$2a$", "$2b$", 1), err
	}
	algorithm, ok := algorithms[kind]
	if !ok {
		return nil, value.Errorf("crypt.crypt does not support '%s' algorithm", kind)
	}
	salt := value.Str(saltValue)
	if saltValue == nil || salt == "" {
		var err error
		if salt, err = randomText(whole(size, algorithm.salt), saltLetters); err != nil {
			return nil, err
		}
	}
	for _, r := range salt {
		if !strings.ContainsRune(saltLetters, r) {
			return nil, value.Errorf("invalid characters in salt")
		}
	}
	rounds := ""
	switch n := whole(roundsValue, algorithm.rounds); {
	case algorithm.rounds == 0:
	case n != 5000 || roundsValue != nil:
		rounds = fmt.Sprintf("rounds=%d$", n)
	}
	hashed, err := algorithm.crypt.New().Generate([]byte(password), []byte(algorithm.prefix+rounds+salt))
	if explicit := "rounds=5000$"; err == nil && rounds == explicit { // the number that need not be said
		hashed = strings.Replace(hashed, algorithm.prefix+salt, algorithm.prefix+explicit+salt, 1)
	}
	return hashed, err
}

func (s *Set) encrypt(t string, a *value.Args) (value.Value, error) {
	secret, id := a.Need("secret"), value.Str(a.Take("vault_id", "filter_default"))
	data, err := vault.Encrypt([]byte(t), vault.Secret{ID: id, Password: []byte(value.Str(secret))})
	return string(data), err
}

func (s *Set) decrypt(v value.Value, a *value.Args) (value.Value, error) {
	ring := &vault.Keyring{Secrets: []vault.Secret{{ID: vault.DefaultID, Password: []byte(value.Str(a.Need("secret")))}}}
	t := value.Str(v)
	if !vault.Is([]byte(t)) {
		return t, nil
	}
	data, err := ring.Decrypt([]byte(t), "<filter>")
	return string(data), err
}
