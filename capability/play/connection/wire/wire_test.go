package wire

import (
	"bytes"
	"io"
	"strings"
	"testing"
)

func TestFrames(t *testing.T) {
	t.Parallel()
	var pipe bytes.Buffer
	w := New(strings.NewReader(""), &pipe)
	if err := w.WriteJSON(Request, 7, Call{Get: &Get{Path: "/x"}}); err != nil {
		t.Fatal(err)
	}
	content := strings.Repeat("x", chunk+10)
	if err := w.Copy(7, strings.NewReader(content)); err != nil {
		t.Fatal(err)
	}
	r := New(&pipe, io.Discard)
	if f, err := r.Read(); err != nil || f.Kind != Request || f.Call != 7 || string(f.Payload) != `{"get":{"path":"/x"}}` {
		t.Errorf("%v, %v", f, err)
	}
	var got strings.Builder
	for {
		f, err := r.Read()
		if err != nil {
			t.Fatal(err)
		}
		if f.Kind == End {
			break
		}
		got.Write(f.Payload)
	}
	if got.String() != content {
		t.Errorf("%d bytes came of %d", got.Len(), len(content))
	}
	if _, err := r.Read(); err != io.EOF {
		t.Errorf("behind the end: %v", err)
	}
}

// A length that nobody may send is refused before memory is taken for it.
func TestTooLarge(t *testing.T) {
	t.Parallel()
	r := New(strings.NewReader("D\x00\x00\x00\x01\xff\xff\xff\xff"), io.Discard)
	if _, err := r.Read(); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("%v", err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("D\x00\x00\x00\x01\x00\x00\x00\x01x"))
	f.Fuzz(func(_ *testing.T, data []byte) {
		r := New(bytes.NewReader(data), io.Discard)
		for {
			if _, err := r.Read(); err != nil {
				return
			}
		}
	})
}
