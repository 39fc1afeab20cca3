package connection

import (
	"context"
	"errors"
	"fmt"
	"garboard.dev/garboard/capability/play/value"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/kevinburke/ssh_config"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
	"golang.org/x/crypto/ssh/knownhosts"

	"garboard.dev/garboard/capability/play/target"
)

// keepalive is how often an idle connection is asked whether it lives.
const keepalive = 15 * time.Second

// sshHost is what ssh_config(5) and the settings say about one host.
type sshHost struct {
	name, address, user string
	port                int
	keys, known         []string
	jump                string
	strict              bool
	timeout             time.Duration
	needsProgram        bool // for what the library does not do
}

// sshConfig reads the user's and the machine's ssh_config.
func (m *Manager) sshConfig() func(host, key string) string {
	var files []*ssh_config.Config
	for _, path := range []string{filepath.Join(m.Home, ".ssh", "config"), "/etc/ssh/ssh_config"} {
		f, err := os.Open(path)
		if err != nil {
			continue // there need not be one
		}
		c, err := ssh_config.Decode(f)
		_ = f.Close() // it was read
		if err != nil {
			m.Warn(fmt.Sprintf("%s cannot be read and does not count: %s", path, err))
			continue
		}
		files = append(files, c)
	}
	return func(host, key string) string {
		for _, c := range files {
			if v, err := c.Get(host, key); err == nil && v != "" {
				return v
			}
		}
		return ""
	}
}

// describe puts settings, options of ssh_args and ssh_config together.
func (m *Manager) describe(s target.Settings) (*sshHost, error) {
	options, rest := sshOptions(s.SSHArgs)
	file := m.sshConfig()
	get := func(key string) string {
		if v, ok := options[strings.ToLower(key)]; ok {
			return v
		}
		return file(s.Address, key)
	}
	or := func(texts ...string) string {
		for _, t := range texts {
			if t != "" {
				return t
			}
		}
		return ""
	}
	h := &sshHost{name: s.Address, address: or(get("HostName"), s.Address), user: or(s.User, get("User"), m.Getenv("USER"), "root"), port: s.Port, jump: get("ProxyJump")}
	h.address = strings.ReplaceAll(h.address, "%h", s.Address)
	if h.port == 0 {
		port, err := strconv.Atoi(or(get("Port"), "22"))
		if err != nil {
			return nil, fmt.Errorf("the port of %s is no number: %w", s.Host, err)
		}
		h.port = port
	}
	for _, k := range []string{s.PrivateKey, get("IdentityFile")} {
		if k != "" {
			h.keys = append(h.keys, m.path(k))
		}
	}
	for _, k := range []string{"id_ed25519", "id_ecdsa", "id_rsa"} {
		h.keys = append(h.keys, filepath.Join(m.Home, ".ssh", k))
	}
	for f := range strings.FieldsSeq(or(get("UserKnownHostsFile"), "~/.ssh/known_hosts")) {
		h.known = append(h.known, m.path(f))
	}
	h.known = append(h.known, "/etc/ssh/ssh_known_hosts")
	strict := strings.ToLower(or(get("StrictHostKeyChecking"), "yes"))
	h.strict = m.HostKeys && s.HostKeys && strict != "no" && strict != "off" && strict != "accept-new"
	h.timeout = time.Duration(max(1, s.Timeout)) * time.Second
	h.needsProgram = rest || get("ProxyCommand") != "" && get("ProxyCommand") != "none" || get("PKCS11Provider") != "" || get("CertificateFile") != ""
	return h, nil
}

func (m *Manager) path(p string) string {
	p = strings.Trim(p, `"`)
	if rest, ok := strings.CutPrefix(p, "~/"); ok {
		return filepath.Join(m.Home, rest)
	}
	return strings.ReplaceAll(p, "%d", m.Home)
}

// sshOptions reads -o options. rest says that there is more, which only the ssh
// program understands. What configures the program's own sharing of connections
// has no meaning here.
func sshOptions(text string) (options map[string]string, rest bool) {
	options = map[string]string{}
	words := strings.Fields(text)
	for i := 0; i < len(words); i++ {
		w := words[i]
		switch {
		case w == "-C" || w == "-q" || w == "-4" || w == "-T":
		case w == "-o" && i+1 < len(words):
			i++
			k, v, _ := strings.Cut(strings.Trim(words[i], `"'`), "=")
			options[strings.ToLower(k)] = v
		case strings.HasPrefix(w, "-o"):
			k, v, _ := strings.Cut(strings.Trim(w[2:], `"'`), "=")
			options[strings.ToLower(k)] = v
		case w == "-J" && i+1 < len(words):
			i++
			options["proxyjump"] = words[i]
		case w == "-F" && i+1 < len(words):
			i++
			rest = rest || words[i] != "/dev/null" && words[i] != "none"
		default:
			rest = true
		}
	}
	return options, rest
}

// ssh connects to a host.
func (m *Manager) ssh(ctx context.Context, s target.Settings) (target.Target, error) {
	h, err := m.describe(s)
	if err != nil {
		return nil, err
	}
	var t transport
	if h.needsProgram {
		t = m.sshProgram(s, h)
	} else if t, err = m.sshClient(ctx, h, s.Password); err != nil {
		return nil, &target.Unreachable{Host: s.Host, Reason: "Failed to connect to the host via ssh: " + err.Error()}
	}
	c, err := m.agentOn(ctx, t, s)
	if err == nil {
		return c, nil
	}
	_ = t.close() // it is given up
	var exit *exitError
	if h.needsProgram && errors.As(err, &exit) && exit.code == 255 || !s.Become {
		return nil, &target.Unreachable{Host: s.Host, Reason: "Failed to connect to the host via ssh: " + err.Error()}
	}
	return nil, err
}

// sshProgram reaches a host by the ssh program, for what the library does not do.
func (m *Manager) sshProgram(s target.Settings, h *sshHost) transport {
	args := append(strings.Fields(s.SSHArgs), "-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout="+strconv.Itoa(int(h.timeout.Seconds())), "-o", "ServerAliveInterval=15")
	if s.Port != 0 {
		args = append(args, "-p", strconv.Itoa(s.Port))
	}
	if s.User != "" {
		args = append(args, "-l", s.User)
	}
	if s.PrivateKey != "" {
		args = append(args, "-i", s.PrivateKey)
	}
	if !h.strict {
		args = append(args, "-o", "StrictHostKeyChecking=no")
	}
	return &through{programs: m.Programs, name: "ssh", args: append(args, "--", s.Address)}
}

// sshClient is a connection of the library's, with all that was opened for it.
type sshClient struct {
	client *ssh.Client
	opened []io.Closer
	stop   chan struct{}
}

func (m *Manager) sshClient(ctx context.Context, h *sshHost, password string) (transport, error) {
	c := &sshClient{stop: make(chan struct{})}
	config, err := m.clientConfig(c, h, password)
	if err != nil {
		return nil, errors.Join(err, c.closeOpened())
	}
	address := net.JoinHostPort(h.address, strconv.Itoa(h.port))
	conn, err := m.tcp(ctx, c, h, address)
	if err != nil {
		return nil, errors.Join(err, c.closeOpened())
	}
	if err := conn.SetDeadline(m.Now().Add(h.timeout)); err != nil && h.jump == "" {
		return nil, errors.Join(err, conn.Close(), c.closeOpened())
	}
	inner, channels, requests, err := ssh.NewClientConn(conn, address, config)
	if err != nil {
		_ = conn.Close() // it may be closed already
		return nil, errors.Join(loginError(h, err), c.closeOpened())
	}
	if err := conn.SetDeadline(time.Time{}); err != nil && h.jump == "" {
		return nil, errors.Join(err, inner.Close(), c.closeOpened())
	}
	c.client = ssh.NewClient(inner, channels, requests)
	go c.keepAlive()
	return c, nil
}

// loginError words a failure as the ssh program does.
func loginError(h *sshHost, err error) error {
	var unknown *knownhosts.KeyError
	switch {
	case errors.As(err, &unknown) && len(unknown.Want) == 0:
		return value.Errorf("Host key verification failed: %s is not in %s (add it there, or set host_key_checking = False)", h.name, strings.Join(h.known, ", "))
	case errors.As(err, &unknown):
		return value.Errorf("Host key verification failed: the key of %s is another than the one in %s:%d", h.name, unknown.Want[0].Filename, unknown.Want[0].Line)
	case strings.Contains(err.Error(), "unable to authenticate"):
		return fmt.Errorf("%s@%s: Permission denied (publickey,password)", h.user, h.address)
	}
	return err
}

// tcp connects, through other hosts where ProxyJump names them.
func (m *Manager) tcp(ctx context.Context, c *sshClient, h *sshHost, address string) (net.Conn, error) {
	if h.jump == "" || h.jump == "none" {
		dialer := net.Dialer{Timeout: h.timeout}
		conn, err := dialer.DialContext(ctx, "tcp", address)
		if err != nil {
			return nil, fmt.Errorf("ssh: connect to host %s port %d: %w", h.address, h.port, err)
		}
		return conn, nil
	}
	hops := strings.Split(h.jump, ",")
	last := hops[len(hops)-1]
	s := target.Settings{Host: last, Address: last, Timeout: int(h.timeout.Seconds()), HostKeys: h.strict}
	if user, host, ok := strings.Cut(last, "@"); ok {
		s.User, s.Address = user, host
	}
	if host, port, err := net.SplitHostPort(s.Address); err == nil {
		s.Address = host
		if s.Port, err = strconv.Atoi(port); err != nil {
			return nil, fmt.Errorf("ProxyJump %s: %w", last, err)
		}
	}
	if len(hops) > 1 {
		s.SSHArgs = "-J " + strings.Join(hops[:len(hops)-1], ",")
	}
	jump, err := m.describe(s)
	if err != nil {
		return nil, err
	}
	through, err := m.sshClient(ctx, jump, "")
	if err != nil {
		return nil, fmt.Errorf("ProxyJump %s: %w", last, err)
	}
	client, ok := through.(*sshClient)
	if !ok {
		return nil, fmt.Errorf("ProxyJump %s needs the ssh program", last)
	}
	c.opened = append(c.opened, closerFunc(client.close))
	return client.client.DialContext(ctx, "tcp", address)
}

type closerFunc func() error

func (f closerFunc) Close() error { return f() }

func (m *Manager) clientConfig(c *sshClient, h *sshHost, password string) (*ssh.ClientConfig, error) {
	config := &ssh.ClientConfig{User: h.user, Timeout: h.timeout, HostKeyCallback: ssh.InsecureIgnoreHostKey()} // the user turned the check off
	if h.strict {
		var files []string
		for _, f := range h.known {
			if isFile(f) {
				files = append(files, f)
			}
		}
		check, err := knownhosts.New(files...)
		if err != nil {
			return nil, fmt.Errorf("known_hosts: %w", err)
		}
		config.HostKeyCallback = check
		config.HostKeyAlgorithms = algorithms(check, net.JoinHostPort(h.name, strconv.Itoa(h.port)))
	}
	if password == "" {
		config.Auth = append(config.Auth, ssh.PublicKeysCallback(func() ([]ssh.Signer, error) { return m.signers(c, h), nil }))
		return config, nil
	}
	config.Auth = []ssh.AuthMethod{
		ssh.PublicKeysCallback(func() ([]ssh.Signer, error) { return m.signers(c, h), nil }),
		ssh.Password(password),
		ssh.KeyboardInteractive(func(_, _ string, questions []string, _ []bool) ([]string, error) {
			answers := make([]string, len(questions))
			for i := range answers {
				answers[i] = password
			}
			return answers, nil
		}),
	}
	return config, nil
}

// algorithms are those of the keys that known_hosts has for a host: another key of
// the host must not count as a wrong one.
func algorithms(check ssh.HostKeyCallback, address string) []string {
	var probe *knownhosts.KeyError
	err := check(address, &net.TCPAddr{IP: net.IPv4zero}, noKey{})
	if !errors.As(err, &probe) {
		return nil
	}
	var out []string
	for _, k := range probe.Want {
		switch t := k.Key.Type(); t {
		case ssh.KeyAlgoRSA:
			out = append(out, ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256, t)
		default:
			out = append(out, t)
		}
	}
	return out
}

// noKey is a key that no host has.
type noKey struct{}

func (noKey) Type() string                        { return "none" }
func (noKey) Marshal() []byte                     { return []byte("none") }
func (noKey) Verify([]byte, *ssh.Signature) error { return errors.New("no key") }

// signers are the keys of the user's agent and files.
func (m *Manager) signers(c *sshClient, h *sshHost) []ssh.Signer {
	var out []ssh.Signer
	if socket := m.Getenv("SSH_AUTH_SOCK"); socket != "" {
		if conn, err := net.Dial("unix", socket); err == nil {
			c.opened = append(c.opened, conn)
			if found, err := agent.NewClient(conn).Signers(); err == nil {
				out = append(out, found...)
			}
		}
	}
	for _, path := range h.keys {
		data, err := os.ReadFile(path)
		if err != nil {
			continue // the next key may do
		}
		key, err := ssh.ParsePrivateKey(data)
		if err != nil {
			m.Warn(fmt.Sprintf("the key %s cannot be used: %s", path, err))
			continue
		}
		out = append(out, key)
	}
	return out
}

func (c *sshClient) keepAlive() {
	ticker := time.NewTicker(keepalive)
	defer ticker.Stop()
	for {
		select {
		case <-c.stop:
			return
		case <-ticker.C:
			if _, _, err := c.client.SendRequest("keepalive@openssh.com", true, nil); err != nil {
				_ = c.client.Close() // whoever uses it sees that it ended
				return
			}
		}
	}
}

func (c *sshClient) run(ctx context.Context, line string, stdin io.Reader, stdout, stderr io.Writer) error {
	session, err := c.client.NewSession()
	if err != nil {
		return err
	}
	defer session.Close() // Wait has told how it ended
	session.Stdin, session.Stdout, session.Stderr = stdin, stdout, stderr
	if err := session.Start("/bin/sh -c " + quote(line)); err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- session.Wait() }()
	select {
	case err = <-done:
	case <-ctx.Done():
		return ctx.Err()
	}
	var exit *ssh.ExitError
	if errors.As(err, &exit) {
		return &exitError{exit.ExitStatus()}
	}
	return err
}

func (c *sshClient) closeOpened() error {
	var errs []error
	for _, o := range c.opened {
		errs = append(errs, o.Close())
	}
	return errors.Join(errs...)
}

func (c *sshClient) close() error {
	close(c.stop)
	return errors.Join(c.client.Close(), c.closeOpened())
}
