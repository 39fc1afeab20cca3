// Package agent is the side of a connection that runs on the target: it takes
// calls from one pipe, runs them side by side, and answers on another.
package agent

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"sync"

	"garboard.dev/garboard/capability/play/connection/wire"
	"garboard.dev/garboard/capability/play/target"
)

// Serve answers calls until in ends. on does the work.
func Serve(ctx context.Context, in io.Reader, out io.Writer, on target.Target) error {
	if _, err := io.WriteString(out, wire.Hello); err != nil {
		return err
	}
	s := &server{conn: wire.New(in, out), on: on, calls: map[uint32]*call{}}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	err := s.read(ctx)
	cancel()
	s.wg.Wait()
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}

type server struct {
	conn  *wire.Conn
	on    target.Target
	mu    sync.Mutex
	calls map[uint32]*call
	wg    sync.WaitGroup
}

// call is one call under way: data for it goes through a pipe, and is dropped
// when nobody reads it any more.
type call struct {
	cancel context.CancelFunc
	upload *io.PipeWriter
}

func (s *server) read(ctx context.Context) error {
	defer s.closeAll()
	for {
		f, err := s.conn.Read()
		if err != nil {
			return err
		}
		switch f.Kind {
		case wire.Request:
			s.begin(ctx, f)
		case wire.Data, wire.End, wire.Cancel:
			s.forward(f)
		}
	}
}

func (s *server) closeAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.calls {
		c.cancel()
		_ = c.upload.CloseWithError(io.ErrUnexpectedEOF) // never fails
	}
}

func (s *server) forward(f wire.Frame) {
	s.mu.Lock()
	c := s.calls[f.Call]
	s.mu.Unlock()
	if c == nil {
		return
	}
	switch f.Kind {
	case wire.Data:
		_, _ = c.upload.Write(f.Payload) // fails where nobody reads any more
	case wire.End:
		_ = c.upload.Close() // never fails
	case wire.Cancel:
		c.cancel()
		_ = c.upload.CloseWithError(context.Canceled) // never fails
	}
}

func (s *server) begin(ctx context.Context, f wire.Frame) {
	ctx, cancel := context.WithCancel(ctx)
	r, w := io.Pipe()
	s.mu.Lock()
	s.calls[f.Call] = &call{cancel: cancel, upload: w}
	s.mu.Unlock()
	s.wg.Go(func() {
		defer cancel()
		answer := s.do(ctx, f, r)
		_ = r.Close() // never fails; what still comes is dropped
		s.mu.Lock()
		delete(s.calls, f.Call)
		s.mu.Unlock()
		_ = s.conn.WriteJSON(wire.Response, f.Call, answer) // the reader sees a broken pipe too
	})
}

func (s *server) do(ctx context.Context, f wire.Frame, upload io.Reader) wire.Answer {
	var c wire.Call
	if err := json.Unmarshal(f.Payload, &c); err != nil {
		return wire.Answer{Error: err.Error()}
	}
	if !c.Upload {
		upload = nil
	}
	switch {
	case c.Module != nil:
		return s.module(ctx, c.Module, upload)
	case c.Put != nil:
		return failed(s.on.Put(ctx, c.Put.Path, fs.FileMode(c.Put.Mode), upload))
	case c.Get != nil:
		w := &dataWriter{s: s, call: f.Call}
		return failed(s.on.Get(ctx, c.Get.Path, w))
	case c.Command != nil:
		out, err := s.on.Command(ctx, target.Command{Line: c.Command.Line, Argv: c.Command.Argv, Executable: c.Command.Executable, Env: c.Command.Env, Stdin: upload})
		a := failed(err)
		a.Code, a.Stdout, a.Stderr = out.Code, out.Stdout, out.Stderr
		return a
	}
	return wire.Answer{Error: "an empty call"}
}

func failed(err error) wire.Answer {
	if err == nil {
		return wire.Answer{}
	}
	return wire.Answer{Error: err.Error()}
}

func (s *server) module(ctx context.Context, raw json.RawMessage, upload io.Reader) wire.Answer {
	var r target.Request
	if err := json.Unmarshal(raw, &r); err != nil {
		return wire.Answer{Error: err.Error()}
	}
	r.Upload = upload
	result, err := s.on.Module(ctx, r)
	if err != nil {
		return wire.Answer{Error: err.Error()}
	}
	data, err := json.Marshal(result)
	if err != nil {
		return wire.Answer{Error: err.Error()}
	}
	return wire.Answer{Result: data}
}

// dataWriter sends what is written to it as Data frames.
type dataWriter struct {
	s    *server
	call uint32
}

func (w *dataWriter) Write(p []byte) (int, error) {
	return len(p), w.s.conn.Write(wire.Frame{Kind: wire.Data, Call: w.call, Payload: p})
}
