package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"garboard.dev/garboard/capability/play/value"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"garboard.dev/garboard/capability/play/vault"
	"garboard.dev/garboard/command"
	"garboard.dev/garboard/fault"
	"garboard.dev/garboard/host/program"
)

func vaultCommand(env *command.Env) *command.Command {
	return &command.Command{
		Name: "vault", Args: "create|edit|view|encrypt|decrypt|encrypt_string|rekey [options] [FILE...]", Summary: "Encrypt and decrypt files and values", Raw: true,
		ExitCodes: exitCodes, Links: []string{"ansible-vault"},
		Help:     "It takes the options of ansible-vault.",
		Examples: "garboard play vault encrypt --vault-password-file pass group_vars/all/secret.yml\ngarboard play vault encrypt_string --vault-password-file pass --name password 'correct horse'",
		Run:      func(ctx context.Context, args []string) error { return runVault(ctx, env, args) },
	}
}

type vaultOptions struct {
	output, encryptID, newID, newFile string
	names                             []string
	prompt, show                      bool
	stdinName                         string
}

func (v *vaultOptions) bind(f *pflag.FlagSet) {
	f.StringVar(&v.output, "output", "", "write to this `FILE`, - for standard output")
	f.StringVar(&v.encryptID, "encrypt-vault-id", "", "encrypt with the secret of this identity")
	f.StringVar(&v.newID, "new-vault-id", "", "the new identity of rekey")
	f.StringVar(&v.newFile, "new-vault-password-file", "", "the `FILE` with rekey's new password")
	f.StringArrayVarP(&v.names, "name", "n", nil, "the variable's name")
	f.BoolVarP(&v.prompt, "prompt", "p", false, "ask for the text")
	f.BoolVar(&v.show, "show-input", false, "show what is typed")
	f.StringVar(&v.stdinName, "stdin-name", "", "the name of the variable that comes on standard input")
}

func runVault(ctx context.Context, env *command.Env, args []string) error {
	o, v := &options{}, &vaultOptions{}
	bindVault := func(f *pflag.FlagSet) {
		f.StringArrayVar(&o.vaultIDs, "vault-id", nil, "a vault's identity: LABEL@FILE or LABEL@prompt")
		f.StringArrayVar(&o.vaultFiles, "vault-password-file", nil, "the `FILE` with the password")
		f.StringArrayVar(&o.vaultFiles, "vault-pass-file", nil, "the same as --vault-password-file")
		f.BoolVarP(&o.askVault, "ask-vault-password", "J", false, "ask for the password")
		f.BoolVar(&o.askVault, "ask-vault-pass", false, "the same as --ask-vault-password")
		f.CountVarP(&o.verbose, "verbose", "v", "say more")
		f.BoolVar(&o.version, "version", false, "print the version")
	}
	f, err := parse("ansible-vault", args, bindVault, v.bind)
	if errors.Is(err, pflag.ErrHelp) {
		fmt.Fprintf(env.Out, "usage: %s create|edit|view|encrypt|decrypt|encrypt_string|rekey [options] [FILE...]\n\n%s", env.Program, f.FlagUsages())
		return nil
	}
	if err == nil && o.version {
		return version(env)
	}
	if err == nil && f.NArg() == 0 {
		err = errors.New("the following arguments are required: action")
	}
	if err != nil {
		fmt.Fprintf(env.Err, "usage: %s [options] ACTION\n%s: error: %s\n", env.Program, env.Program, err)
		return fault.ExitStatus(2)
	}
	o.inventories = []string{"localhost,"}
	s, err := open(ctx, env, o)
	if err != nil {
		return say(env, 1, err)
	}
	defer s.Close() // nothing that was done depends on it
	if err := s.vault(ctx, v, f.Arg(0), f.Args()[1:]); err != nil {
		return say(env, 1, err)
	}
	return nil
}

func (s *opened) vault(ctx context.Context, v *vaultOptions, action string, files []string) error {
	if len(s.Keyring.Secrets) == 0 {
		if err := s.AddVault(vault.DefaultID + "@prompt_ask_vault_pass"); err != nil {
			return err
		}
	}
	switch action {
	case "encrypt_string":
		return s.encryptString(ctx, v, files)
	case "create", "edit":
		if len(files) != 1 {
			return fmt.Errorf("ansible-vault %s can take only one filename argument", action)
		}
		return s.edit(ctx, v, s.Path(files[0]), action == "create")
	case "view", "encrypt", "decrypt", "rekey":
	default:
		return fmt.Errorf("%q is no action: create, edit, view, encrypt, decrypt, encrypt_string or rekey", action)
	}
	if len(files) == 0 {
		files = []string{"-"}
	}
	for _, file := range files {
		if err := s.vaultFile(v, action, file); err != nil {
			return err
		}
	}
	return nil
}

// secret is the one that encrypts.
func (s *opened) secret(v *vaultOptions) (vault.Secret, error) {
	id := v.encryptID
	if id == "" {
		id = s.Config.String("DEFAULT_VAULT_ENCRYPT_IDENTITY")
	}
	if id == "" {
		return s.Keyring.Secrets[0], nil
	}
	for _, k := range s.Keyring.Secrets {
		if k.ID == id {
			return k, nil
		}
	}
	return vault.Secret{}, value.Errorf("Did not find a match for --encrypt-vault-id=%s in the known vault-ids", id)
}

func (s *opened) vaultFile(v *vaultOptions, action, file string) error {
	var data []byte
	var err error
	if file == "-" {
		data, err = io.ReadAll(s.env.In)
	} else {
		data, err = os.ReadFile(s.Path(file))
	}
	if err != nil {
		return err
	}
	switch action {
	case "encrypt":
		if vault.Is(data) {
			return errors.New("input is already encrypted")
		}
		secret, err := s.secret(v)
		if err != nil {
			return err
		}
		if data, err = vault.Encrypt(data, secret); err != nil {
			return err
		}
		defer s.done("Encryption successful", v, file)
	case "decrypt", "view":
		if data, err = s.Keyring.Decrypt(data, file); err != nil {
			return fmt.Errorf("%w for %s", err, file)
		}
		if action == "view" {
			_, err := s.env.Out.Write(data)
			return err
		}
		defer s.done("Decryption successful", v, file)
	case "rekey":
		if data, err = s.rekeyed(v, data, file); err != nil {
			return err
		}
		defer s.done("Rekey successful", v, file)
	}
	return s.put(v.output, file, data)
}

func (s *opened) done(text string, v *vaultOptions, file string) {
	if v.output == "-" || file == "-" && v.output == "" {
		return
	}
	fmt.Fprintln(s.env.Err, text)
}

func (s *opened) put(output, file string, data []byte) error {
	if output == "" {
		output = file
	}
	if output == "-" {
		_, err := s.env.Out.Write(data)
		return err
	}
	return replace(s.Path(output), data)
}

// replace writes a file that may hold secrets, whole or not at all.
func replace(path string, data []byte) error {
	mode := os.FileMode(0o600)
	if info, err := os.Stat(path); err == nil {
		mode = info.Mode().Perm()
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".garboard-vault-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // nothing is left to remove when it went well
	_, err = f.Write(data)
	if err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

func (s *opened) rekeyed(v *vaultOptions, data []byte, file string) ([]byte, error) {
	plain, err := s.Keyring.Decrypt(data, file)
	if err != nil {
		return nil, err
	}
	identity := v.newID
	if identity == "" && v.newFile != "" {
		identity = v.newFile
	}
	if identity == "" {
		identity = vault.DefaultID + "@prompt"
	}
	before := len(s.Keyring.Secrets)
	if err := s.AddVault(identity); err != nil {
		return nil, err
	}
	return vault.Encrypt(plain, s.Keyring.Secrets[before])
}

// edit opens a vault's content in an editor; the plain text lies in a private file meanwhile.
func (s *opened) edit(ctx context.Context, v *vaultOptions, path string, create bool) error {
	var plain []byte
	if data, err := os.ReadFile(path); err == nil {
		if create {
			return fmt.Errorf("%s exists, please use 'edit' instead", path)
		}
		if plain, err = s.Keyring.Decrypt(data, path); err != nil {
			return err
		}
	} else if !create {
		return err
	}
	dir, err := os.MkdirTemp("", "garboard-vault-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) // the folder is private
	file := filepath.Join(dir, filepath.Base(path))
	if err := os.WriteFile(file, plain, 0o600); err != nil {
		return err
	}
	editor := s.Getenv("EDITOR")
	if editor == "" {
		editor = "vi"
	}
	words := append(strings.Fields(editor), file)
	if err := s.Programs.Run(ctx, program.Command{Name: words[0], Args: words[1:], Stdin: s.env.In, Stdout: s.env.Out, Stderr: s.env.Err}); err != nil {
		return err
	}
	edited, err := os.ReadFile(file)
	if err != nil || !create && bytes.Equal(edited, plain) {
		return err
	}
	secret, err := s.secret(v)
	if err != nil {
		return err
	}
	data, err := vault.Encrypt(edited, secret)
	if err != nil {
		return err
	}
	return replace(path, data)
}

// encryptString prints values as YAML.
func (s *opened) encryptString(ctx context.Context, v *vaultOptions, texts []string) error {
	names := v.names
	if v.stdinName != "" || len(texts) == 1 && texts[0] == "-" {
		data, err := io.ReadAll(s.env.In)
		if err != nil {
			return err
		}
		texts, names = []string{string(data)}, []string{v.stdinName}
	}
	if v.prompt || len(texts) == 0 {
		text, _, err := s.Ask(ctx, "String to encrypt: ", !v.show)
		if err != nil {
			return err
		}
		texts = append([]string{text}, texts...)
	}
	secret, err := s.secret(v)
	if err != nil {
		return err
	}
	for i, text := range texts {
		data, err := vault.Encrypt([]byte(text), secret)
		if err != nil {
			return err
		}
		head := "!vault |\n"
		if i < len(names) && names[i] != "" {
			head = names[i] + ": " + head
		}
		fmt.Fprint(s.env.Out, head+"          "+strings.ReplaceAll(strings.TrimSpace(string(data)), "\n", "\n          ")+"\n")
	}
	fmt.Fprintln(s.env.Err, "Encryption successful")
	return nil
}
