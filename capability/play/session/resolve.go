package session

import (
	"context"
	"path/filepath"
	"slices"
	"strings"

	"garboard.dev/garboard/capability/play/module"
	"garboard.dev/garboard/capability/play/python"
	"garboard.dev/garboard/capability/play/run"
	"garboard.dev/garboard/capability/play/target"
)

// engineActions are actions that the executor itself does.
var engineActions = set("meta include include_tasks include_role import_tasks import_role import_playbook")

// builtin are modules of ansible.builtin that need not be native to be known.
var builtin = set("add_host apt apt_key apt_repository assemble assert async_status async_wrapper blockinfile command copy cron debconf debug " +
	"dnf dnf5 dpkg_selections expect fail fetch file find gather_facts get_url getent git group group_by hostname iptables known_hosts " +
	"lineinfile package package_facts pause ping pip raw reboot replace rpm_key script service service_facts set_fact set_stats setup shell slurp " +
	"stat subversion systemd systemd_service sysvinit tempfile template unarchive uri user validate_argument_spec wait_for wait_for_connection yum yum_repository deb822_repository")

// moved are names without a collection whose modules went to one.
var moved = map[string]string{
	"acl": "ansible.posix", "at": "ansible.posix", "authorized_key": "ansible.posix", "firewalld": "ansible.posix", "mount": "ansible.posix",
	"patch": "ansible.posix", "seboolean": "ansible.posix", "selinux": "ansible.posix", "synchronize": "ansible.posix", "sysctl": "ansible.posix",
	"openssl_privatekey": "community.crypto", "openssl_csr": "community.crypto", "x509_certificate": "community.crypto", "openssh_keypair": "community.crypto",
	"openssl_certificate": "community.crypto", "openssl_dhparam": "community.crypto", "openssl_publickey": "community.crypto",
}

func set(names string) map[string]bool {
	out := map[string]bool{}
	for n := range strings.FieldsSeq(names) {
		out[n] = true
	}
	return out
}

// known says whether a fully qualified name is a module or an action.
func (s *Session) known(fqcn string) bool {
	if short, ok := strings.CutPrefix(fqcn, "ansible.builtin."); ok && (engineActions[short] || builtin[short]) {
		return true
	}
	if s.Actions[fqcn] != nil {
		return true
	}
	_, ok := s.Modules.Find(fqcn)
	return ok
}

// Resolve returns the fully qualified name of what a task names.
func (s *Session) Resolve(name string, collections []string) (string, bool) {
	if strings.Contains(name, "{{") {
		return name, true
	}
	if short, ok := strings.CutPrefix(name, "ansible.legacy."); ok {
		name = short
	}
	if strings.Count(name, ".") >= 2 {
		if s.known(name) || s.pythonModule(name) != "" {
			return name, true
		}
		return name, false
	}
	if strings.ContainsAny(name, " .") {
		return "", false
	}
	if path := s.pythonModule(name); path != "" { // a library beside the playbook counts first
		return name, true
	}
	for _, c := range collections {
		if full := c + "." + name; s.known(full) || s.pythonModule(full) != "" {
			return full, true
		}
	}
	candidates := []string{"ansible.builtin." + name, moved[name] + "." + name, "community.general." + name, "ansible.posix." + name, "community.crypto." + name}
	for _, full := range candidates {
		if s.known(full) {
			return full, true
		}
	}
	for _, full := range candidates[1:] {
		if s.pythonModule(full) != "" {
			return full, true
		}
	}
	return "", false
}

// roleFound makes the modules of a role known.
func (s *Session) roleFound(dir string) {
	for folder, into := range map[string]*[]string{"library": &s.libraries, "module_utils": &s.utils} {
		if full := filepath.Join(dir, folder); isDir(full) && !slices.Contains(*into, full) {
			*into = append(*into, full)
		}
	}
}

// foreign runs a module that is not native.
func (s *Session) foreign(ctx context.Context, to target.Target, r run.Foreign) (module.Result, bool, error) {
	file := s.pythonModule(r.Name)
	if short, ok := strings.CutPrefix(r.Name, "ansible.builtin."); ok && file == "" {
		for _, dir := range s.core {
			if path := filepath.Join(dir, "ansible", "modules", short+".py"); isFile(path) {
				file = path
			}
		}
	}
	if file == "" {
		return nil, false, nil
	}
	paths := python.Paths{Core: s.core, Utils: s.utils, Collection: s.collectionDirs}
	result, err := python.Run(ctx, paths, to, python.Call{Name: r.Name, File: file, Args: r.Args, Check: r.Check, Diff: r.Diff, NoLog: r.NoLog, Verbosity: r.Verbosity, Env: r.Env, Python: r.Python})
	return result, true, err
}

// pythonModule returns the file of a module in Python, "" where there is none.
func (s *Session) pythonModule(name string) string {
	if strings.Count(name, ".") >= 2 {
		parts := strings.SplitN(name, ".", 3)
		for _, dir := range s.collectionDirs(parts[0], parts[1]) {
			path := filepath.Join(dir, "plugins", "modules", strings.ReplaceAll(parts[2], ".", "/")+".py")
			if isFile(path) {
				return path
			}
		}
		return ""
	}
	for _, dir := range append(s.libraries, s.Config.Paths("DEFAULT_MODULE_PATH")...) {
		for _, ext := range []string{".py", "", ".sh", ".ps1"} {
			if path := filepath.Join(dir, name+ext); isFile(path) && ext != ".ps1" {
				return path
			}
		}
	}
	return ""
}

// collectionDirs are the folders where a collection may be.
func (s *Session) collectionDirs(namespace, name string) []string {
	var out []string
	paths := append([]string{}, s.besidePlaybook...)
	for _, p := range slices.Concat(paths, s.Config.Paths("COLLECTIONS_PATHS"), s.core) {
		if filepath.Base(p) != "ansible_collections" {
			p = filepath.Join(p, "ansible_collections")
		}
		if dir := filepath.Join(p, namespace, name); isDir(dir) {
			out = append(out, dir)
		}
	}
	return out
}

// collectionRole returns the folder of a collection's role.
func (s *Session) collectionRole(name string, collections []string) (string, bool) {
	full := []string{}
	if strings.Count(name, ".") >= 2 {
		full = append(full, name)
	} else {
		for _, c := range collections {
			full = append(full, c+"."+name)
		}
	}
	for _, f := range full {
		parts := strings.SplitN(f, ".", 3)
		if len(parts) < 3 {
			continue
		}
		for _, dir := range s.collectionDirs(parts[0], parts[1]) {
			if role := filepath.Join(dir, "roles", strings.ReplaceAll(parts[2], ".", "/")); isDir(role) {
				return role, true
			}
		}
	}
	return "", false
}

// AddLibrary adds a folder with modules.
func (s *Session) AddLibrary(dir string) { s.libraries = append(s.libraries, dir) }

// BesidePlaybook makes modules, roles and collections beside a playbook known.
func (s *Session) BesidePlaybook(dir string) {
	s.roleFound(dir)
	s.besidePlaybook = append(s.besidePlaybook, filepath.Join(dir, "collections"))
	s.Inventory.Folder(dir)
	s.Loader.BaseDir = dir
}
