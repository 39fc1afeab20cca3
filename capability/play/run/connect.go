package run

import (
	"fmt"
	"strconv"
	"strings"

	"garboard.dev/garboard/capability/play/book"
	"garboard.dev/garboard/capability/play/inventory"
	"garboard.dev/garboard/capability/play/target"
	"garboard.dev/garboard/capability/play/value"
)

// planConnection finds how the machine is reached: variables count before
// keywords, and these before the command line's and the configuration's defaults.
func (t *taskRun) planConnection(p *plan) error {
	scope := t.scope
	if p.delegated != "" {
		v, err := t.p.newVars(p.delegated, nil)
		if err != nil {
			return err
		}
		scope = t.p.scopeOf(v, nil)
	}
	lookup := func(names ...string) (string, error) {
		for _, name := range names {
			raw, ok := scope.Raw(name)
			if !ok || raw == nil {
				continue
			}
			text, err := t.p.run.Engine.Text(t.ctx, raw, scope)
			if err != nil {
				return "", err
			}
			if text != t.p.run.Engine.Omit {
				return text, nil
			}
		}
		return "", nil
	}
	c := &connecting{t: t, p: p, lookup: lookup, defaults: t.p.run.Defaults}
	p.settings = target.Settings{Host: p.host, HostKeys: true}
	for _, step := range []func(*target.Settings) error{c.kind, c.address, c.user, c.shell, c.become} {
		if err := step(&p.settings); err != nil {
			return err
		}
	}
	return nil
}

type connecting struct {
	t        *taskRun
	p        *plan
	lookup   func(names ...string) (string, error)
	defaults Defaults
}

// setting returns a variable, else a keyword, else the default.
func (c *connecting) setting(keyword, otherwise string, names ...string) (string, error) {
	text, err := c.lookup(names...)
	if err != nil || text != "" {
		return text, err
	}
	if keyword != "" && (c.p.delegated == "" || strings.HasPrefix(keyword, "become")) {
		v, ok, err := c.t.keyword(keyword)
		if err != nil {
			return "", err
		}
		if ok && v != nil {
			return value.Str(v), nil
		}
	}
	return otherwise, nil
}

func (c *connecting) kind(s *target.Settings) error {
	kind, err := c.setting("connection", c.defaults.Connection, "ansible_connection")
	if err != nil {
		return err
	}
	local := inventory.IsLocal(c.p.host)
	switch {
	case c.p.delegated != "" && local:
		if explicit, err := c.lookup("ansible_connection"); err == nil && explicit == "" {
			kind = "local"
		}
	case kind == "" || kind == "smart":
		kind = "ssh"
		if local && c.t.p.run.implicitLocal(c.p.host) {
			kind = "local"
		}
	}
	s.Kind = strings.TrimPrefix(strings.TrimPrefix(kind, "ansible.builtin."), "ansible.legacy.")
	if s.Kind == "paramiko" || s.Kind == "paramiko_ssh" || s.Kind == "mitogen_ssh" {
		s.Kind = "ssh"
	}
	return nil
}

func (c *connecting) address(s *target.Settings) error {
	var err error
	if s.Address, err = c.lookup("ansible_"+s.Kind+"_host", "ansible_host", "ansible_ssh_host"); err != nil {
		return err
	}
	if s.Address == "" {
		s.Address = c.p.host
	}
	port, err := c.setting("port", "", "ansible_port", "ansible_ssh_port")
	if err != nil {
		return err
	}
	s.Port = int(c.defaults.Port)
	if port != "" {
		if s.Port, err = strconv.Atoi(strings.TrimSpace(port)); err != nil {
			return fmt.Errorf("the port of %s is %q, which is no number", c.p.host, port)
		}
	}
	timeout, err := c.lookup("ansible_ssh_timeout", "ansible_timeout")
	if err != nil {
		return err
	}
	s.Timeout = int(c.defaults.Timeout)
	if n, err := strconv.Atoi(timeout); err == nil {
		s.Timeout = n
	}
	return nil
}

func (c *connecting) user(s *target.Settings) error {
	if s.Kind == "local" {
		return nil
	}
	for _, f := range []struct {
		into               *string
		keyword, otherwise string
		names              []string
	}{
		{&s.User, "remote_user", c.defaults.User, []string{"ansible_user", "ansible_ssh_user"}},
		{&s.Password, "", c.defaults.Password, []string{"ansible_password", "ansible_ssh_pass", "ansible_ssh_password"}},
		{&s.PrivateKey, "", c.defaults.PrivateKey, []string{"ansible_private_key_file", "ansible_ssh_private_key_file"}},
	} {
		text, err := c.setting(f.keyword, f.otherwise, f.names...)
		if err != nil {
			return err
		}
		*f.into = text
	}
	args := []string{}
	if c.defaults.SSHArgs != "" {
		args = append(args, c.defaults.SSHArgs)
	}
	for _, name := range []string{"ansible_ssh_args", "ansible_ssh_common_args", "ansible_ssh_extra_args"} {
		text, err := c.lookup(name)
		if err != nil {
			return err
		}
		if text != "" {
			args = append(args, text)
		}
	}
	s.SSHArgs = strings.Join(args, " ")
	check, err := c.lookup("ansible_ssh_host_key_checking", "ansible_host_key_checking")
	if err != nil {
		return err
	}
	s.HostKeys = check == "" || book.Boolean(check)
	return nil
}

func (c *connecting) shell(s *target.Settings) error {
	var err error
	if s.Python, err = c.lookup("ansible_python_interpreter"); err != nil {
		return err
	}
	s.Executable, err = c.lookup("ansible_shell_executable")
	return err
}

func (c *connecting) become(s *target.Settings) error {
	on, err := c.setting("become", strconv.FormatBool(c.defaults.Become), "ansible_become")
	if err != nil || !book.Boolean(on) {
		return err
	}
	s.Become = true
	method, err := c.setting("become_method", c.defaults.BecomeMethod, "ansible_become_method")
	if err != nil {
		return err
	}
	s.BecomeMethod = strings.TrimPrefix(strings.TrimPrefix(method, "ansible.builtin."), "community.general.")
	for _, f := range []struct {
		into               *string
		keyword, otherwise string
		names              []string
	}{
		{&s.BecomeUser, "become_user", c.defaults.BecomeUser, []string{"ansible_become_user", "ansible_" + method + "_user"}},
		{&s.BecomePassword, "", c.defaults.BecomePassword, []string{"ansible_become_password", "ansible_become_pass", "ansible_" + method + "_pass", "ansible_" + method + "_password"}},
		{&s.BecomeFlags, "become_flags", c.defaults.BecomeFlags, []string{"ansible_become_flags", "ansible_" + method + "_flags"}},
		{&s.BecomeExe, "become_exe", c.defaults.BecomeExe, []string{"ansible_become_exe", "ansible_" + method + "_exe"}},
	} {
		text, err := c.setting(f.keyword, f.otherwise, f.names...)
		if err != nil {
			return err
		}
		*f.into = text
	}
	return nil
}

// implicitLocal says whether a host is this machine because nobody described it otherwise.
func (r *Runner) implicitLocal(host string) bool {
	return r.Inventory.Implicit(host) && inventory.IsLocal(host)
}
