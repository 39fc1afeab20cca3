package files

import (
	"context"
	"fmt"
	"os"
	"strings"

	"garboard.dev/garboard/capability/play/module"
	"garboard.dev/garboard/capability/play/module/execute"
)

func aclModule() *module.Module {
	return &module.Module{Spec: module.Spec{
		Name: "ansible.posix.acl", Summary: "Keeps entries of POSIX access control lists", CheckMode: true,
		Options: []module.Option{
			{Name: "path", Aliases: []string{"name"}, Type: module.Path, Required: true, Help: "The file or folder."},
			{Name: "state", Default: "query", Choices: choices("absent", "present", "query"), Help: "Whether the entry shall be there; query only tells the list."},
			{Name: "entry", Help: "The entry in setfacl's form, instead of the next three."},
			{Name: "etype", Choices: choices("group", "mask", "other", "user"), Help: "What the entry is about."},
			{Name: "entity", Default: "", Help: "The user or group."},
			{Name: "permissions", Help: "r, w, x, X, rwx."},
			{Name: "default", Type: module.Bool, Default: false, Help: "What new files in the folder get."},
			{Name: "recursive", Aliases: []string{"recurse"}, Type: module.Bool, Default: false, Help: "All below the folder too."},
			{Name: "follow", Type: module.Bool, Default: true, Help: "Follow symbolic links."},
			{Name: "recalculate_mask", Default: "default", Choices: choices("default", "mask", "no_mask"), Help: "Whether to compute the mask again."},
			{Name: "use_nfsv4_acls", Type: module.Bool, Default: false, Help: "NFSv4 lists; not supported."},
		},
		Returns: []module.Return{{Name: "acl", Type: "list", Help: "The list after the task."}},
	}, Run: runACL}
}

// aclTask is one run of acl.
type aclTask struct {
	c                     *module.Call
	path, state           string
	kind, entity, allowed string
	byDefault             bool
}

func runACL(ctx context.Context, c *module.Call) (module.Result, error) {
	t := &aclTask{c: c, path: c.Args.String("path"), state: c.Args.String("state"), kind: c.Args.String("etype"),
		entity: c.Args.String("entity"), allowed: c.Args.String("permissions"), byDefault: c.Args.Bool("default")}
	if err := t.check(); err != nil {
		return nil, err
	}
	changed, message := false, "current acl"
	if t.state != "query" {
		entry := t.kind + ":" + t.entity
		how := "-x"
		if t.state == "present" {
			how = "-m"
			if t.allowed != "" {
				entry += ":" + t.allowed
			}
		}
		message = entry + " is " + t.state
		argv := t.command("setfacl", how, entry)
		said, err := t.run(ctx, append([]string{argv[0], "--test"}, argv[1:]...))
		if err != nil {
			return nil, err
		}
		for _, line := range said {
			changed = changed || !strings.HasSuffix(line, "*,*")
		}
		if changed && !c.Check {
			if _, err := t.run(ctx, argv); err != nil {
				return nil, err
			}
		}
	}
	list, err := t.run(ctx, t.command("getfacl"))
	return module.Result{"changed": changed, "msg": message, "acl": anyOf(list)}, err
}

// check refuses options that do not go together.
func (t *aclTask) check() error {
	args := t.c.Args
	if args.Bool("use_nfsv4_acls") {
		return fail("use_nfsv4_acls is not supported")
	}
	if _, err := os.Stat(t.path); err != nil {
		return fail("Path not found or not accessible.")
	}
	if t.state == "query" && args.Bool("recursive") {
		return fail("'recurse' MUST NOT be set when 'state=query'.")
	}
	if t.state == "query" && args.String("recalculate_mask") != "default" {
		return fail("'recalculate_mask' MUST NOT be set to 'mask' or 'no_mask' when 'state=query'.")
	}
	if args.String("entry") != "" {
		return t.readEntry(args.String("entry"))
	}
	switch {
	case t.state == "absent" && t.allowed != "":
		return fail("'permissions' MUST NOT be set when 'state=absent'.")
	case t.state == "absent" && t.entity == "":
		return fail("'entity' MUST be set when 'state=absent'.")
	case t.state != "query" && t.kind == "":
		return fail(fmt.Sprintf("'etype' MUST be set when 'state=%s'.", t.state))
	}
	return nil
}

// readEntry reads [default:]kind:entity[:permissions].
func (t *aclTask) readEntry(entry string) error {
	if t.kind != "" || t.entity != "" || t.allowed != "" {
		return fail("'entry' MUST NOT be set when 'entity', 'etype' or 'permissions' are set.")
	}
	parts := strings.Split(entry, ":")
	n := len(parts)
	switch {
	case t.state == "query":
		return fail("'entry' MUST NOT be set when 'state=query'.")
	case t.state == "present" && n != 3 && n != 4:
		return fail("'entry' MUST have 3 or 4 sections divided by ':' when 'state=present'.")
	case t.state == "absent" && n != 2 && n != 3:
		return fail("'entry' MUST have 2 or 3 sections divided by ':' when 'state=absent'.")
	}
	if first := parts[0]; first == "d" || first == "default" {
		t.byDefault, parts = true, parts[1:]
	}
	kinds := map[byte]string{'u': "user", 'g': "group", 'm': "mask", 'o': "other"}
	if parts[0] != "" {
		t.kind = kinds[parts[0][0]]
	}
	if len(parts) > 1 {
		t.entity = parts[1]
	}
	if len(parts) > 2 && t.state == "present" {
		t.allowed = parts[2]
	}
	return nil
}

func (t *aclTask) command(program string, more ...string) []string {
	argv := []string{execute.Find(t.c, program)}
	if t.byDefault {
		argv = append(argv, "-d")
	}
	argv = append(argv, more...)
	if t.c.Args.Bool("recursive") {
		argv = append(argv, "--recursive")
	}
	if program == "setfacl" {
		switch t.c.Args.String("recalculate_mask") {
		case "mask":
			argv = append(argv, "--mask")
		case "no_mask":
			argv = append(argv, "--no-mask")
		}
	} else {
		argv = append(argv, "--omit-header", "--absolute-names")
	}
	if !t.c.Args.Bool("follow") {
		argv = append(argv, "--physical")
	}
	return append(argv, t.path)
}

// run gives the program's lines without comments and the empty one at the end.
func (t *aclTask) run(ctx context.Context, argv []string) ([]string, error) {
	out, err := execute.Run(ctx, t.c, execute.Program{Argv: argv}.Parsed())
	if err != nil {
		return nil, err
	}
	if out.Code != 0 {
		return nil, fail(strings.TrimSpace(out.Stderr), "cmd", strings.Join(argv, " "), "rc", int64(out.Code), "stdout", out.Stdout, "stderr", out.Stderr)
	}
	var lines []string
	for line := range strings.Lines(out.Stdout) {
		if !strings.HasPrefix(line, "#") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	if n := len(lines); n > 0 && lines[n-1] == "" {
		lines = lines[:n-1]
	}
	return lines, nil
}
