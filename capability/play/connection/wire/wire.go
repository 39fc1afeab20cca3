// Package wire is what the controller and the agent on a target say to each
// other over one pair of pipes: frames of many calls, side by side.
//
// A frame is a kind (1 byte), the number of its call (4 bytes, big endian), the
// length of its payload (4 bytes) and the payload. A call begins with a Request
// frame; Data frames follow in either direction, End ends a direction's data, and
// a Response frame ends the call.
package wire

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"sync"
)

// Hello is what an agent says first, so that the banners that login shells
// print before it can be told from it.
const Hello = "GARBOARD-AGENT-1\n"

// Kind is what a frame is.
type Kind byte

// The kinds of frames.
const (
	Request  Kind = 'R'
	Response Kind = 'A'
	Data     Kind = 'D'
	End      Kind = 'E'
	Cancel   Kind = 'C'
)

// MaxFrame bounds a payload: 64 MiB.
const MaxFrame = 64 << 20

// chunk is how much data one frame carries.
const chunk = 64 << 10

// Frame is one frame.
type Frame struct {
	Kind    Kind
	Call    uint32
	Payload []byte
}

// Conn reads and writes frames. Writing is safe for concurrent use.
type Conn struct {
	in  *bufio.Reader
	mu  sync.Mutex
	out *bufio.Writer
}

// New returns a Conn over two pipes.
func New(in io.Reader, out io.Writer) *Conn {
	return &Conn{in: bufio.NewReaderSize(in, chunk), out: bufio.NewWriterSize(out, chunk)}
}

// Read returns the next frame.
func (c *Conn) Read() (Frame, error) {
	var head [9]byte
	if _, err := io.ReadFull(c.in, head[:]); err != nil {
		return Frame{}, err
	}
	n := binary.BigEndian.Uint32(head[5:])
	if n > MaxFrame {
		return Frame{}, fmt.Errorf("a frame of %d bytes is larger than %d", n, MaxFrame)
	}
	f := Frame{Kind: Kind(head[0]), Call: binary.BigEndian.Uint32(head[1:5])}
	f.Payload = make([]byte, n)
	_, err := io.ReadFull(c.in, f.Payload)
	return f, err
}

// Write sends a frame.
func (c *Conn) Write(f Frame) error {
	if len(f.Payload) > MaxFrame {
		return fmt.Errorf("a message of %d bytes is larger than %d", len(f.Payload), MaxFrame)
	}
	var head [9]byte
	head[0] = byte(f.Kind)
	binary.BigEndian.PutUint32(head[1:5], f.Call)
	binary.BigEndian.PutUint32(head[5:], uint32(len(f.Payload)))
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, err := c.out.Write(head[:]); err != nil {
		return err
	}
	if _, err := c.out.Write(f.Payload); err != nil {
		return err
	}
	return c.out.Flush()
}

// WriteJSON sends v as a frame.
func (c *Conn) WriteJSON(kind Kind, call uint32, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return c.Write(Frame{Kind: kind, Call: call, Payload: data})
}

// Copy sends all of r as Data frames and an End.
func (c *Conn) Copy(call uint32, r io.Reader) error {
	buf := make([]byte, chunk)
	for {
		n, err := r.Read(buf)
		if n > 0 {
			if err := c.Write(Frame{Kind: Data, Call: call, Payload: buf[:n]}); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return c.Write(Frame{Kind: End, Call: call})
		}
		if err != nil {
			return err
		}
	}
}

// Call is the payload of a Request: one of its fields is set.
type Call struct {
	Module  json.RawMessage `json:"module,omitempty"` // target.Request
	Put     *Put            `json:"put,omitempty"`
	Get     *Get            `json:"get,omitempty"`
	Command *Command        `json:"command,omitempty"`
	Upload  bool            `json:"upload,omitempty"` // Data frames follow
}

// Put writes a file; its content follows as data.
type Put struct {
	Path string `json:"path"`
	Mode uint32 `json:"mode"`
}

// Get reads a file; its content comes as data.
type Get struct {
	Path string `json:"path"`
}

// Command runs a bare command; its standard input follows as data.
type Command struct {
	Line       string            `json:"line,omitempty"`
	Argv       []string          `json:"argv,omitempty"`
	Executable string            `json:"executable,omitempty"`
	Env        map[string]string `json:"env,omitempty"`
}

// Answer is the payload of a Response.
type Answer struct {
	Result json.RawMessage `json:"result,omitempty"` // module.Result
	Code   int             `json:"code,omitempty"`
	Stdout []byte          `json:"stdout,omitempty"`
	Stderr []byte          `json:"stderr,omitempty"`
	Error  string          `json:"error,omitempty"`
}
