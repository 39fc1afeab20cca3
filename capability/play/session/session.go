// Package session puts the parts of the engine together for one controller:
// configuration, vaults, inventory, templates, modules, connections and output.
// The command line uses it, and so can whoever runs content without one.
package session

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"garboard.dev/garboard/capability/play/action"
	"garboard.dev/garboard/capability/play/book"
	"garboard.dev/garboard/capability/play/config"
	"garboard.dev/garboard/capability/play/connection"
	"garboard.dev/garboard/capability/play/event"
	"garboard.dev/garboard/capability/play/inventory"
	"garboard.dev/garboard/capability/play/module"
	"garboard.dev/garboard/capability/play/python"
	"garboard.dev/garboard/capability/play/run"
	"garboard.dev/garboard/capability/play/source"
	"garboard.dev/garboard/capability/play/template"
	"garboard.dev/garboard/capability/play/value"
	"garboard.dev/garboard/capability/play/vault"
	"garboard.dev/garboard/host/program"
)

// Outside is what a session uses of the process around it.
type Outside struct {
	Getenv     func(string) string
	Now        func() time.Time
	Dir        string // the working folder
	Home       string
	Executable string // this program, to be the agent on targets
	Programs   program.Runner
	Out, Err   io.Writer
	// Ask asks the person at the terminal; ok is false where nobody is there.
	Ask func(ctx context.Context, question string, secret bool) (answer string, ok bool, err error)
}

// pythonPath is where the controller's Python is, for content that asks.
const pythonPath = "/usr/bin/python3"

// Session is one controller at work.
type Session struct {
	Outside
	Config    *config.Config
	Keyring   *vault.Keyring
	Inventory *inventory.Inventory
	Loader    *book.Loader
	Engine    *template.Engine
	Modules   module.Table
	Actions   map[string]action.Action
	Extra     *value.Dict
	Tell      func(level event.Level, text string)

	ctx                                    context.Context
	sources                                []string
	libraries, besidePlaybook, utils, core []string
	connections                            *connection.Manager
	mu                                     sync.Mutex
	parsed                                 map[string]*parsedFile
}

type parsedFile struct {
	once sync.Once
	node *source.Node
	err  error
}

// New returns a session without inventory, which lives as long as ctx. modules are
// the native ones.
func New(ctx context.Context, out Outside, c *config.Config, modules *module.Listed) *Session {
	s := &Session{
		ctx:     ctx,
		Outside: out, Config: c, Keyring: &vault.Keyring{}, Modules: modules, Actions: action.Builtin(), Extra: value.NewDict(),
		Tell: func(event.Level, string) {}, parsed: map[string]*parsedFile{},
	}
	s.Engine = template.New(c.Bool("DEFAULT_JINJA2_NATIVE"), s.plugins(), omitted(out.Now()))
	s.core = python.CoreDirs(out.Home)
	s.Inventory = inventory.New(s.reader())
	s.Loader = &book.Loader{
		Read: s.Document, IsFile: isFile, IsDir: isDir, Resolve: s.Resolve, RolesPath: s.rolesPath(), CollectionRole: s.collectionRole, RoleFound: s.roleFound,
		Template: s.static, Warn: func(text string) { s.Tell(event.Warning, text) },
	}
	s.connections = connection.NewManager(ctx, connection.Outside{
		Programs: out.Programs, Now: out.Now, Getenv: out.Getenv, Home: out.Home, Executable: out.Executable, Modules: modules,
		HostKeys: c.Bool("HOST_KEY_CHECKING"), Warn: func(text string) { s.Tell(event.Warning, text) },
	})
	return s
}

// omitted is the value of the variable omit: text that nobody else writes.
func omitted(now time.Time) string {
	return fmt.Sprintf("__omit_place_holder__%x", now.UnixNano())
}

// Close ends connections.
func (s *Session) Close() error { return s.connections.Close() }

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.IsDir()
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// IsFile says whether path is a file.
func (s *Session) IsFile(path string) bool { return isFile(path) }

// IsDir says whether path is a folder.
func (s *Session) IsDir(path string) bool { return isDir(path) }

// Read returns a file's content, opened where it is a vault.
func (s *Session) Read(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil || !vault.Is(data) {
		return data, err
	}
	return s.Keyring.Decrypt(data, path)
}

// YAML says how YAML is read here.
func (s *Session) YAML() source.Options {
	o := source.Options{Decrypt: s.Keyring.Decrypt, Warn: func(text string) { s.Tell(event.Warning, text) }}
	switch s.Config.String("DUPLICATE_YAML_DICT_KEY") {
	case "ignore":
		o.Warn = nil
	case "error":
		o.NoDuplicates = true
	}
	return o
}

// Document parses a YAML file, once.
func (s *Session) Document(path string) (*source.Node, error) {
	s.mu.Lock()
	p, ok := s.parsed[path]
	if !ok {
		p = &parsedFile{}
		s.parsed[path] = p
	}
	s.mu.Unlock()
	p.once.Do(func() {
		data, err := os.ReadFile(path)
		if err != nil {
			p.err = value.Errorf("the playbook: %s could not be found", path)
			if !os.IsNotExist(err) {
				p.err = err
			}
			return
		}
		p.node, p.err = source.Load(path, data, s.YAML())
	})
	return p.node, p.err
}

// Vars reads a file of variables.
func (s *Session) Vars(path string) (*value.Dict, error) {
	node, err := s.Document(path)
	if err != nil {
		return nil, err
	}
	if node == nil || node.Kind() == source.Null {
		return value.NewDict(), nil
	}
	d, ok := node.Value().(*value.Dict)
	if !ok {
		return nil, value.Errorf("%s must be stored as a dictionary/hash", path)
	}
	return d, nil
}

func (s *Session) reader() inventory.Reader {
	return inventory.Reader{
		Python: pythonPath, ReadFile: s.Read, IsDir: isDir, IsFile: isFile,
		ReadDir: func(path string) ([]string, bool, error) {
			entries, err := os.ReadDir(path)
			names := make([]string, len(entries))
			for i, e := range entries {
				names[i] = e.Name()
			}
			return names, true, err
		},
		Executable: func(path string) bool {
			info, err := os.Stat(path)
			return err == nil && info.Mode()&0o111 != 0
		},
		Run: s.output,
		Load: func(path string) (value.Value, error) {
			node, err := s.Document(path)
			if err != nil || node == nil {
				return nil, err
			}
			return node.Value(), nil
		},
		Parse: func(path string, data []byte) (value.Value, error) {
			node, err := source.Load(path, data, s.YAML())
			if err != nil || node == nil {
				return nil, err
			}
			return node.Value(), nil
		},
	}
}

// maxScript bounds what a program of the user's may print: 512 MiB.
const maxScript = 512 << 20

// output runs a program of the user's and returns what it prints.
func (s *Session) output(path string, args ...string) ([]byte, error) {
	full, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	return program.Output(s.context(), s.Programs, program.Command{Name: full, Args: args, Dir: filepath.Dir(full)}, maxScript)
}

// AddInventory adds inventory sources and the variables beside them.
func (s *Session) AddInventory(sources ...string) error {
	for _, src := range sources {
		if src == "" {
			continue
		}
		if !strings.Contains(src, ",") && !filepath.IsAbs(src) {
			src = filepath.Join(s.Dir, src)
		}
		if err := s.addSource(src); err != nil {
			return err
		}
	}
	return nil
}

func (s *Session) addSource(src string) error {
	if err := s.Inventory.Source(src); err != nil {
		if s.Config.Bool("INVENTORY_ANY_UNPARSED_IS_FATAL") {
			return err
		}
		s.Tell(event.Warning, err.Error())
		return nil
	}
	s.sources = append(s.sources, src)
	dir := src
	if !isDir(src) {
		dir = filepath.Dir(src)
	}
	if !strings.Contains(src, ",") {
		s.Inventory.Folder(dir)
	}
	return nil
}

// static templates a name that is needed before hosts are known.
func (s *Session) static(v value.Value, vars []*value.Dict) (value.Value, error) {
	known := append([]*value.Dict{}, vars...)
	known = append(known, s.Extra)
	return s.Engine.Value(s.context(), v, &template.Scope{Vars: layered(known), BaseDir: s.Dir, Dirs: []string{s.Dir}})
}

// layered are variables of which the last count most.
type layered []*value.Dict

// Lookup returns a variable.
func (l layered) Lookup(name string) (value.Value, bool) {
	for i := len(l) - 1; i >= 0; i-- {
		if l[i] == nil {
			continue
		}
		if v, ok := l[i].Str(name); ok {
			return v, true
		}
	}
	return nil, false
}

// Names returns all names.
func (l layered) Names() []string {
	var out []string
	for _, d := range l {
		for k := range d.All() {
			out = append(out, value.Str(k))
		}
	}
	return out
}

// Runner returns a runner over the session's inventory.
func (s *Session) Runner(sink event.Sink) *run.Runner {
	c := s.Config
	return &run.Runner{
		Loader: s.Loader, Inventory: s.Inventory, Engine: s.Engine, Actions: s.Actions, Modules: s.Modules,
		Foreign: s.foreign, Connect: s.connections.Connect, Reset: s.connections.Reset, Sink: sink, Files: s, ExtraVars: s.Extra,
		Diff: c.Bool("DIFF_ALWAYS"), Forks: c.Int("DEFAULT_FORKS"), MergeHashes: c.String("DEFAULT_HASH_BEHAVIOUR") == "merge",
		Now: s.Now, Home: s.Home, Source: s.YAML(), Ask: s.Ask, Settings: s.settings(), Refresh: s.refresh, FactCache: s.factCache(),
		Options: run.Options{
			Gathering: c.String("DEFAULT_GATHERING"), GatherSubset: c.List("DEFAULT_GATHER_SUBSET"), GatherTimeout: int64(c.Int("DEFAULT_GATHER_TIMEOUT")),
			FactPath: c.Path("DEFAULT_FACT_PATH"), ForceHandlers: c.Bool("DEFAULT_FORCE_HANDLERS"), AnyErrorsFatal: c.Bool("ANY_ERRORS_FATAL"),
			Strategy: c.String("DEFAULT_STRATEGY"), ErrorOnMissing: c.Bool("ERROR_ON_MISSING_HANDLER"), InjectFacts: c.Bool("INJECT_FACTS_AS_VARS"),
			LoopOnBlocks: c.Bool("LOOPS_ON_BLOCKS"), TaskTimeout: int64(c.Int("TASK_TIMEOUT")), NoLog: c.Bool("DEFAULT_NO_LOG"),
			Managed: c.String("DEFAULT_MANAGED_STR"),
		},
		Defaults: run.Defaults{
			Connection: c.String("DEFAULT_TRANSPORT"), User: c.String("DEFAULT_REMOTE_USER"), PrivateKey: c.Path("DEFAULT_PRIVATE_KEY_FILE"),
			Port: int64(c.Int("DEFAULT_REMOTE_PORT")), Timeout: int64(c.Int("DEFAULT_TIMEOUT")), Become: c.Bool("DEFAULT_BECOME"),
			BecomeMethod: c.String("DEFAULT_BECOME_METHOD"), BecomeUser: c.String("DEFAULT_BECOME_USER"),
			BecomeFlags: c.String("DEFAULT_BECOME_FLAGS"), BecomeExe: c.String("DEFAULT_BECOME_EXE"),
		},
	}
}

// settings are the variables that the controller gives.
func (s *Session) settings() map[string]value.Value {
	out := map[string]value.Value{"ansible_playbook_python": pythonPath, "ansible_inventory_sources": value.FromGo(s.sources)}
	if s.Config.File != "" {
		out["ansible_config_file"] = s.Config.File
	}
	if len(s.sources) > 0 && !strings.Contains(s.sources[0], ",") {
		first := s.sources[0]
		out["inventory_file"] = first
		out["inventory_dir"] = filepath.Dir(first)
		if isDir(first) {
			out["inventory_dir"] = first
		}
	}
	return out
}

// refresh reads the inventory again.
func (s *Session) refresh() error {
	s.mu.Lock()
	s.parsed = map[string]*parsedFile{}
	s.mu.Unlock()
	for _, src := range s.sources {
		if err := s.Inventory.Source(src); err != nil {
			return err
		}
	}
	return nil
}

func (s *Session) rolesPath() []string { return s.Config.Paths("DEFAULT_ROLES_PATH") }

// context is for what ends by itself soon.
func (s *Session) context() context.Context { return s.ctx }
