package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"garboard.dev/garboard/capability/play/book"
	"garboard.dev/garboard/capability/play/callback"
	"garboard.dev/garboard/capability/play/event"
	"garboard.dev/garboard/capability/play/source"
	"garboard.dev/garboard/capability/play/value"
	"garboard.dev/garboard/command"
	"garboard.dev/garboard/fault"
)

func adhocCommand(env *command.Env) *command.Command {
	return &command.Command{
		Name: "adhoc", Args: "[options] PATTERN", Summary: "Run one module on hosts", Raw: true, ExitCodes: exitCodes, Links: []string{"ansible"},
		Help:     "It takes the options of the command ansible.",
		Examples: "garboard play adhoc all -m ping\ngarboard play adhoc web -b -m apt -a 'name=nginx state=latest'",
		Run:      func(ctx context.Context, args []string) error { return adhoc(ctx, env, args) },
	}
}

// adhocOptions are those that only the command ansible has.
type adhocOptions struct {
	module, args, basedir, tree, taskTimeout string
	async, poll                              int
	oneLine, listing                         bool
}

func (a *adhocOptions) bind(f *pflag.FlagSet) {
	f.StringVarP(&a.module, "module-name", "m", "", "the module")
	f.StringVarP(&a.args, "args", "a", "", "its arguments as key=value or as a dictionary")
	f.IntVarP(&a.async, "background", "B", 0, "run in the background, for at most so many seconds")
	f.IntVarP(&a.poll, "poll", "P", 15, "seconds between looks at it")
	f.BoolVarP(&a.oneLine, "one-line", "o", false, "one line a host")
	f.StringVar(&a.basedir, "playbook-dir", "", "the folder that stands for a playbook's")
	f.StringVarP(&a.tree, "tree", "t", "", "write results to files in this `FOLDER`")
	f.StringVar(&a.taskTimeout, "task-timeout", "", "seconds for the task")
}

func adhoc(ctx context.Context, env *command.Env, args []string) error {
	o, a := &options{}, &adhocOptions{}
	f, err := parse("ansible", args, o.bind, a.bind)
	if errors.Is(err, pflag.ErrHelp) {
		fmt.Fprintf(env.Out, "usage: %s [options] PATTERN\n\n%s", env.Program, f.FlagUsages())
		return nil
	}
	if err == nil && o.version {
		return version(env)
	}
	if err == nil && f.NArg() != 1 {
		err = errors.New("the following arguments are required: pattern")
	}
	if err != nil {
		fmt.Fprintf(env.Err, "usage: %s [options] PATTERN\n%s: error: %s\n", env.Program, env.Program, err)
		return fault.ExitStatus(2)
	}
	s, err := open(ctx, env, o)
	if err != nil {
		return say(env, 1, err)
	}
	defer s.Close() // nothing that was done depends on it
	return s.adhoc(ctx, o, a, f.Arg(0))
}

func (s *opened) adhoc(ctx context.Context, o *options, a *adhocOptions, pattern string) error {
	dir := s.Dir
	if a.basedir != "" {
		dir = s.Path(a.basedir)
	}
	s.BesidePlaybook(dir)
	a.listing = o.listHosts
	play, err := s.adhocPlay(a, pattern, dir)
	if err != nil {
		return say(s.env, 1, err)
	}
	main := &callback.Minimal{Default: &callback.Default{Display: s.display, Options: callback.Options{SkippedHosts: true, OkHosts: true}}, OneLine: a.oneLine}
	sink := callback.Both{main}
	if a.tree != "" {
		sink = append(sink, &callback.Tree{Dir: s.Path(a.tree), Err: s.display.Warn})
	}
	r := s.Runner(sink)
	s.Tell = r.Tell
	if err := s.configure(ctx, r, o); err != nil {
		return say(s.env, 1, err)
	}
	view, err := r.View(ctx, play)
	if err != nil {
		return s.broken(err)
	}
	if o.listHosts {
		fmt.Fprintf(s.env.Out, "  hosts (%d):\n", len(view.Hosts))
		for _, h := range view.Hosts {
			fmt.Fprintf(s.env.Out, "    %s\n", h)
		}
		return nil
	}
	if len(view.Hosts) == 0 {
		s.Tell(event.Warning, "No hosts matched, nothing to do")
		return nil
	}
	outcome, err := r.Run(ctx, "__adhoc_playbook__", []*book.Play{play})
	if err != nil {
		return s.broken(err)
	}
	if code := outcome.Code(); code != 0 {
		return fault.ExitStatus(code)
	}
	return nil
}

func (s *opened) adhocPlay(a *adhocOptions, pattern, dir string) (*book.Play, error) {
	name := a.module
	if name == "" {
		name = s.Config.String("DEFAULT_MODULE_NAME")
	}
	fqcn, ok := s.Resolve(name, nil)
	if !ok {
		return nil, value.Errorf("couldn't resolve module/action '%s'. This often indicates a misspelling, missing collection, or incorrect module path.", name)
	}
	if fqcn == "ansible.builtin.import_playbook" {
		return nil, fmt.Errorf("'%s' is not a valid action for ad-hoc commands", name)
	}
	args, err := s.adhocArgs(fqcn, a.args, a.listing)
	if err != nil {
		return nil, err
	}
	keywords := map[string]value.Value{}
	if a.async > 0 {
		keywords["async"], keywords["poll"] = int64(a.async), int64(a.poll)
	}
	if a.taskTimeout != "" {
		keywords["timeout"] = a.taskTimeout
	}
	return s.Loader.AdHoc(pattern, dir, name, fqcn, args, keywords)
}

func (s *opened) adhocArgs(fqcn, text string, listing bool) (*value.Dict, error) {
	if strings.HasPrefix(text, "{") && !strings.HasPrefix(text, "{{") {
		node, err := source.Load("<command line>", []byte(text), s.YAML())
		if err != nil {
			return nil, err
		}
		if d, ok := node.Value().(*value.Dict); ok {
			return d, nil
		}
	}
	args, err := book.ParseArguments(fqcn, text, source.Position{})
	if err == nil && !listing && text == "" && (fqcn == "ansible.builtin.command" || fqcn == "ansible.builtin.shell" || fqcn == "ansible.builtin.script" || fqcn == "ansible.builtin.raw") {
		err = value.Errorf("No argument passed to %s module", strings.TrimPrefix(fqcn, "ansible.builtin."))
	}
	return args, err
}
