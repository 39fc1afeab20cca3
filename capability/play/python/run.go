package python

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"garboard.dev/garboard/capability/play/module"
	"garboard.dev/garboard/capability/play/target"
	"garboard.dev/garboard/capability/play/value"
)

// Call is one run of a module that is not native.
type Call struct {
	Name, File  string
	Args        *value.Dict
	Check, Diff bool
	NoLog       bool
	Verbosity   int
	Env         map[string]string
	Python      string // the target's interpreter, "" for python3
}

// starter unpacks the archive that follows it into a private folder, runs the
// module in it and takes the folder away again.
const starter = `import base64, os, shutil, sys, tempfile
def run(packed, name, args):
    folder = tempfile.mkdtemp(prefix='garboard-module-')
    try:
        archive = os.path.join(folder, 'module.zip')
        with open(archive, 'wb') as f:
            f.write(base64.b64decode(packed))
        sys.path.insert(0, archive)
        sys.argv = [name]
        import json, runpy
        os.environ.setdefault('LC_ALL', 'C.UTF-8')
        from ansible.module_utils import basic
        basic._ANSIBLE_ARGS = base64.b64decode(args)
        runpy.run_module(name, init_globals=dict(_module_fqn=name, _modlib_path=archive), run_name='__main__', alter_sys=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
`

// Run runs a module on a target.
func Run(ctx context.Context, p Paths, to target.Target, c Call) (module.Result, error) {
	data, err := os.ReadFile(c.File)
	if err != nil {
		return nil, err
	}
	kind := KindOf(data)
	if kind != New {
		return runScript(ctx, to, c, data, kind)
	}
	packed, err := Pack(p, c.Name, c.File)
	if err != nil {
		return nil, err
	}
	args, err := c.arguments()
	if err != nil {
		return nil, err
	}
	var script bytes.Buffer
	script.WriteString(starter)
	fmt.Fprintf(&script, "run('%s', '%s', '%s')\n", base64.StdEncoding.EncodeToString(packed.Zip), packed.Name, base64.StdEncoding.EncodeToString(args))
	interpreter := c.Python
	if interpreter == "" || strings.HasPrefix(interpreter, "auto") {
		interpreter = "python3"
	}
	out, err := to.Command(ctx, target.Command{Line: interpreter + " -", Stdin: &script, Env: c.Env})
	if err != nil {
		return nil, err
	}
	return result(c.Name, out)
}

// arguments are a new-style module's: its own, and what Ansible tells every module.
func (c Call) arguments() ([]byte, error) {
	all := c.Args.Copy()
	for k, v := range map[string]value.Value{
		"_ansible_check_mode": c.Check, "_ansible_diff": c.Diff, "_ansible_no_log": c.NoLog, "_ansible_verbosity": int64(c.Verbosity), "_ansible_debug": false,
		"_ansible_version": "2.14.18", "_ansible_module_name": c.Name, "_ansible_syslog_facility": "LOG_USER", "_ansible_socket": nil,
		"_ansible_selinux_special_fs": value.NewList("fuse", "nfs", "vboxsf", "ramfs", "9p", "vfat"), "_ansible_string_conversion_action": "warn",
		"_ansible_shell_executable": "/bin/sh", "_ansible_keep_remote_files": false, "_ansible_remote_tmp": "~/.ansible/tmp", "_ansible_tmpdir": nil,
	} {
		all.SetStr(k, v)
	}
	return value.JSON(value.DictOf("ANSIBLE_MODULE_ARGS", all), value.JSONOptions{ASCII: true, Default: asText})
}

func asText(v value.Value) (value.Value, error) { return value.Str(v), nil }

// result reads the JSON that a module prints, which warnings may stand around.
func result(name string, out target.Output) (module.Result, error) {
	text := string(out.Stdout)
	start, end := strings.IndexByte(text, '{'), strings.LastIndexByte(text, '}')
	if start >= 0 && end > start {
		if r, err := module.Decode([]byte(text[start : end+1])); err == nil {
			return r, nil
		}
	}
	r := module.Result{"failed": true, "rc": int64(out.Code), "module_stdout": text, "module_stderr": string(out.Stderr), "msg": "MODULE FAILURE\nSee stdout/stderr for the exact error", "changed": false}
	if said := strings.TrimSpace(string(out.Stderr)); strings.Contains(said, "Traceback") {
		r["exception"] = said
	}
	if out.Code == 127 {
		r["msg"] = fmt.Sprintf("the module %s is not native, and the target has no Python to run it with", name)
	}
	return r, nil
}

// runScript runs a module that takes a file of arguments.
func runScript(ctx context.Context, to target.Target, c Call, data []byte, kind Kind) (module.Result, error) {
	args, err := c.plain(kind)
	if err != nil {
		return nil, err
	}
	made, err := to.Command(ctx, target.Command{Line: "umask 077; mktemp -d \"${TMPDIR:-/tmp}/garboard-module-XXXXXX\""})
	if err != nil || made.Code != 0 {
		return nil, fmt.Errorf("make a folder on the target: %s: %w", made.Stderr, err)
	}
	dir := strings.TrimSpace(string(made.Stdout))
	defer func() {
		_, _ = to.Command(context.WithoutCancel(ctx), target.Command{Argv: []string{"rm", "-rf", dir}}) // it is private, wherever it stays
	}()
	if err := to.Put(ctx, dir+"/module", 0o700, bytes.NewReader(data)); err != nil {
		return nil, err
	}
	if err := to.Put(ctx, dir+"/args", 0o600, bytes.NewReader(args)); err != nil {
		return nil, err
	}
	line := dir + "/module " + dir + "/args"
	if first, _, _ := bytes.Cut(data, []byte("\n")); kind != Binary && bytes.HasPrefix(first, []byte("#!")) {
		interpreter := strings.TrimSpace(string(first[2:]))
		if strings.Contains(interpreter, "python") {
			interpreter = c.Python
			if interpreter == "" || strings.HasPrefix(interpreter, "auto") {
				interpreter = "python3"
			}
		}
		line = interpreter + " " + line
	}
	out, err := to.Command(ctx, target.Command{Line: line, Env: c.Env})
	if err != nil {
		return nil, err
	}
	return result(c.Name, out)
}

func (c Call) plain(kind Kind) ([]byte, error) {
	if kind != Old {
		all := c.Args.Copy()
		all.SetStr("_ansible_check_mode", c.Check)
		all.SetStr("_ansible_diff", c.Diff)
		all.SetStr("_ansible_no_log", c.NoLog)
		all.SetStr("_ansible_verbosity", int64(c.Verbosity))
		return value.JSON(all, value.JSONOptions{ASCII: true, Default: asText})
	}
	var words []string
	for k, v := range c.Args.All() {
		text := value.Str(v)
		switch v.(type) {
		case *value.Dict, *value.List:
			data, err := json.Marshal(value.ToGo(v))
			if err != nil {
				return nil, err
			}
			text = string(data)
		}
		words = append(words, value.Str(k)+"="+quote(text))
	}
	return []byte(strings.Join(words, " ")), nil
}

func quote(t string) string {
	if t != "" && !strings.ContainsAny(t, " \t\n'\"\\$`;&|<>(){}*?[]#~!") {
		return t
	}
	return "'" + strings.ReplaceAll(t, "'", `'"'"'`) + "'"
}
