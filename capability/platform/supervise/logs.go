package supervise

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// Log files rotate by size. The components hold them open for appending, so
// the content is copied away and the file cut to nothing: what is written
// between the two steps, a few microseconds, is lost.
const (
	logLimit   = 20 << 20
	logsKept   = 3
	rotateTick = time.Minute
)

func (s *Supervisor) rotateLogs(ctx context.Context) {
	tick := time.NewTicker(rotateTick)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			s.rotateOnce()
		}
	}
}

func (s *Supervisor) rotateOnce() {
	logs, err := filepath.Glob(filepath.Join(s.LogDir, "*.log"))
	if err != nil {
		s.Log.Error("cannot list the logs", "error", err)
	}
	for _, path := range logs {
		info, err := os.Stat(path)
		if err != nil || info.Size() < logLimit || filepath.Base(path) == "audit.log" { // the API server rotates that one
			continue
		}
		if err := rotate(path); err != nil {
			s.Log.Error("cannot rotate a log", "file", path, "error", err)
		}
	}
}

func rotate(path string) error {
	for i := logsKept - 1; i >= 1; i-- {
		older, newer := fmt.Sprintf("%s.%d", path, i+1), fmt.Sprintf("%s.%d", path, i)
		if err := os.Rename(newer, older); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(path+".1", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	if _, err := io.Copy(out, in); err != nil {
		return err
	}
	return os.Truncate(path, 0)
}

// tail returns up to limit bytes from the end of the file at path, "" where it cannot be read.
func tail(path string, limit int64) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return ""
	}
	text, err := io.ReadAll(io.NewSectionReader(f, max(0, info.Size()-limit), limit))
	if err != nil {
		return ""
	}
	return string(text)
}
