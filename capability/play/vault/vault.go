// Package vault opens and makes the encrypted files of ansible-vault, in the
// formats 1.1 and 1.2 with AES256 ("Format of files encrypted with Ansible
// Vault" in Ansible's documentation).
package vault

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"garboard.dev/garboard/capability/play/value"
)

const (
	mark       = "$ANSIBLE_VAULT"
	iterations = 10_000
	keyLength  = 32
	saltLength = 32
	lineLength = 80
	// DefaultID is the id of secrets that were given without one.
	DefaultID = "default"
)

// Secret is one password with its id.
type Secret struct {
	ID       string
	Password []byte
}

// Keyring holds the secrets that are tried, in order.
type Keyring struct{ Secrets []Secret }

// Errors about data that cannot be opened.
var (
	ErrNoSecret = value.Errorf("Attempting to decrypt but no vault secrets found")
	ErrNoVault  = errors.New("input is not vault encrypted data")
)

// Is says whether data is a vault.
func Is(data []byte) bool { return bytes.HasPrefix(data, []byte(mark)) }

// Header is the first line of a vault.
type Header struct{ Version, Cipher, ID string }

// ParseHeader reads the first line.
func ParseHeader(data []byte) (Header, []byte, error) {
	line, body, _ := bytes.Cut(bytes.TrimLeft(data, " \t\r\n"), []byte("\n"))
	parts := strings.Split(strings.TrimSpace(string(line)), ";")
	if len(parts) < 3 || parts[0] != mark {
		return Header{}, nil, ErrNoVault
	}
	h := Header{Version: parts[1], Cipher: parts[2], ID: DefaultID}
	if h.Version == "1.2" && len(parts) > 3 {
		h.ID = parts[3]
	}
	if h.Version != "1.1" && h.Version != "1.2" {
		return h, nil, fmt.Errorf("vaults of the format %q cannot be read: 1.1 and 1.2 can", h.Version)
	}
	if h.Cipher != "AES256" {
		return h, nil, fmt.Errorf("vaults with the cipher %q cannot be read: AES256 can", h.Cipher)
	}
	return h, body, nil
}

// Decrypt opens a vault with the first secret that fits; those with the vault's
// id are tried first. file stands in errors.
func (k *Keyring) Decrypt(data []byte, file string) ([]byte, error) {
	h, body, err := ParseHeader(data)
	if err != nil {
		return nil, fmt.Errorf("%w for %s", err, file)
	}
	if k == nil || len(k.Secrets) == 0 {
		return nil, ErrNoSecret
	}
	salt, sum, ciphertext, err := parts(body)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	for _, first := range []bool{true, false} {
		for _, s := range k.Secrets {
			if (s.ID == h.ID) != first {
				continue
			}
			plain, ok, err := open(s.Password, salt, sum, ciphertext)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", file, err)
			}
			if ok {
				return plain, nil
			}
		}
	}
	return nil, value.Errorf("Decryption failed (no vault secrets were found that could decrypt) on %s", file)
}

// parts takes the body apart: hex of the lines "salt, HMAC, ciphertext", each in hex.
func parts(body []byte) (salt, sum, ciphertext []byte, err error) {
	inner, err := unhex(bytes.Join(bytes.Fields(body), nil))
	if err != nil {
		return nil, nil, nil, value.Errorf("Vault format unhexlify error: Odd-length string or characters that are not hexadecimal")
	}
	fields := bytes.SplitN(inner, []byte("\n"), 3)
	if len(fields) != 3 {
		return nil, nil, nil, value.Errorf("Vault format error: a part is missing")
	}
	if salt, err = unhex(fields[0]); err != nil {
		return nil, nil, nil, value.Errorf("Vault format error: the salt is not hexadecimal")
	}
	if sum, err = unhex(fields[1]); err != nil {
		return nil, nil, nil, value.Errorf("Vault format error: the checksum is not hexadecimal")
	}
	if ciphertext, err = unhex(fields[2]); err != nil {
		return nil, nil, nil, value.Errorf("Vault format error: the text is not hexadecimal")
	}
	return salt, sum, ciphertext, nil
}

func unhex(text []byte) ([]byte, error) {
	out := make([]byte, hex.DecodedLen(len(text)))
	n, err := hex.Decode(out, text)
	return out[:n], err
}

func keys(password, salt []byte) (cipherKey, macKey, iv []byte, err error) {
	derived, err := pbkdf2.Key(sha256.New, string(password), salt, iterations, 2*keyLength+aes.BlockSize)
	if err != nil {
		return nil, nil, nil, err
	}
	return derived[:keyLength], derived[keyLength : 2*keyLength], derived[2*keyLength:], nil
}

func open(password, salt, sum, ciphertext []byte) (plain []byte, ok bool, err error) {
	cipherKey, macKey, iv, err := keys(password, salt)
	if err != nil {
		return nil, false, err
	}
	mac := hmac.New(sha256.New, macKey)
	mac.Write(ciphertext)
	if subtle.ConstantTimeCompare(mac.Sum(nil), sum) != 1 {
		return nil, false, nil
	}
	block, err := aes.NewCipher(cipherKey)
	if err != nil {
		return nil, false, err
	}
	plain = make([]byte, len(ciphertext))
	cipher.NewCTR(block, iv).XORKeyStream(plain, ciphertext)
	padding := 0
	if len(plain) > 0 {
		padding = int(plain[len(plain)-1])
	}
	if padding == 0 || padding > aes.BlockSize || padding > len(plain) {
		return nil, false, value.Errorf("Vault format error: the padding is wrong")
	}
	return plain[:len(plain)-padding], true, nil
}

// Encrypt makes a vault. A secret with another id than the default gives the format 1.2.
func Encrypt(plain []byte, s Secret) ([]byte, error) {
	salt := make([]byte, saltLength)
	if _, err := rand.Read(salt); err != nil {
		return nil, err
	}
	cipherKey, macKey, iv, err := keys(s.Password, salt)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(cipherKey)
	if err != nil {
		return nil, err
	}
	padding := aes.BlockSize - len(plain)%aes.BlockSize
	text := append(bytes.Clone(plain), bytes.Repeat([]byte{byte(padding)}, padding)...)
	cipher.NewCTR(block, iv).XORKeyStream(text, text)
	mac := hmac.New(sha256.New, macKey)
	mac.Write(text)
	inner := hex.EncodeToString(salt) + "\n" + hex.EncodeToString(mac.Sum(nil)) + "\n" + hex.EncodeToString(text)
	var out bytes.Buffer
	if s.ID == "" || s.ID == DefaultID {
		out.WriteString(mark + ";1.1;AES256\n")
	} else {
		out.WriteString(mark + ";1.2;AES256;" + s.ID + "\n")
	}
	body := hex.EncodeToString([]byte(inner))
	for len(body) > 0 {
		n := min(lineLength, len(body))
		out.WriteString(body[:n] + "\n")
		body = body[n:]
	}
	return out.Bytes(), nil
}
