package packages

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// sourcesFile and sourcesDir are where apt reads its sources (sources.list(5)).
const (
	sourcesFile = "/etc/apt/sources.list"
	sourcesDir  = "/etc/apt/sources.list.d"
)

// sourceLine is one line of a list of sources.
type sourceLine struct {
	raw     string // as the file has it, without the line's end
	valid   bool
	enabled bool
	source  string // with single blanks, without the comment
	comment string
}

var blanks = regexp.MustCompile(`\s+`)

// parseSource reads a line: "deb [options] URI suite component... # comment",
// or the same behind a #.
func parseSource(raw string) sourceLine {
	l := sourceLine{raw: raw, enabled: true}
	text := strings.TrimSpace(raw)
	if rest, ok := strings.CutPrefix(text, "#"); ok {
		l.enabled, text = false, rest
	}
	if before, comment, ok := strings.Cut(text, "#"); ok {
		text, l.comment = before, strings.TrimSpace(comment)
	}
	l.source = blanks.ReplaceAllString(strings.TrimSpace(text), " ")
	words := strings.SplitN(l.source, " ", 3)
	l.valid = len(words) > 1 && slices.Contains([]string{"deb", "deb-src"}, words[0])
	return l
}

// String is the line as it is written.
func (l sourceLine) String() string {
	if !l.valid {
		return l.raw
	}
	text := l.source
	if !l.enabled {
		text = "# " + text
	}
	if l.comment != "" {
		text += " # " + l.comment
	}
	return text
}

// sources are all lists of sources of a machine, by file.
type sources struct {
	files map[string][]sourceLine
	order []string
}

// readSources reads all lists of sources.
func readSources(main, dir string) (*sources, error) {
	s := &sources{files: map[string][]sourceLine{}}
	parts, err := filepath.Glob(filepath.Join(dir, "*.list"))
	if err != nil {
		return nil, err
	}
	for _, path := range append([]string{main}, parts...) {
		data, err := os.ReadFile(path)
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		s.order = append(s.order, path)
		s.files[path] = parseSources(string(data))
	}
	return s, nil
}

func parseSources(text string) []sourceLine {
	lines := []sourceLine{}
	for raw := range strings.Lines(text) {
		lines = append(lines, parseSource(strings.TrimRight(raw, "\r\n")))
	}
	return lines
}

func (s *sources) text(path string) string {
	var b strings.Builder
	for _, l := range s.files[path] {
		b.WriteString(l.String() + "\n")
	}
	return b.String()
}

// add makes sure that a source is there and in use: it is switched on where it
// stands, or appended to file.
func (s *sources) add(source, comment, file string) {
	found := false
	for _, path := range s.order {
		for i := range s.files[path] {
			l := &s.files[path][i]
			if !l.valid || l.source != source {
				continue
			}
			found, l.enabled = true, true
		}
	}
	if found {
		return
	}
	if _, ok := s.files[file]; !ok {
		s.order = append(s.order, file)
	}
	s.files[file] = append(s.files[file], sourceLine{valid: true, enabled: true, source: source, comment: comment})
}

// remove takes a source out of all lists.
func (s *sources) remove(source string) {
	for path, lines := range s.files {
		s.files[path] = slices.DeleteFunc(lines, func(l sourceLine) bool { return l.valid && l.enabled && l.source == source })
	}
}

var (
	optionsPart = regexp.MustCompile(`\[[^\]]+\]`)
	userPart    = regexp.MustCompile(`\w+:\w+@`)
	notWords    = regexp.MustCompile(`[^a-zA-Z0-9]`)
)

// suggested is the name of a list for a source, without its folder and ending:
// its URI in words.
func suggested(source string) string {
	source = optionsPart.ReplaceAllString(source, "")
	for _, word := range strings.Fields(source) {
		if word == "deb" || word == "deb-src" || word == "main" {
			continue
		}
		if _, rest, ok := strings.Cut(word, "://"); ok {
			word = rest
		}
		word = userPart.ReplaceAllString(word, "")
		return strings.Join(strings.Fields(notWords.ReplaceAllString(word, " ")), "_")
	}
	return ""
}
