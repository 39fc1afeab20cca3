package progress_test

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"

	"garboard.dev/garboard/command/progress"
)

// clock moves by a second at each look.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) tick() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(time.Second)
	return c.now
}

func TestPlainLines(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	s := progress.New(&b, (&clock{}).tick, false, 80, false)
	etcd := s.Start("etcd %s", "v3")
	etcd.Detail("waits for the disk")
	kubelet := s.Start("kubelet")
	etcd.Done("ready")
	kubelet.Fail("no memory")
	s.Close()
	want := "ok     etcd v3  ready (2.0s)\nFAILED kubelet  no memory (2.0s)\n"
	if b.String() != want {
		t.Errorf("printed %q, want %q", &b, want)
	}
}

func TestQuiet(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	s := progress.New(&b, (&clock{}).tick, true, 80, true)
	s.Start("etcd").Done("")
	if b.Len() > 0 {
		t.Errorf("a good step says %q", &b)
	}
	s.Start("kubelet").Fail("no memory")
	if !strings.Contains(b.String(), "kubelet  no memory") {
		t.Errorf("a bad step says %q", &b)
	}
}

func TestTerminal(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	s := progress.New(&b, (&clock{}).tick, true, 20, false)
	step := s.Start("etcd")
	step.Detail("waits for a thing with a very long name\nand more")
	step.Done("")
	s.Close()
	s.Close() // a second time does nothing
	lines := strings.Split(b.String(), "\n")
	for _, l := range lines {
		if n := len([]rune(strings.TrimPrefix(l, "\x1b[1A\x1b[J"))); n > 20 && !strings.Contains(l, "✓") {
			t.Errorf("the line %q has %d columns", l, n)
		}
	}
	if !strings.Contains(b.String(), "✓ etcd") {
		t.Errorf("the end is not shown: %q", &b)
	}
}
