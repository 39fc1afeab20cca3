package book

import (
	"maps"
	"slices"
	"strings"
)

// Keyword says how one keyword behaves.
type Keyword struct {
	Name    string
	Extends bool // a child's value is added to its parents' instead of replacing it
	Play    bool
	Role    bool
	Block   bool
	Task    bool
}

// keywords are the keywords of plays, role entries, blocks and tasks (upstream's
// "Playbook Keywords" page). What a play, a block or a task alone has stands
// behind the shared ones.
var keywords = table(
	shared("any_errors_fatal become become_exe become_flags become_method become_user check_mode collections connection "+
		"debugger diff ignore_errors ignore_unreachable no_log port remote_user run_once throttle timeout name"),
	extending("environment module_defaults vars tags"),
	only(Keyword{Role: true, Block: true, Task: true, Extends: true}, "when"),
	only(Keyword{Role: true, Block: true, Task: true}, "delegate_to delegate_facts"),
	only(Keyword{Block: true, Task: true}, "notify"),
	only(Keyword{Block: true}, "block rescue always"),
	only(Keyword{Play: true}, "hosts gather_facts gather_subset gather_timeout fact_path force_handlers handlers max_fail_percentage order "+
		"post_tasks pre_tasks roles serial strategy tasks vars_files vars_prompt"),
	only(Keyword{Task: true}, "action args async changed_when delay failed_when local_action loop loop_control poll register retries until listen"),
)

func shared(names string) []Keyword {
	return only(Keyword{Play: true, Role: true, Block: true, Task: true}, names)
}

func extending(names string) []Keyword {
	return only(Keyword{Play: true, Role: true, Block: true, Task: true, Extends: true}, names)
}

func only(like Keyword, names string) []Keyword {
	var out []Keyword
	for name := range strings.FieldsSeq(names) {
		like.Name = name
		out = append(out, like)
	}
	return out
}

func table(parts ...[]Keyword) map[string]Keyword {
	out := map[string]Keyword{}
	for _, k := range slices.Concat(parts...) {
		out[k.Name] = k
	}
	return out
}

// Reserved says whether a name is a keyword, so that no variable should have it.
func Reserved(name string) bool {
	_, ok := keywords[name]
	return ok || name == "private" || name == "public" || name == "loop" || name == "with_" || name == "role" || name == "import_playbook"
}

// Keywords returns all keywords, sorted by name.
func Keywords() []Keyword {
	return slices.SortedFunc(maps.Values(keywords), func(a, b Keyword) int { return strings.Compare(a.Name, b.Name) })
}
