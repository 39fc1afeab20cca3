package files

import (
	"bytes"
	"os"
)

// diffLimit is how many bytes of a file a difference shows at most, as
// Ansible's setting max_file_size_for_diff has it.
const diffLimit = 104448

// diff shows the old and the new content where the task asks for it and the
// content came from the controller.
func (t *copyTask) diff(old present) map[string]any {
	if !t.c.Diff || t.folder || t.c.Args.Bool("remote_src") || t.sum == old.sum {
		return nil
	}
	d := map[string]any{"before": "", "after": ""}
	if _, err := os.Stat(t.dest); err == nil {
		shown(d, t.dest, "before", "dst", t.dest)
	}
	header := t.dest
	if !t.c.Args.Has("content") && t.src != "" {
		header = t.src
	}
	shown(d, t.source, "after", "src", header)
	return d
}

// shown adds one side of a difference: its text, or why it is not shown.
func shown(d map[string]any, path, side, short, header string) {
	info, err := os.Stat(path)
	if err != nil {
		return
	}
	if info.Size() > diffLimit {
		d[short+"_larger"] = int64(diffLimit)
		return
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return
	}
	if bytes.IndexByte(data, 0) >= 0 {
		d[short+"_binary"] = int64(1)
		return
	}
	d[side], d[side+"_header"] = string(data), header
}
