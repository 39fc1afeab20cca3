package cli

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"garboard.dev/garboard/capability/play/config"
	"garboard.dev/garboard/capability/play/module/all"
	"garboard.dev/garboard/capability/play/value"
	"garboard.dev/garboard/command"
	"garboard.dev/garboard/fault"
)

func configCommand(env *command.Env) *command.Command {
	return &command.Command{
		Name: "config", Args: "dump|list|view [--only-changed] [-c FILE]", Summary: "Show the settings and where they come from", Raw: true, ExitCodes: exitCodes,
		Links: []string{"ansible-config"},
		Run:   func(_ context.Context, args []string) error { return showConfig(env, args) },
	}
}

func showConfig(env *command.Env, args []string) error {
	changed, file, action := false, "", ""
	for i := 0; i < len(args); i++ {
		switch a := args[i]; {
		case a == "--only-changed" || a == "--changed-only":
			changed = true
		case (a == "-c" || a == "--config") && i+1 < len(args):
			i++
			file = args[i]
		case a == "--version":
			return version(env)
		case a == "--help" || a == "-h":
			fmt.Fprintf(env.Out, "usage: %s dump|list|view [--only-changed] [-c FILE]\n", env.Program)
			return nil
		case a == "-t" && i+1 < len(args):
			i++
		case !strings.HasPrefix(a, "-"):
			action = a
		}
	}
	getenv := env.Getenv
	if file != "" {
		getenv = func(name string) string {
			if name == "ANSIBLE_CONFIG" {
				return file
			}
			return env.Getenv(name)
		}
	}
	dir, writable := workingFolder()
	c, err := config.Load(config.Reader{ReadFile: os.ReadFile, Getenv: getenv, Dir: dir, WorldWritable: writable, Home: env.Getenv("HOME")})
	if err != nil {
		return say(env, 1, err)
	}
	switch action {
	case "dump":
		dump(env, c, changed)
	case "view":
		if c.File == "" {
			return say(env, 1, value.Errorf("Invalid or no config file was supplied"))
		}
		data, err := os.ReadFile(c.File)
		if err != nil {
			return say(env, 1, err)
		}
		_, err = env.Out.Write(data)
		return err
	case "list":
		for _, s := range config.Settings() {
			fmt.Fprintf(env.Out, "%s:\n  default: %s\n  env:\n  - name: %s\n  ini:\n  - key: %s\n    section: %s\n  type: %s\n", s.Name, s.Default, strings.Join(s.Env, "\n  - name: "), s.Key, s.Section, s.Type)
		}
	default:
		fmt.Fprintf(env.Err, "usage: %s dump|list|view [--only-changed] [-c FILE]\n", env.Program)
		return fault.ExitStatus(2)
	}
	return nil
}

func dump(env *command.Env, c *config.Config, changed bool) {
	file := "None"
	if c.File != "" {
		file = c.File
	}
	fmt.Fprintf(env.Out, "CONFIG_FILE() = %s\n", file)
	settings := config.Settings()
	slices.SortFunc(settings, func(a, b config.Setting) int { return strings.Compare(a.Name, b.Name) })
	for _, s := range settings {
		if origin := c.Origin(s.Name); !changed || origin != "default" {
			fmt.Fprintf(env.Out, "%s(%s) = %s\n", s.Name, origin, value.Str(c.Value(s.Name)))
		}
	}
}

func docCommand(env *command.Env) *command.Command {
	return &command.Command{
		Name: "doc", Args: "[-l] [MODULE...]", Summary: "Say what native modules accept and return", Raw: true, ExitCodes: exitCodes, Links: []string{"ansible-doc"},
		Run: func(_ context.Context, args []string) error { return showDoc(env, args) },
	}
}

func showDoc(env *command.Env, args []string) error {
	table := all.Table()
	var names []string
	for _, a := range args {
		switch {
		case a == "--version":
			return version(env)
		case a == "--help" || a == "-h":
			fmt.Fprintf(env.Out, "usage: %s [-l] [MODULE...]\n", env.Program)
			return nil
		case a == "-l" || a == "--list":
			listed := table.Names()
			slices.Sort(listed)
			for _, n := range listed {
				m, _ := table.Find(n)
				fmt.Fprintf(env.Out, "%-45s %s\n", n, m.Summary)
			}
			return nil
		case !strings.HasPrefix(a, "-"):
			names = append(names, a)
		}
	}
	if len(names) == 0 {
		fmt.Fprintf(env.Err, "usage: %s [-l] [MODULE...]\n", env.Program)
		return fault.ExitStatus(2)
	}
	for _, n := range names {
		if !strings.Contains(n, ".") {
			n = "ansible.builtin." + n
		}
		m, ok := table.Find(n)
		if !ok {
			fmt.Fprintf(env.Err, "[WARNING]: %s is not native: its own documentation tells of it\n", n)
			continue
		}
		describe(env, m)
	}
	return nil
}
