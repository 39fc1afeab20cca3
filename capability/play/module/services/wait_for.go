package services

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"garboard.dev/garboard/capability/play/module"
	"garboard.dev/garboard/capability/play/module/attribute"
	"garboard.dev/garboard/capability/play/regex"
)

func waitFor() *module.Module {
	return &module.Module{
		Spec: module.Spec{
			Name: "ansible.builtin.wait_for", Summary: "Wait for a port, a file or a text", CheckMode: false,
			Options: []module.Option{
				{Name: "host", Default: "127.0.0.1", Help: "The host."},
				{Name: "timeout", Type: module.Int, Default: int64(300), Help: "Seconds to wait at most."},
				{Name: "connect_timeout", Type: module.Int, Default: int64(5), Help: "Seconds for one connection."},
				{Name: "delay", Type: module.Int, Default: int64(0), Help: "Seconds before the first look."},
				{Name: "port", Type: module.Int, Help: "The port."},
				{Name: "active_connection_states", Type: module.List, Elements: module.Str, Default: []any{"ESTABLISHED", "FIN_WAIT1", "FIN_WAIT2", "SYN_RECV", "SYN_SENT", "TIME_WAIT"}, Help: "States that count as connections with drained."},
				{Name: "path", Type: module.Path, Help: "The file."},
				{Name: "search_regex", Help: "What the file or the connection has to say."},
				{Name: "state", Default: "started", Choices: []any{"absent", "drained", "present", "started", "stopped"}, Help: "What to wait for."},
				{Name: "exclude_hosts", Type: module.List, Elements: module.Str, Help: "Hosts whose connections do not count with drained."},
				{Name: "sleep", Type: module.Int, Default: int64(1), Help: "Seconds between looks."},
				{Name: "msg", Help: "What to say instead of the usual where it takes too long."},
			},
			Rules: module.Rules{Exclusive: [][]string{{"path", "port"}}},
		},
		Run: attribute.Told(func(ctx context.Context, c *module.Call) (module.Result, error) {
			w := &waiting{ctx: ctx, c: c, host: c.Args.String("host"), path: c.Args.String("path"), port: c.Args.Int("port"), state: c.Args.String("state")}
			return w.run()
		}),
	}
}

type waiting struct {
	ctx               context.Context
	c                 *module.Call
	host, path, state string
	port              int64
	search            *regex.Regexp
	groups            []any
	named             map[string]any
}

func (w *waiting) run() (module.Result, error) {
	if err := w.check(); err != nil {
		return nil, err
	}
	started := w.c.Machine.Now()
	timeout := time.Duration(w.c.Args.Int("timeout")) * time.Second
	if err := wait(w.ctx, time.Duration(w.c.Args.Int("delay"))*time.Second); err != nil {
		return nil, err
	}
	elapsed := func() int64 { return int64(w.c.Machine.Now().Sub(started).Seconds()) }
	if w.port == 0 && w.path == "" && w.state != "drained" {
		if err := wait(w.ctx, timeout); err != nil {
			return nil, err
		}
		return w.result(elapsed()), nil
	}
	for {
		done, err := w.look()
		if err != nil {
			return nil, err
		}
		if done {
			return w.result(elapsed()), nil
		}
		if w.c.Machine.Now().Sub(started) >= timeout {
			return nil, &module.Failure{Message: w.late(), Result: module.Result{"elapsed": elapsed()}}
		}
		if err := wait(w.ctx, time.Duration(w.c.Args.Int("sleep"))*time.Second); err != nil {
			return nil, err
		}
	}
}

func (w *waiting) check() error {
	switch {
	case w.path != "" && w.state == "stopped":
		return errors.New("state=stopped should only be used for checking a port in the wait_for module")
	case w.path != "" && w.state == "drained":
		return errors.New("state=drained should only be used for checking a port in the wait_for module")
	case w.c.Args.Has("exclude_hosts") && w.state != "drained":
		return errors.New("exclude_hosts should only be with state=drained")
	}
	for _, s := range w.c.Args.Strings("active_connection_states") {
		if !slices.Contains(states, s) {
			return fmt.Errorf("unknown active_connection_state (%s) defined", s)
		}
	}
	if text := w.c.Args.String("search_regex"); text != "" {
		r, err := regex.Compile(text, regex.MultiLine)
		if err != nil {
			return err
		}
		w.search = r
	}
	return nil
}

func (w *waiting) result(elapsed int64) module.Result {
	out := module.Result{"state": w.state, "port": nil, "search_regex": nil, "match_groups": w.groups, "match_groupdict": w.named, "path": nil, "elapsed": elapsed}
	if w.port != 0 {
		out["port"] = w.port
	}
	if w.path != "" {
		out["path"] = w.path
	}
	if w.search != nil {
		out["search_regex"] = w.c.Args.String("search_regex")
	}
	if w.groups == nil {
		out["match_groups"], out["match_groupdict"] = []any{}, map[string]any{}
	}
	return out
}

// look says whether what is waited for has come.
func (w *waiting) look() (bool, error) {
	gone := w.state == "absent" || w.state == "stopped"
	switch {
	case w.state == "drained":
		return w.drained()
	case w.path != "":
		found, err := w.file()
		return found != gone, err
	}
	open, err := w.connect()
	return open != gone, err
}

func (w *waiting) file() (bool, error) {
	f, err := os.Open(w.path)
	if err != nil {
		_, statErr := os.Lstat(w.path)
		return statErr == nil && w.search == nil, nil
	}
	defer f.Close()
	if w.search == nil {
		return true, nil
	}
	data, err := io.ReadAll(io.LimitReader(f, 256<<20))
	if err != nil {
		return false, nil // it is looked at again
	}
	return w.matches(string(data))
}

func (w *waiting) matches(text string) (bool, error) {
	m, err := w.search.Search(text)
	if err != nil || m == nil {
		return false, err
	}
	w.groups, w.named = []any{}, map[string]any{}
	for i := 1; i <= w.search.Groups(); i++ {
		g, ok := m.Group(i)
		if !ok {
			w.groups = append(w.groups, nil)
			continue
		}
		w.groups = append(w.groups, g)
	}
	for name, i := range w.search.Names() {
		g, _ := m.Group(i)
		w.named[name] = g
	}
	return true, nil
}

func (w *waiting) connect() (bool, error) {
	limit := time.Duration(w.c.Args.Int("connect_timeout")) * time.Second
	dialer := net.Dialer{Timeout: limit}
	conn, err := dialer.DialContext(w.ctx, "tcp", net.JoinHostPort(w.host, strconv.FormatInt(w.port, 10)))
	if err != nil {
		return false, w.ctx.Err()
	}
	defer conn.Close()
	if w.search == nil {
		return true, nil
	}
	if err := conn.SetReadDeadline(w.c.Machine.Now().Add(limit)); err != nil {
		return false, err
	}
	var said strings.Builder
	buf := make([]byte, 1024)
	for said.Len() < 1<<20 {
		n, err := conn.Read(buf)
		said.Write(buf[:n])
		if found, matchErr := w.matches(said.String()); found || matchErr != nil {
			return found, matchErr
		}
		if err != nil {
			break
		}
	}
	return false, nil
}

// states are the states of connections by their numbers in /proc/net/tcp, from 1 on.
var states = []string{"ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT", "CLOSE", "CLOSE_WAIT", "LAST_ACK", "LISTEN", "CLOSING"}

// drained says that no connection to the port is left.
func (w *waiting) drained() (bool, error) {
	active := w.c.Args.Strings("active_connection_states")
	exclude := w.c.Args.Strings("exclude_hosts")
	for _, path := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		data, err := os.ReadFile(path)
		if err != nil {
			continue // a machine without IPv6 has no such file
		}
		for line := range strings.Lines(string(data)) {
			f := strings.Fields(line)
			if len(f) < 4 || f[0] == "sl" {
				continue
			}
			_, port, _ := strings.Cut(f[1], ":")
			n, err := strconv.ParseInt(port, 16, 64)
			state, err2 := strconv.ParseInt(f[3], 16, 64)
			if err != nil || err2 != nil || n != w.port || state < 1 || int(state) > len(states) || !slices.Contains(active, states[state-1]) {
				continue
			}
			remote, _, _ := strings.Cut(f[2], ":")
			if !slices.Contains(exclude, address(remote)) {
				return false, nil
			}
		}
	}
	return true, nil
}

// address reads an address as /proc/net/tcp has it: words of 4 bytes in the
// machine's order, which is little endian here.
func address(text string) string {
	raw := make([]byte, len(text)/2)
	for i := range raw {
		n, err := strconv.ParseUint(text[2*i:2*i+2], 16, 8)
		if err != nil {
			return ""
		}
		raw[i/4*4+3-i%4] = byte(n)
	}
	a, ok := netip.AddrFromSlice(raw)
	if !ok {
		return ""
	}
	return a.Unmap().String()
}

// late is what to say when it took too long.
func (w *waiting) late() string {
	if msg := w.c.Args.String("msg"); msg != "" {
		return msg
	}
	at := fmt.Sprintf("%s:%d", w.host, w.port)
	switch {
	case w.path != "" && w.state == "absent":
		return "Timeout when waiting for " + w.path + " to be absent."
	case w.path != "" && w.search != nil:
		return fmt.Sprintf("Timeout when waiting for search string %s in %s", w.c.Args.String("search_regex"), w.path)
	case w.path != "":
		return "Timeout when waiting for file " + w.path
	case w.state == "drained":
		return "Timeout when waiting for " + at + " to drain"
	case w.state == "absent" || w.state == "stopped":
		return "Timeout when waiting for " + at + " to stop."
	case w.search != nil:
		return fmt.Sprintf("Timeout when waiting for search string %s in %s", w.c.Args.String("search_regex"), at)
	}
	return "Timeout when waiting for " + at
}
