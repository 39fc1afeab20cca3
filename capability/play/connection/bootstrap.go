package connection

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"garboard.dev/garboard/capability/play/value"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"garboard.dev/garboard/capability/play/target"
)

// transport runs command lines on a machine.
type transport interface {
	// run runs a line with the machine's shell. The error is *exitError where the
	// command ended with another code than 0.
	run(ctx context.Context, line string, stdin io.Reader, stdout, stderr io.Writer) error
	close() error
}

// exitError is a command's exit code.
type exitError struct{ code int }

func (e *exitError) Error() string { return fmt.Sprintf("exit code %d", e.code) }

// missing is the code by which the starting line says that the agent is not there.
const missing = 97

// agentFile is the program that is copied to targets.
type agentFile struct {
	path string
	once sync.Once
	hash string
	err  error
}

// newAgentFile finds the program: the small agent beside this program where there
// is one, else this program itself.
func newAgentFile(executable string) *agentFile {
	if small := filepath.Join(filepath.Dir(executable), "garboard-agent"); isFile(small) {
		return &agentFile{path: small}
	}
	return &agentFile{path: executable}
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

func (a *agentFile) sum() (string, error) {
	a.once.Do(func() {
		f, err := os.Open(a.path)
		if err != nil {
			a.err = err
			return
		}
		defer f.Close()
		h := sha256.New()
		_, a.err = io.Copy(h, f)
		a.hash = hex.EncodeToString(h.Sum(nil))
	})
	return a.hash, a.err
}

// folder is where the agent lies on a target: in the user's own cache, or where
// the user that is become can start it, but nobody else can change it.
func folder(s target.Settings) string {
	if s.Become && s.BecomeUser != "" && s.BecomeUser != "root" {
		return `/var/tmp/.garboard-$(id -u)`
	}
	return `"${XDG_CACHE_HOME:-$HOME/.cache}"/garboard`
}

// startLine starts the agent that lies in a folder, as another user where that is asked for.
func startLine(dir, hash string, s target.Settings, prompt string) (string, error) {
	start, err := becomeLine(s, `"$f" play `+AgentVerb, prompt)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf(`f=%s/agent-%s; if [ -x "$f" ] && [ -O "$f" ]; then exec %s; fi; exit %d`, dir, hash[:32], start, missing), nil
}

// pushLine takes the agent from standard input, and keeps it only if it came whole.
func pushLine(dir, hash string) string {
	return fmt.Sprintf(`set -e; umask 022; d=%s; mkdir -p "$d"; [ -O "$d" ] && [ ! -L "$d" ]; chmod 0711 "$d"; f="$d"/agent-%s; t="$f".$$; trap 'rm -f "$t"' EXIT; cat >"$t"; `+
		`s=$(sha256sum <"$t"); [ "${s%%%% *}" = %s ]; chmod 0755 "$t"; mv -f "$t" "$f"`, dir, hash[:32], hash)
}

// quote makes text one word of a shell.
func quote(t string) string { return "'" + strings.ReplaceAll(t, "'", `'\''`) + "'" }

// becomeLine wraps a command so that another user runs it.
func becomeLine(s target.Settings, command, prompt string) (string, error) {
	if !s.Become {
		return command, nil
	}
	user := s.BecomeUser
	if user == "" {
		user = "root"
	}
	exe, flags := s.BecomeExe, s.BecomeFlags
	or := func(text, otherwise string) string {
		if text == "" {
			return otherwise
		}
		return text
	}
	switch method := or(s.BecomeMethod, "sudo"); method {
	case "sudo":
		flags = or(flags, "-H -S -n")
		if s.BecomePassword != "" {
			flags = strings.TrimSpace(strings.ReplaceAll(" "+flags+" ", " -n ", " ")) + " -p " + quote(prompt)
		}
		return fmt.Sprintf("%s %s -u %s %s", or(exe, "sudo"), flags, quote(user), command), nil
	case "doas":
		return fmt.Sprintf("%s %s -u %s %s", or(exe, "doas"), or(flags, "-n"), quote(user), command), nil
	case "runuser":
		return fmt.Sprintf("%s %s -u %s -- %s", or(exe, "runuser"), flags, quote(user), command), nil
	case "su":
		if s.BecomePassword != "" {
			return "", errors.New("become_method su takes its password from a terminal only, which the agent has not: use sudo, or su from root")
		}
		return fmt.Sprintf(`%s %s %s -s /bin/sh -c "exec $f play %s"`, or(exe, "su"), flags, quote(user), AgentVerb), nil
	default:
		return "", fmt.Errorf("the become plugin '%s' was not found: there are sudo, su, doas and runuser", method)
	}
}

// agentOn starts the agent on a machine, and copies it there before where it is not yet.
func (m *Manager) agentOn(ctx context.Context, t transport, s target.Settings) (target.Target, error) {
	hash, err := m.agent.sum()
	if err != nil {
		return nil, err
	}
	dir := folder(s)
	for attempt := 0; ; attempt++ {
		c, err := m.start(ctx, t, s, dir, hash)
		var exit *exitError
		if err == nil || !errors.As(err, &exit) || exit.code != missing || attempt > 0 {
			return c, err
		}
		if err := m.push(ctx, t, dir, hash); err != nil {
			return nil, err
		}
	}
}

func (m *Manager) push(ctx context.Context, t transport, dir, hash string) error {
	f, err := os.Open(m.agent.path)
	if err != nil {
		return err
	}
	defer f.Close()
	var said bytes.Buffer
	if err := t.run(ctx, pushLine(dir, hash), f, io.Discard, &said); err != nil {
		return fmt.Errorf("copy the agent: %s: %w", strings.TrimSpace(said.String()), err)
	}
	return nil
}

// start starts the agent and waits for its hello.
func (m *Manager) start(ctx context.Context, t transport, s target.Settings, dir, hash string) (target.Target, error) {
	prompt, err := promptText()
	if err != nil {
		return nil, err
	}
	line, err := startLine(dir, hash, s, prompt)
	if err != nil {
		return nil, err
	}
	return serve(ctx, t, s, line, prompt)
}

// serve runs a line that becomes an agent, and gives the password where the line asks for it.
func serve(ctx context.Context, t transport, s target.Settings, line, prompt string) (target.Target, error) {
	inR, inW := io.Pipe()
	outR, outW := io.Pipe()
	said := &prompts{
		marker: prompt,
		answer: func() { _, _ = io.WriteString(inW, s.BecomePassword+"\n") }, // a broken pipe is seen by the reader
		refuse: func() { _ = inW.Close() },                                   // the program gives up then
	}
	ended := make(chan error, 1)
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		err := t.run(ctx, line, inR, outW, said)
		_ = outW.CloseWithError(io.ErrUnexpectedEOF) // never fails
		_ = inR.CloseWithError(io.ErrClosedPipe)     // never fails
		ended <- err
	}()
	closer := func() error {
		_ = inW.Close() // the agent ends then
		err := <-ended
		cancel()
		return errors.Join(ignoreExit(err), t.close())
	}
	c, err := dial(s.Host, inW, outR, closer, said.String)
	if err == nil {
		return c, nil
	}
	_ = inW.Close() // it has not started
	cancel()
	exit := <-ended
	switch method := s.BecomeMethod; {
	case said.refused():
		return nil, value.Errorf("Incorrect %s password", method)
	case s.Become && strings.Contains(said.String(), "a password is required"):
		return nil, value.Errorf("Missing %s password", method)
	case exit != nil:
		return nil, fmt.Errorf("%w: %w", err, exit)
	}
	return nil, err
}

func ignoreExit(err error) error {
	var exit *exitError
	if errors.As(err, &exit) {
		return nil
	}
	return err
}

func promptText() (string, error) {
	var raw [12]byte
	_, err := rand.Read(raw[:])
	return "[garboard " + hex.EncodeToString(raw[:]) + "] password:", err
}

// prompts keeps the end of what a connection says on standard error, and answers
// the prompt for a password once.
type prompts struct {
	marker string
	answer func()
	refuse func()

	mu    sync.Mutex
	said  []byte
	asked bool
	wrong bool // it asked again
}

// refused says that the password was wrong.
func (p *prompts) refused() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.wrong
}

// maxSaid is how much of standard error is kept.
const maxSaid = 8192

// Write implements io.Writer.
func (p *prompts) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.said = append(p.said, b...)
	if at := bytes.Index(p.said, []byte(p.marker)); at >= 0 {
		p.said = append(p.said[:at], p.said[at+len(p.marker):]...)
		if p.asked {
			p.wrong = true
			go p.refuse()
		} else {
			p.asked = true
			go p.answer()
		}
	}
	if over := len(p.said) - maxSaid; over > 0 {
		p.said = append(p.said[:0], p.said[over:]...)
	}
	return len(b), nil
}

// String is what was said.
func (p *prompts) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return string(p.said)
}
