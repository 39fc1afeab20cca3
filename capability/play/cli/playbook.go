package cli

import (
	"context"
	"errors"
	"fmt"
	"garboard.dev/garboard/capability/play/value"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"garboard.dev/garboard/capability/play/book"
	"garboard.dev/garboard/capability/play/callback"
	"garboard.dev/garboard/capability/play/event"
	"garboard.dev/garboard/capability/play/run"
	"garboard.dev/garboard/capability/play/source"
	"garboard.dev/garboard/command"
	"garboard.dev/garboard/fault"
)

// playbook is ansible-playbook.
func playbook(ctx context.Context, env *command.Env, args []string) error {
	o := &options{}
	f, err := parse("ansible-playbook", args, o.bind, o.bindPlaybook)
	if errors.Is(err, pflag.ErrHelp) {
		fmt.Fprintf(env.Out, "usage: %s [options] PLAYBOOK...\n\n%s", env.Program, f.FlagUsages())
		return nil
	}
	if err != nil {
		fmt.Fprintf(env.Err, "usage: %s [options] PLAYBOOK...\n%s: error: %s\n", env.Program, env.Program, err)
		return fault.ExitStatus(2)
	}
	if o.version {
		return version(env)
	}
	if f.NArg() == 0 {
		fmt.Fprintf(env.Err, "usage: %s [options] PLAYBOOK...\n%s: error: the following arguments are required: playbook\n", env.Program, env.Program)
		return fault.ExitStatus(2)
	}
	s, err := open(ctx, env, o)
	if err != nil {
		return say(env, 1, err)
	}
	defer s.Close() // nothing that was done depends on it
	return s.playbooks(ctx, o, f.Args())
}

func version(env *command.Env) error {
	fmt.Fprintf(env.Out, "%s [garboard %s, as ansible-core 2.14.18]\n", env.Program, env.Version)
	return nil
}

// playbooks runs playbooks one after the other.
func (s *opened) playbooks(ctx context.Context, o *options, files []string) error {
	sink, err := s.callback()
	if err != nil {
		return say(s.env, 1, err)
	}
	r := s.Runner(sink)
	s.Tell = r.Tell
	if err := s.configure(ctx, r, o); err != nil {
		return say(s.env, 1, err)
	}
	if o.flush && r.FactCache != nil {
		for _, h := range s.Inventory.Hosts() {
			if err := r.FactCache.Flush(h); err != nil {
				return say(s.env, 1, err)
			}
		}
	}
	if o.step {
		r.Step = s.stepper(ctx)
	}
	if len(r.Limit) > 0 {
		if err := s.checkLimit(r.Limit); err != nil {
			return say(s.env, 1, err)
		}
	}
	for _, file := range files {
		if !s.IsFile(s.Path(file)) {
			return say(s.env, 1, fmt.Errorf("the playbook: %s could not be found", file))
		}
	}
	code := 0
	for _, file := range files {
		n, err := s.one(ctx, r, o, file)
		if err != nil {
			return s.broken(err)
		}
		code = max(code, n)
		if n != 0 {
			break
		}
	}
	if code != 0 {
		return fault.ExitStatus(code)
	}
	return nil
}

func (s *opened) checkLimit(limit string) error {
	for _, name := range []string{"localhost", "127.0.0.1"} {
		if slices.Contains(strings.Split(limit, ","), name) && !s.Inventory.Has(name) {
			s.Inventory.Localhost(name)
		}
	}
	hosts, err := s.Inventory.Match(limit)
	if err != nil {
		return err
	}
	if len(hosts) == 0 {
		return value.Errorf("Specified hosts and/or --limit does not match any hosts")
	}
	return nil
}

// one runs one playbook, or lists what is in it.
func (s *opened) one(ctx context.Context, r *run.Runner, o *options, file string) (int, error) {
	path := s.Path(file)
	s.BesidePlaybook(filepath.Dir(path))
	plays, err := s.Loader.Playbook(path)
	if err != nil {
		return 0, err
	}
	switch {
	case o.syntax && !o.listHosts && !o.listTasks && !o.listTags:
		fmt.Fprintf(s.env.Out, "\nplaybook: %s\n", file)
		return 0, nil
	case o.listHosts || o.listTasks || o.listTags:
		return 0, s.list(ctx, r, o, file, plays)
	}
	outcome, err := r.Run(ctx, file, plays)
	return outcome.Code(), err
}

// broken prints an error that ended the run, with the place in the file.
func (s *opened) broken(err error) error {
	text := err.Error()
	var b *book.Error
	var y *source.Error
	switch {
	case errors.As(err, &b) && b.Position.File != "":
		if data, readErr := s.Read(b.Position.File); readErr == nil {
			text += "\n\n" + strings.TrimSuffix(source.Excerpt(b.Position, string(data)), "\n")
		}
	case errors.As(err, &y):
		text = fmt.Sprintf("We were unable to read either as JSON nor YAML, these are the errors we got from each:\nJSON: Expecting value: line 1 column 1 (char 0)\n\nSyntax Error while loading YAML.\n  %s\n\n%s", y.Problem, source.Excerpt(y.Position, y.Text))
	}
	s.display.Error(text)
	code := 4
	if b == nil && y == nil {
		code = 1
	}
	return fault.ExitStatus(code)
}

// callback makes the output that the configuration asks for.
func (s *opened) callback() (event.Sink, error) {
	c := s.Config
	options := callback.Options{
		SkippedHosts: c.Bool("DISPLAY_SKIPPED_HOSTS"), OkHosts: c.Bool("DISPLAY_OK_HOSTS"), FailedStderr: c.Bool("DISPLAY_FAILED_STDERR"),
		CustomStats: c.Bool("SHOW_CUSTOM_STATS"), PathOnFailure: c.Bool("SHOW_TASK_PATH_ON_FAILURE"), CheckMarkers: c.Bool("CHECK_MODE_MARKERS"),
		YAML: c.String("CALLBACK_RESULT_FORMAT") == "yaml", DiffContext: c.Int("DIFF_CONTEXT"),
	}
	if text := c.String("CALLBACK_FORMAT_PRETTY"); text != "" {
		pretty := c.Bool("CALLBACK_FORMAT_PRETTY")
		options.Pretty = &pretty
	}
	return callback.New(c.String("DEFAULT_STDOUT_CALLBACK"), c.List("CALLBACKS_ENABLED"), s.display, options, s.Now, s.Getenv)
}

// stepper asks before each task.
func (s *opened) stepper(ctx context.Context) func(string) (bool, bool) {
	return func(title string) (bool, bool) {
		answer, _, err := s.Ask(ctx, fmt.Sprintf("Perform task: TASK: %s (N)o/(y)es/(c)ontinue: ", title), false)
		switch strings.ToLower(strings.TrimSpace(answer)) {
		case "y", "yes":
			return err == nil, true
		case "c", "continue":
			return err == nil, false
		}
		return false, true
	}
}
