package session

import (
	"fmt"
	"path/filepath"
	"strings"

	"garboard.dev/garboard/capability/play/book"
	"garboard.dev/garboard/capability/play/source"
	"garboard.dev/garboard/capability/play/value"
	"garboard.dev/garboard/capability/play/vault"
	"garboard.dev/garboard/host/program"
)

// AddExtra takes in one -e: @FILE, a dictionary as YAML or JSON, or key=value pairs.
func (s *Session) AddExtra(text string) error {
	var d *value.Dict
	var err error
	switch {
	case strings.HasPrefix(text, "@"):
		path := s.Path(text[1:])
		if !isFile(path) {
			return value.Errorf("Unable to retrieve file contents\nCould not find or access '%s' on the Ansible Controller.\nIf you are using a module and expect the file to exist on the remote, see the remote_src option", path)
		}
		d, err = s.Vars(path)
	case strings.HasPrefix(text, "/") || strings.HasPrefix(text, "."):
		return value.Errorf("Please prepend extra_vars filename '%s' with '@'", text)
	case strings.HasPrefix(text, "{") || strings.HasPrefix(text, "["):
		d, err = s.dictionary(text)
	default:
		d, err = book.ParseArguments("", text, source.Position{})
		if err != nil {
			err = value.Errorf("Invalid extra vars data supplied. '%s' could not be made into a dictionary", text)
		}
	}
	if err != nil {
		return err
	}
	for k, v := range d.All() {
		s.Extra.Set(k, v)
	}
	return nil
}

func (s *Session) dictionary(text string) (*value.Dict, error) {
	node, err := source.Load("<command line>", []byte(text), s.YAML())
	if err != nil {
		return nil, err
	}
	d, ok := node.Value().(*value.Dict)
	if !ok {
		return nil, value.Errorf("Invalid extra vars data supplied. '%s' could not be made into a dictionary", text)
	}
	return d, nil
}

// Path makes a path of the command line whole.
func (s *Session) Path(path string) string {
	if path == "~" || strings.HasPrefix(path, "~/") {
		return filepath.Join(s.Home, path[1:])
	}
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(s.Dir, path)
}

// AddVault takes in one vault identity: label@file, label@prompt, or a file alone.
func (s *Session) AddVault(identity string) error {
	id, from, ok := strings.Cut(identity, "@")
	if !ok {
		id, from = vault.DefaultID, identity
	}
	if id == "" {
		id = vault.DefaultID
	}
	var password []byte
	var err error
	if from == "prompt" || from == "prompt_ask_vault_pass" {
		password, err = s.askVault(id, from)
	} else {
		password, err = s.vaultFile(id, s.Path(from))
	}
	if err != nil {
		return err
	}
	s.Keyring.Secrets = append(s.Keyring.Secrets, vault.Secret{ID: id, Password: password})
	return nil
}

func (s *Session) askVault(id, how string) ([]byte, error) {
	question := "Vault password: "
	if how == "prompt" && id != vault.DefaultID {
		question = fmt.Sprintf("Vault password (%s): ", id)
	}
	answer, _, err := s.Ask(s.ctx, question, true)
	if err == nil && answer == "" {
		err = value.Errorf("Invalid vault password was provided from prompt")
	}
	return []byte(answer), err
}

// maxPassword bounds a file that holds a password: 1 MiB.
const maxPassword = 1 << 20

// vaultFile reads a password from a file, or from the program that the file is.
func (s *Session) vaultFile(id, path string) ([]byte, error) {
	if !isFile(path) {
		return nil, value.Errorf("The vault password file %s was not found", path)
	}
	var data []byte
	var err error
	if s.reader().Executable(path) {
		var args []string
		if strings.HasSuffix(strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)), "-client") {
			args = []string{"--vault-id", id}
		}
		data, err = program.Output(s.ctx, s.Programs, program.Command{Name: path, Args: args}, maxPassword)
	} else {
		data, err = s.Read(path)
	}
	if err != nil {
		return nil, err
	}
	password := strings.TrimSpace(string(data))
	if password == "" {
		return nil, value.Errorf("Invalid vault password was provided from file (%s)", path)
	}
	return []byte(password), nil
}
