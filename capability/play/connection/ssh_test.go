package connection_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"garboard.dev/garboard/capability/play/connection"
	"garboard.dev/garboard/capability/play/connection/agent"
	"garboard.dev/garboard/capability/play/module/all"
	"garboard.dev/garboard/capability/play/target"
	"garboard.dev/garboard/host/program"
)

// TestMain makes the test's own program the agent that is copied to targets.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "play" && os.Args[2] == connection.AgentVerb {
		local := &connection.Local{Modules: all.Table(), Programs: program.Linux{}, Now: time.Now, Getenv: os.Getenv}
		if err := errors.Join(agent.Serve(context.Background(), os.Stdin, os.Stdout, local), local.Close()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// sshd starts a real OpenSSH server on loopback that lets the returned key in.
func sshd(t *testing.T) (port int, home string) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("SKIPPED: sshd needs root")
	}
	path := "/usr/sbin/sshd"
	if _, err := os.Stat(path); err != nil {
		t.Skip("SKIPPED: openssh-server is not installed")
	}
	dir := t.TempDir()
	home = filepath.Join(dir, "home")
	if err := errors.Join(os.MkdirAll(filepath.Join(home, ".ssh"), 0o700), os.MkdirAll("/run/sshd", 0o755)); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{filepath.Join(dir, "host"), filepath.Join(home, ".ssh", "id_ed25519")} {
		if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", file).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port = l.Addr().(*net.TCPAddr).Port
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "-D", "-e", "-f", "/dev/null", "-o", fmt.Sprintf("Port=%d", port), "-o", "ListenAddress=127.0.0.1", "-o", "HostKey="+filepath.Join(dir, "host"),
		"-o", "AuthorizedKeysFile="+filepath.Join(home, ".ssh", "id_ed25519.pub"), "-o", "StrictModes=no", "-o", "UsePAM=no", "-o", "PidFile=none")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	for range 200 {
		if c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			c.Close()
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	key, err := os.ReadFile(filepath.Join(dir, "host.pub"))
	if err != nil {
		t.Fatal(err)
	}
	known := fmt.Sprintf("[127.0.0.1]:%d %s", port, key)
	if err := os.WriteFile(filepath.Join(home, ".ssh", "known_hosts"), []byte(known), 0o600); err != nil {
		t.Fatal(err)
	}
	return port, home
}

func manager(t *testing.T, home string) *connection.Manager {
	t.Helper()
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	getenv := func(name string) string {
		if name == "SSH_AUTH_SOCK" {
			return ""
		}
		return os.Getenv(name)
	}
	m := connection.NewManager(context.Background(), connection.Outside{
		Programs: program.Linux{}, Now: time.Now, Getenv: getenv, Home: home, Executable: executable, Modules: all.Table(), HostKeys: true,
		Warn: func(text string) { t.Log(text) },
	})
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return m
}

func settings(port int) target.Settings {
	return target.Settings{Host: "h", Kind: "ssh", Address: "127.0.0.1", Port: port, User: "root", Timeout: 10, HostKeys: true}
}

// Modules, files and commands go over one connection, many at a time.
func TestSSH(t *testing.T) {
	t.Parallel()
	port, home := sshd(t)
	to, err := manager(t, home).Connect(t.Context(), settings(port))
	if err != nil {
		t.Fatal(err)
	}
	answers := make(chan error, 20)
	for i := range 20 {
		go func() {
			text := strings.Repeat(fmt.Sprint(i), 1000)
			args, err := json.Marshal(map[string]any{"data": text})
			if err == nil {
				var r map[string]any
				r, err = to.Module(t.Context(), target.Request{Module: "ansible.builtin.ping", Args: args})
				if err == nil && r["ping"] != text {
					err = fmt.Errorf("call %d was answered %v", i, r)
				}
			}
			answers <- err
		}()
	}
	for range 20 {
		if err := <-answers; err != nil {
			t.Error(err)
		}
	}
	content := bytes.Repeat([]byte("garboard\x00\xff"), 500_000)
	path := filepath.Join(t.TempDir(), "file")
	if err := to.Put(t.Context(), path, 0o640, bytes.NewReader(content)); err != nil {
		t.Fatal(err)
	}
	var back bytes.Buffer
	if err := to.Get(t.Context(), path, &back); err != nil || !bytes.Equal(back.Bytes(), content) {
		t.Errorf("%d bytes came back of %d, %v", back.Len(), len(content), err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("the file is %v, %v", info, err)
	}
	out, err := to.Command(t.Context(), target.Command{Line: "cat; echo err >&2; exit 3", Stdin: strings.NewReader("in")})
	if err != nil || out.Code != 3 || string(out.Stdout) != "in" || string(out.Stderr) != "err\n" {
		t.Errorf("the command gave %d, %q, %q, %v", out.Code, out.Stdout, out.Stderr, err)
	}
	if err := to.Get(t.Context(), "/nonexistent", io.Discard); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("a file that is not there gives %v", err)
	}
}

// A host whose key is not known is not talked to; a machine that is not there is unreachable.
func TestSSHRefusals(t *testing.T) {
	t.Parallel()
	port, home := sshd(t)
	for name, c := range map[string]struct {
		change func(s *target.Settings)
		home   string
		want   string
	}{
		"unknown key":  {func(*target.Settings) {}, t.TempDir(), "Host key verification failed"},
		"nobody":       {func(s *target.Settings) { s.Port = 1 }, home, "connect to host 127.0.0.1 port 1"},
		"no such user": {func(s *target.Settings) { s.User = "garboard-nobody" }, home, "Permission denied"},
	} {
		s := settings(port)
		c.change(&s)
		_, err := manager(t, c.home).Connect(t.Context(), s)
		var u *target.Unreachable
		if !errors.As(err, &u) || !strings.Contains(u.Reason, c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// A target that dies in the middle of a task is unreachable, at once.
func TestSSHDies(t *testing.T) {
	t.Parallel()
	port, home := sshd(t)
	to, err := manager(t, home).Connect(t.Context(), settings(port))
	if err != nil {
		t.Fatal(err)
	}
	_, err = to.Command(t.Context(), target.Command{Line: "kill -9 $PPID; sleep 10"})
	var u *target.Unreachable
	if !errors.As(err, &u) {
		t.Errorf("the task gives %v", err)
	}
	if _, err = to.Module(t.Context(), target.Request{Module: "ansible.builtin.ping", Args: []byte("{}")}); !errors.As(err, &u) {
		t.Errorf("the next task gives %v", err)
	}
}

// Another user runs the agent through sudo; a wrong password is said to be wrong.
func TestBecome(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("SKIPPED: becoming others needs root here")
	}
	if _, err := exec.LookPath("sudo"); err != nil {
		t.Skip("SKIPPED: sudo is not installed")
	}
	port, home := sshd(t)
	s := settings(port)
	s.Become, s.BecomeMethod, s.BecomeUser = true, "sudo", "nobody"
	to, err := manager(t, home).Connect(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	out, err := to.Command(t.Context(), target.Command{Argv: []string{"id", "-un"}})
	if err != nil || strings.TrimSpace(string(out.Stdout)) != "nobody" {
		t.Errorf("id says %q, %v", out.Stdout, err)
	}
	s.BecomeMethod = "pfexec"
	if _, err := manager(t, home).Connect(t.Context(), s); err == nil || !strings.Contains(err.Error(), "pfexec") {
		t.Errorf("an unknown method gives %v", err)
	}
}
