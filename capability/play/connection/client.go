package connection

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"sync"

	"garboard.dev/garboard/capability/play/connection/wire"
	"garboard.dev/garboard/capability/play/module"
	"garboard.dev/garboard/capability/play/target"
)

// client is the controller's side of a connection to an agent.
type client struct {
	host  string
	conn  *wire.Conn
	close func() error
	said  func() string // what the connection's program said on standard error

	mu      sync.Mutex
	next    uint32
	waiting map[uint32]*waiting
	gone    error
}

// waiting is a call that has not been answered.
type waiting struct {
	answer chan wire.Answer
	data   io.Writer
}

// maxBanner bounds what a login shell may print before the agent says hello.
const maxBanner = 64 << 10

// dial waits for the agent's hello on out and returns a client that talks to it.
func dial(host string, in io.Writer, out io.Reader, closer func() error, said func() string) (*client, error) {
	buffered := bufio.NewReaderSize(out, 64<<10)
	for read := 0; ; {
		line, err := buffered.ReadString('\n')
		if line == wire.Hello {
			break
		}
		read += len(line)
		if err != nil || read > maxBanner {
			return nil, fmt.Errorf("the agent did not start: %s", strings.TrimSpace(said()+" "+line))
		}
	}
	c := &client{host: host, conn: wire.New(buffered, in), close: closer, said: said, waiting: map[uint32]*waiting{}}
	go c.read()
	return c, nil
}

func (c *client) read() {
	for {
		f, err := c.conn.Read()
		if err != nil {
			c.lose(err)
			return
		}
		c.mu.Lock()
		w := c.waiting[f.Call]
		c.mu.Unlock()
		if w == nil {
			continue
		}
		switch f.Kind {
		case wire.Data:
			if w.data != nil {
				if _, err := w.data.Write(f.Payload); err != nil {
					w.data = nil
				}
			}
		case wire.Response:
			var a wire.Answer
			if err := json.Unmarshal(f.Payload, &a); err != nil {
				a = wire.Answer{Error: err.Error()}
			}
			w.answer <- a
		}
	}
}

// lose ends all calls: the machine cannot be reached any more.
func (c *client) lose(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	reason := strings.TrimSpace(c.said())
	if reason == "" {
		reason = "the connection ended"
		if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			reason = err.Error()
		}
	}
	c.gone = &target.Unreachable{Host: c.host, Reason: fmt.Sprintf("Failed to connect to the host via %s: %s", "ssh", reason)}
	for _, w := range c.waiting {
		close(w.answer)
	}
	c.waiting = map[uint32]*waiting{}
}

func (c *client) lost() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.gone
}

// call does one call. upload is sent along; data takes what comes.
func (c *client) call(ctx context.Context, request wire.Call, upload io.Reader, data io.Writer) (wire.Answer, error) {
	w := &waiting{answer: make(chan wire.Answer, 1), data: data}
	c.mu.Lock()
	if c.gone != nil {
		c.mu.Unlock()
		return wire.Answer{}, c.gone
	}
	c.next++
	id := c.next
	c.waiting[id] = w
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		delete(c.waiting, id)
		c.mu.Unlock()
	}()
	request.Upload = upload != nil
	if err := c.conn.WriteJSON(wire.Request, id, request); err != nil {
		return wire.Answer{}, c.broken(err)
	}
	if upload != nil {
		if err := c.conn.Copy(id, upload); err != nil {
			return wire.Answer{}, c.broken(err)
		}
	}
	select {
	case a, ok := <-w.answer:
		if !ok {
			return wire.Answer{}, c.lost()
		}
		if a.Error != "" {
			return a, errors.New(a.Error)
		}
		return a, nil
	case <-ctx.Done():
		_ = c.conn.Write(wire.Frame{Kind: wire.Cancel, Call: id}) // the call ends anyway
		return wire.Answer{}, ctx.Err()
	}
}

func (c *client) broken(err error) error {
	if gone := c.lost(); gone != nil {
		return gone
	}
	return &target.Unreachable{Host: c.host, Reason: "Failed to connect to the host: " + err.Error()}
}

// Module runs a module on the target.
func (c *client) Module(ctx context.Context, r target.Request) (module.Result, error) {
	data, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	a, err := c.call(ctx, wire.Call{Module: data}, r.Upload, nil)
	if err != nil {
		return nil, err
	}
	out, err := module.Decode(a.Result)
	return out, err
}

// Put writes a file.
func (c *client) Put(ctx context.Context, path string, mode fs.FileMode, content io.Reader) error {
	_, err := c.call(ctx, wire.Call{Put: &wire.Put{Path: path, Mode: uint32(mode)}}, content, nil)
	return err
}

// Get copies a file's content to w.
func (c *client) Get(ctx context.Context, path string, w io.Writer) error {
	_, err := c.call(ctx, wire.Call{Get: &wire.Get{Path: path}}, nil, w)
	return err
}

// Command runs a command.
func (c *client) Command(ctx context.Context, cmd target.Command) (target.Output, error) {
	a, err := c.call(ctx, wire.Call{Command: &wire.Command{Line: cmd.Line, Argv: cmd.Argv, Executable: cmd.Executable, Env: cmd.Env}}, cmd.Stdin, nil)
	return target.Output{Code: a.Code, Stdout: a.Stdout, Stderr: a.Stderr}, err
}

// Close ends the connection.
func (c *client) Close() error { return c.close() }
