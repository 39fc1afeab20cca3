package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"garboard.dev/garboard/capability/play/value"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/term"

	"garboard.dev/garboard/capability/play/callback"
	"garboard.dev/garboard/capability/play/config"
	"garboard.dev/garboard/capability/play/event"
	"garboard.dev/garboard/capability/play/module/all"
	"garboard.dev/garboard/capability/play/run"
	"garboard.dev/garboard/capability/play/session"
	"garboard.dev/garboard/capability/play/vault"
	"garboard.dev/garboard/command"
	"garboard.dev/garboard/host/program"
)

// opened is a session with its output.
type opened struct {
	*session.Session
	env     *command.Env
	display *callback.Display
	verbose int
}

// open reads the configuration and prepares a session.
func open(ctx context.Context, env *command.Env, o *options) (*opened, error) {
	dir, writable := workingFolder()
	home := env.Getenv("HOME")
	c, err := config.Load(config.Reader{ReadFile: os.ReadFile, Getenv: env.Getenv, Dir: dir, WorldWritable: writable, Home: home})
	if err != nil {
		return nil, err
	}
	verbose := max(o.verbose, c.Int("DEFAULT_VERBOSITY"))
	out := &opened{env: env, verbose: verbose, display: newDisplay(env, c, verbose)}
	outside := session.Outside{
		Getenv: env.Getenv, Now: env.Now, Dir: dir, Home: home, Executable: env.Executable, Programs: program.Linux{},
		Out: env.Out, Err: env.Err, Ask: asker(env),
	}
	out.Session = session.New(ctx, outside, c, all.Table())
	out.Tell = out.display.Tell
	if verbose > 0 {
		if c.File == "" {
			out.display.Line("No config file found; using defaults", out.display.Colors.Verbose)
		} else {
			out.display.Line("Using "+c.File+" as config file", out.display.Colors.Verbose)
		}
	}
	for _, w := range c.Warnings {
		out.Tell(event.Warning, w)
	}
	if err := out.prepare(o); err != nil {
		return nil, errors.Join(err, out.Close())
	}
	return out, nil
}

// prepare reads what options name: vaults, variables, inventories.
func (s *opened) prepare(o *options) error {
	for _, dir := range o.modulePath {
		s.AddLibrary(s.Path(dir))
	}
	if err := s.vaults(o); err != nil {
		return err
	}
	for _, e := range o.extra {
		if err := s.AddExtra(e); err != nil {
			return err
		}
	}
	sources := o.inventories
	if len(sources) == 0 {
		sources = s.Config.List("DEFAULT_HOST_LIST")
		if s.Config.Origin("DEFAULT_HOST_LIST") == "default" {
			if _, err := os.Stat(sources[0]); err != nil {
				sources = nil
			}
		}
	}
	if err := s.AddInventory(sources...); err != nil {
		return err
	}
	if len(s.Inventory.Hosts()) == 0 && s.Config.Bool("LOCALHOST_WARNING") {
		s.Tell(event.Warning, "No inventory was parsed, only implicit localhost is available")
		s.Tell(event.Warning, "provided hosts list is empty, only localhost is available. Note that the implicit localhost does not match 'all'")
	}
	for _, w := range s.Inventory.Warnings {
		s.Tell(event.Warning, w)
	}
	return nil
}

func (s *opened) vaults(o *options) error {
	ids := append(s.Config.List("DEFAULT_VAULT_IDENTITY_LIST"), o.vaultIDs...)
	ids = append(ids, o.vaultFiles...)
	if file := s.Config.String("DEFAULT_VAULT_PASSWORD_FILE"); file != "" {
		ids = append(ids, s.Config.Path("DEFAULT_VAULT_PASSWORD_FILE"))
	}
	if o.askVault || s.Config.Bool("DEFAULT_ASK_VAULT_PASS") {
		ids = append(ids, vault.DefaultID+"@prompt_ask_vault_pass")
	}
	for _, id := range ids {
		if err := s.AddVault(id); err != nil {
			return err
		}
	}
	return nil
}

// configure gives a runner what options say.
func (s *opened) configure(ctx context.Context, r *run.Runner, o *options) error {
	r.Check, r.Diff, r.Verbosity, r.Limit, r.StartAt = o.check, o.diff || r.Diff, s.verbose, o.limit, o.startAt
	if rest, ok := strings.CutPrefix(o.limit, "@"); ok {
		data, err := os.ReadFile(s.Path(rest))
		if err != nil {
			return value.Errorf("Unable to find limit file %s", rest)
		}
		r.Limit = strings.Join(strings.Fields(string(data)), ",")
	}
	if o.forks > 0 {
		r.Forks = o.forks
	}
	r.Options.ForceHandlers = r.Options.ForceHandlers || o.forceHandlers
	r.Tags.Only, r.Tags.Skip = words(o.tags), words(o.skip)
	if len(r.Tags.Only) == 0 {
		r.Tags.Only = s.Config.List("TAGS_RUN")
	}
	if len(r.Tags.Skip) == 0 {
		r.Tags.Skip = s.Config.List("TAGS_SKIP")
	}
	if len(r.Tags.Only) == 0 {
		r.Tags.Only = []string{"all"}
	}
	d := &r.Defaults
	for _, f := range []struct {
		into *string
		from string
	}{{&d.Connection, o.connection}, {&d.User, o.user}, {&d.PrivateKey, o.privateKey}, {&d.BecomeMethod, o.becomeMethod}, {&d.BecomeUser, o.becomeUser}} {
		if f.from != "" {
			*f.into = f.from
		}
	}
	d.Become = d.Become || o.become
	if n, err := strconv.Atoi(o.timeout); err == nil {
		d.Timeout = int64(n)
	}
	d.SSHArgs = strings.TrimSpace(s.Config.String("SSH_COMMON_ARGS") + " " + s.Config.String("SSH_EXTRA_ARGS") + " " + o.sshCommon + " " + o.sshExtra)
	return s.passwords(ctx, d, o)
}

func (s *opened) passwords(ctx context.Context, d *run.Defaults, o *options) error {
	file := func(path string) (string, error) {
		if path == "" {
			return "", nil
		}
		data, err := s.Read(s.Path(path))
		return strings.TrimSpace(string(data)), err
	}
	var err error
	if d.Password, err = file(o.passwordFile); err != nil {
		return err
	}
	if d.BecomePassword, err = file(o.becomePasswordFile); err != nil {
		return err
	}
	if o.askPass || s.Config.Bool("DEFAULT_ASK_PASS") {
		if d.Password, _, err = s.Ask(ctx, "SSH password: ", true); err != nil {
			return err
		}
	}
	if o.askBecome || s.Config.Bool("DEFAULT_BECOME_ASK_PASS") {
		question := strings.ToUpper(d.BecomeMethod) + " password: "
		if d.Password != "" {
			question = "BECOME password[defaults to SSH password]: "
		}
		if d.BecomePassword, _, err = s.Ask(ctx, question, true); err != nil {
			return err
		}
		if d.BecomePassword == "" {
			d.BecomePassword = d.Password
		}
	}
	return nil
}

func newDisplay(env *command.Env, c *config.Config, verbose int) *callback.Display {
	d := &callback.Display{
		Out: env.Out, Err: env.Err, Verbosity: verbose, Colors: colors(c),
		NoWarnings: !c.Bool("SYSTEM_WARNINGS"), NoDeprecations: !c.Bool("DEPRECATION_WARNINGS"),
	}
	f, ok := env.Out.(*os.File)
	terminal := ok && term.IsTerminal(int(f.Fd()))
	d.Color = (terminal && env.Getenv("TERM") != "dumb" || c.Bool("ANSIBLE_FORCE_COLOR")) && !c.Bool("ANSIBLE_NOCOLOR") && env.Getenv("NO_COLOR") == ""
	if terminal {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil {
			d.Columns = max(79, width-1)
		}
	}
	return d
}

// codes are terminal codes by the names that settings use.
var codes = map[string]string{
	"black": "0;30", "bright gray": "0;37", "blue": "0;34", "white": "1;37", "green": "0;32", "bright blue": "1;34", "cyan": "0;36",
	"bright green": "1;32", "red": "0;31", "bright cyan": "1;36", "purple": "0;35", "bright red": "1;31", "yellow": "0;33",
	"bright purple": "1;35", "dark gray": "1;30", "bright yellow": "1;33", "magenta": "0;35", "bright magenta": "1;35", "normal": "0",
}

func colors(c *config.Config) callback.Colors {
	of := func(name string) string { return codes[c.String("COLOR_"+name)] }
	return callback.Colors{
		Ok: of("OK"), Changed: of("CHANGED"), Error: of("ERROR"), Unreachable: of("UNREACHABLE"), Skip: of("SKIP"), Verbose: of("VERBOSE"), Warn: of("WARN"),
		Debug: of("DEBUG"), Deprecate: of("DEPRECATE"), DiffAdd: of("DIFF_ADD"), DiffRemove: of("DIFF_REMOVE"), DiffLines: of("DIFF_LINES"), Highlight: of("HIGHLIGHT"),
	}
}

// asker asks the person at the terminal, or reads a line of standard input where
// that is none.
func asker(env *command.Env) func(ctx context.Context, question string, secret bool) (string, bool, error) {
	in := bufio.NewReader(env.In)
	return func(_ context.Context, question string, secret bool) (string, bool, error) {
		f, isFile := env.In.(*os.File)
		terminal := isFile && term.IsTerminal(int(f.Fd()))
		if terminal || !secret {
			fmt.Fprint(env.Out, question)
		}
		if terminal && secret {
			answer, err := term.ReadPassword(int(f.Fd()))
			fmt.Fprintln(env.Out)
			return string(answer), true, err
		}
		line, err := in.ReadString('\n')
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return strings.TrimRight(line, "\r\n"), terminal, err
	}
}
