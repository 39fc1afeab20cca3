package progress

import (
	"bytes"
	"strings"
	"testing"
)

func TestBoardElsewhereSaysOnlyWhatStays(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	b := NewBoard(&out, false, 80)
	b.Show([]string{"• web", "  waits"})
	b.Say("ready  %s", "web")
	b.Close()
	if got := out.String(); got != "ready  web\n" {
		t.Errorf("got %q", got)
	}
}

func TestBoardLeavesNoLinesBehind(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	b := NewBoard(&out, true, 10)
	b.Show([]string{"• web", "a line that is too long"})
	b.Say("ready")
	b.Close()
	if got := screen(out.String()); got != "ready\n" {
		t.Errorf("the terminal shows %q", got)
	}
	if strings.Contains(out.String(), "too long") {
		t.Error("a line was not cut to the terminal's width")
	}
}

// screen plays the two control sequences that the board uses.
func screen(text string) string {
	var lines []string
	for text != "" {
		if rest, found := strings.CutPrefix(text, "\x1b["); found {
			up := 0
			for rest[0] != 'A' {
				up = up*10 + int(rest[0]-'0')
				rest = rest[1:]
			}
			lines = lines[:len(lines)-up]
			text = strings.TrimPrefix(rest[1:], "\x1b[J")
			continue
		}
		line, rest, _ := strings.Cut(text, "\n")
		lines = append(lines, line+"\n")
		text = rest
	}
	return strings.Join(lines, "")
}
