package run

import (
	"strings"
	"sync"
	"sync/atomic"

	"garboard.dev/garboard/capability/play/book"
	"garboard.dev/garboard/capability/play/value"
)

// hostState is what a run knows of one host beside its inventory. Dictionaries
// are replaced and never changed: tasks of other hosts read them meanwhile.
type hostState struct {
	facts    atomic.Pointer[value.Dict] // as modules named them, with ansible_ before most
	included atomic.Pointer[value.Dict] // include_vars
	set      atomic.Pointer[value.Dict] // set_fact and register
	named    atomic.Pointer[namedFacts] // ansible_facts, made when it is asked for

	mu       sync.Mutex
	layers   []*value.Dict // of the inventory
	loaded   bool
	notified map[*book.Task]bool

	// What follows belongs to the strategy alone.
	cursor      *cursor
	roles       map[string]bool // done, by their keys
	failed      bool            // and no block rescued it
	unreachable bool
	ended       bool // meta: end_host
}

type namedFacts struct{ raw, named *value.Dict }

func newHostState() *hostState {
	s := &hostState{}
	s.facts.Store(value.NewDict())
	s.included.Store(value.NewDict())
	s.set.Store(value.NewDict())
	return s
}

// begin puts the host at the beginning of a play.
func (s *hostState) begin(p *playRun, items []book.Item) {
	s.roles = map[string]bool{}
	s.notified = map[*book.Task]bool{}
	s.failed, s.unreachable, s.ended = false, false, false
	s.cursor = newCursor(items, func(t *book.Task) bool {
		if t.Role != nil && s.roles[t.Role.Key] && !t.Role.AllowDuplicates && !t.Handler {
			return false
		}
		return p.takes(t)
	}, func(t *book.Task) bool { return s.isNotified(t) })
}

// gone says that the host runs nothing more in this play.
func (s *hostState) gone() bool {
	return s.unreachable || s.ended || len(s.cursor.levels) == 0
}

func (s *hostState) isNotified(t *book.Task) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.notified[t]
}

// notify marks a handler and says whether that is new.
func (s *hostState) notify(t *book.Task) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.notified[t] {
		return false
	}
	s.notified[t] = true
	return true
}

func (s *hostState) forget(t *book.Task) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.notified, t)
}

// merge gives p's dictionary more entries.
func merge(p *atomic.Pointer[value.Dict], more *value.Dict) {
	for {
		old := p.Load()
		out := old.Copy()
		for k, v := range more.All() {
			out.Set(k, v)
		}
		if p.CompareAndSwap(old, out) {
			return
		}
	}
}

func setOne(p *atomic.Pointer[value.Dict], name string, v value.Value) {
	merge(p, value.DictOf(name, v))
}

// ansibleFacts is the variable ansible_facts: names without ansible_ before them.
func (s *hostState) ansibleFacts() *value.Dict {
	raw := s.facts.Load()
	if n := s.named.Load(); n != nil && n.raw == raw {
		return n.named
	}
	out := value.NewDict()
	for k, v := range raw.All() {
		name := value.Str(k)
		if name != "ansible_local" {
			name = strings.TrimPrefix(name, "ansible_")
		}
		out.SetStr(name, v)
	}
	s.named.Store(&namedFacts{raw: raw, named: out})
	return out
}

// injected are the facts that are variables of their own: not those that would
// decide how the host is reached or what is run there.
func injected(name string) bool {
	if strings.HasSuffix(name, "_interpreter") {
		return strings.HasPrefix(name, "discovered_interpreter_")
	}
	switch name {
	case "ansible_connection", "ansible_host", "ansible_port", "ansible_user", "ansible_password", "ansible_shell_type", "ansible_shell_executable",
		"ansible_become", "ansible_become_user", "ansible_become_method", "ansible_become_password", "ansible_become_pass", "ansible_become_exe",
		"ansible_become_flags", "ansible_ssh_private_key_file", "ansible_private_key_file", "ansible_remote_tmp", "ansible_pipelining",
		"ansible_facts", "hostvars", "groups", "group_names", "inventory_hostname", "omit", "play_hosts":
		return false
	}
	return !strings.HasPrefix(name, "ansible_ssh_") || strings.HasPrefix(name, "ansible_ssh_host_key_")
}
