package setup

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"garboard.dev/garboard/capability/play/config"
	"garboard.dev/garboard/host/program"
)

func read(path string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return "" // a fact that is not there is empty
	}
	return strings.TrimSpace(string(data))
}

func text(raw [65]int8) string {
	var b strings.Builder
	for _, c := range raw {
		if c == 0 {
			break
		}
		b.WriteByte(byte(c))
	}
	return b.String()
}

func platform(g *gathering) error {
	var u syscall.Utsname
	if err := syscall.Uname(&u); err != nil {
		return err
	}
	node, machine := text(u.Nodename), text(u.Machine)
	fqdn := fullName(node)
	short, _, _ := strings.Cut(node, ".")
	_, domain, _ := strings.Cut(fqdn, ".")
	bits := "64"
	if strconv.IntSize == 32 {
		bits = "32"
	}
	architecture := machine
	if regexp.MustCompile(`^i[3456]86$`).MatchString(machine) {
		architecture = "i386"
	}
	for k, v := range map[string]any{
		"system": text(u.Sysname), "kernel": text(u.Release), "kernel_version": text(u.Version), "machine": machine,
		"architecture": architecture, "userspace_bits": bits, "userspace_architecture": architecture, "nodename": node,
		"hostname": short, "fqdn": fqdn, "domain": domain, "machine_id": first(read("/var/lib/dbus/machine-id"), read("/etc/machine-id")),
	} {
		g.facts[k] = v
	}
	return nil
}

func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

// fullName is Python's socket.getfqdn: the first name with a dot that /etc/hosts
// and the resolver know for the machine's own.
func fullName(node string) string {
	addresses, err := net.LookupHost(node)
	if err != nil || len(addresses) == 0 {
		return node
	}
	for _, a := range addresses {
		names, err := net.LookupAddr(a)
		if err != nil {
			continue
		}
		for _, n := range names {
			if n = strings.TrimSuffix(n, "."); strings.Contains(n, ".") {
				return n
			}
		}
		if len(names) > 0 {
			return strings.TrimSuffix(names[0], ".")
		}
	}
	return node
}

func dateTime(g *gathering) error {
	now := g.call.Machine.Now().Local()
	utc := now.UTC()
	zone, _ := now.Zone()
	summer := zone

	for _, month := range []time.Month{time.January, time.July} {
		if z, _ := time.Date(now.Year(), month, 1, 0, 0, 0, 0, now.Location()).Zone(); z != standard(now) {
			summer = z
		}
	}
	weekday := int(now.Weekday())
	monday := (now.YearDay() + 6 - (weekday+6)%7) / 7
	g.facts["date_time"] = map[string]any{
		"year": now.Format("2006"), "month": now.Format("01"), "weekday": now.Format("Monday"), "weekday_number": strconv.Itoa(weekday),
		"weeknumber": fmt.Sprintf("%02d", monday), "day": now.Format("02"), "hour": now.Format("15"), "minute": now.Format("04"), "second": now.Format("05"),
		"epoch": strconv.FormatInt(now.Unix(), 10), "epoch_int": strconv.FormatInt(now.Unix(), 10), "date": now.Format(time.DateOnly), "time": now.Format(time.TimeOnly),
		"iso8601_micro": utc.Format("2006-01-02T15:04:05.000000Z"), "iso8601": utc.Format("2006-01-02T15:04:05Z"),
		"iso8601_basic": now.Format("20060102T150405") + fmt.Sprintf("%06d", now.Nanosecond()/1000), "iso8601_basic_short": now.Format("20060102T150405"),
		"tz": zone, "tz_dst": summer, "tz_offset": now.Format("-0700"),
	}
	return nil
}

// standard is the zone's name when it is not summer.
func standard(now time.Time) string {
	a := time.Date(now.Year(), time.January, 1, 0, 0, 0, 0, now.Location())
	b := time.Date(now.Year(), time.July, 1, 0, 0, 0, 0, now.Location())
	if a.IsDST() {
		a = b
	}
	z, _ := a.Zone()
	return z
}

func environment(g *gathering) error {
	env := map[string]any{}
	for _, pair := range append(strings.Split(read("/proc/self/environ"), "\x00"), g.call.Machine.Env...) {
		if k, v, ok := strings.Cut(pair, "="); ok {
			env[k] = v
		}
	}
	g.facts["env"] = env
	return nil
}

// passwd returns what the user database says of a user.
func passwd(id int) (name, gecos, dir, shell string, uid, gid int64) {
	uid = int64(id)
	data := read("/etc/passwd")
	for line := range strings.Lines(data) {
		f := strings.Split(strings.TrimSpace(line), ":")
		if len(f) < 7 || f[2] != strconv.Itoa(id) {
			continue
		}
		gid, _ = strconv.ParseInt(f[3], 10, 64) // passwd(5): always a number
		return f[0], f[4], f[5], f[6], uid, gid
	}
	if u, err := user.LookupId(strconv.Itoa(id)); err == nil {
		gid, _ = strconv.ParseInt(u.Gid, 10, 64) // always a number here
		return u.Username, u.Name, u.HomeDir, "", uid, gid
	}
	return "", "", "", "", uid, int64(os.Getgid())
}

func hostKeys(g *gathering) error {
	for _, kind := range []string{"dsa", "rsa", "ecdsa", "ed25519"} {
		for _, dir := range []string{"/etc/ssh", "/etc/openssh", "/etc"} {
			f := strings.Fields(read(filepath.Join(dir, "ssh_host_"+kind+"_key.pub")))
			if len(f) < 2 {
				continue
			}
			g.facts["ssh_host_key_"+kind+"_public"] = f[1]
			g.facts["ssh_host_key_"+kind+"_public_keytype"] = f[0]
			break
		}
	}
	return nil
}

func commandLine(g *gathering) error {
	last, all := map[string]any{}, map[string]any{}
	for w := range strings.FieldsSeq(read("/proc/cmdline")) {
		k, v, ok := strings.Cut(w, "=")
		if !ok {
			last[k], all[k] = true, true
			continue
		}
		last[k] = v
		switch before := all[k].(type) {
		case nil:
			all[k] = v
		case []any:
			all[k] = append(before, v)
		default:
			all[k] = []any{before, v}
		}
	}
	g.facts["cmdline"], g.facts["proc_cmdline"] = last, all
	return nil
}

func dns(g *gathering) error {
	out := map[string]any{}
	for line := range strings.Lines(read("/etc/resolv.conf")) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' || line[0] == ';' {
			continue
		}
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		switch f[0] {
		case "nameserver":
			list, _ := out["nameservers"].([]any)
			out["nameservers"] = append(list, anyList(f[1:])...)
		case "domain":
			out["domain"] = f[1]
		case "search":
			out["search"] = anyList(f[1:])
		case "sortlist":
			out["sortlist"] = anyList(f[1:])
		case "options":
			options := map[string]any{}
			for _, o := range f[1:] {
				k, v, ok := strings.Cut(o, ":")
				options[k] = true
				if ok {
					options[k] = v
				}
			}
			out["options"] = options
		}
	}
	g.facts["dns"] = out
	return nil
}

func fips(g *gathering) error {
	g.facts["fips"] = read("/proc/sys/crypto/fips_enabled") == "1"
	return nil
}

func selinux(g *gathering) error {
	g.facts["selinux_python_present"] = true
	if _, err := os.Stat("/sys/fs/selinux/enforce"); err != nil {
		g.facts["selinux"] = map[string]any{"status": "disabled"}
		return nil // that is what disabled means
	}
	mode := map[string]string{"1": "enforcing", "0": "permissive"}[read("/sys/fs/selinux/enforce")]
	sections, err := config.Parse("[x]\n" + read("/etc/selinux/config"))
	if err != nil {
		return err
	}
	g.facts["selinux"] = map[string]any{"status": "enabled", "mode": mode, "config_mode": sections["x"]["selinux"], "type": sections["x"]["selinuxtype"],
		"policyvers": read("/sys/fs/selinux/policyvers")}
	return nil
}

func apparmor(g *gathering) error {
	status := "disabled"
	if info, err := os.Stat("/sys/kernel/security/apparmor"); err == nil && info.IsDir() {
		status = "enabled"
	}
	g.facts["apparmor"] = map[string]any{"status": status}
	return nil
}

func capabilities(g *gathering) error {
	g.facts["system_capabilities"], g.facts["system_capabilities_enforced"] = []any{}, "N/A"
	out, err := program.Output(g.ctx, g.call.Machine.Programs, program.Command{Name: "capsh", Args: []string{"--print"}}, 1<<20)
	if err != nil {
		return nil // without capsh nothing is known, as upstream has it
	}
	for line := range strings.Lines(string(out)) {
		rest, ok := strings.CutPrefix(strings.TrimSpace(line), "Current:")
		if !ok {
			continue
		}
		rest = strings.TrimSpace(rest)
		if rest == "=ep" {
			g.facts["system_capabilities_enforced"] = "False"
			continue
		}
		g.facts["system_capabilities_enforced"] = "True"
		_, list, _ := strings.Cut(rest, "=")
		g.facts["system_capabilities"] = anyList(strings.Split(strings.TrimSpace(list), ","))
	}
	return nil
}

func packageManager(g *gathering) error {
	g.facts["pkg_mgr"] = "unknown"
	for _, m := range []struct{ path, name string }{
		{"/usr/bin/apt-get", "apt"}, {"/usr/bin/dnf5", "dnf5"}, {"/usr/bin/dnf", "dnf"}, {"/usr/bin/yum", "yum"}, {"/usr/bin/zypper", "zypper"},
		{"/sbin/apk", "apk"}, {"/usr/bin/pacman", "pacman"}, {"/usr/bin/emerge", "portage"},
	} {
		if _, err := os.Stat(m.path); err == nil {
			g.facts["pkg_mgr"] = m.name
			return nil
		}
	}
	return nil
}

func serviceManager(g *gathering) error {
	init := read("/proc/1/comm")
	switch {
	case init == "systemd" || exists("/run/systemd/system") || exists("/dev/.run/systemd") || exists("/dev/.systemd"):
		init = "systemd"
	case exists("/sbin/openrc"):
		init = "openrc"
	case init == "init" && exists("/etc/init.d") || init == "":
		init = "sysvinit"
	}
	g.facts["service_mgr"] = init
	return nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// python tells of the machine's Python, for content that asks; nothing of ours needs it.
func python(g *gathering) error {
	path := "/usr/bin/python3"
	out, err := program.Output(g.ctx, g.call.Machine.Programs, program.Command{Name: path, Args: []string{"-IS", "--version"}}, 4096)
	if err != nil {
		g.facts["python"], g.facts["python_version"] = map[string]any{}, ""
		return nil // a machine without Python has no such facts
	}
	version := strings.TrimPrefix(strings.TrimSpace(string(out)), "Python ")
	var numbers [3]int64
	for i, p := range strings.SplitN(version, ".", 3) {
		numbers[i], _ = strconv.ParseInt(p, 10, 64) // 0 for what is no number
	}
	g.facts["python_version"] = version
	g.facts["python"] = map[string]any{
		"executable": path, "has_sslcontext": true, "type": "cpython",
		"version":      map[string]any{"major": numbers[0], "minor": numbers[1], "micro": numbers[2], "releaselevel": "final", "serial": int64(0)},
		"version_info": []any{numbers[0], numbers[1], numbers[2], "final", int64(0)},
	}
	return nil
}

// maxLocal bounds what a local fact's program may print: 64 MiB.
const maxLocal = 64 << 20

// local reads the facts that the machine's owner gives: *.fact files that are
// JSON or INI, or programs that print such.
func local(g *gathering) error {
	out := map[string]any{}
	g.facts["local"] = out
	files, err := filepath.Glob(filepath.Join(g.call.Args.String("fact_path"), "*.fact"))
	if err != nil {
		return err
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".fact")
		data, err := g.localFact(file)
		if err != nil {
			out[name] = err.Error()
			g.call.Warn("%s", err)
			continue
		}
		out[name] = parseLocal(file, data)
	}
	return nil
}

func (g *gathering) localFact(file string) ([]byte, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	if info.Mode()&0o100 == 0 {
		return os.ReadFile(file)
	}
	data, err := program.Output(g.ctx, g.call.Machine.Programs, program.Command{Name: file}, maxLocal)
	if err != nil {
		//lint:ignore ST1005 Ansible's sentence
		return nil, fmt.Errorf("Failure executing fact script (%s), rc: 1, err: %w", file, err)
	}
	return data, nil
}

func parseLocal(file string, data []byte) any {
	var v any
	if json.Unmarshal(data, &v) == nil {
		return v
	}
	sections, err := config.Parse(string(bytes.TrimSpace(data)))
	if err != nil {
		return fmt.Sprintf("error loading facts as JSON or ini - please check content: %s", file)
	}
	out := map[string]any{}
	for s, keys := range sections {
		section := map[string]any{}
		for k, v := range keys {
			section[k] = v
		}
		out[s] = section
	}
	return out
}

func chroot(g *gathering) error {
	is := g.call.Machine.Getenv("debian_chroot") != ""
	mine, err1 := os.Stat("/")
	init, err2 := os.Stat("/proc/1/root/.")
	if err1 == nil && err2 == nil {
		is = is || !os.SameFile(mine, init)
	}
	g.facts["is_chroot"] = is
	return nil
}

func loadAverage(g *gathering) error {
	f := strings.Fields(read("/proc/loadavg"))
	if len(f) < 3 {
		return nil
	}
	out := map[string]any{}
	for i, name := range []string{"1m", "5m", "15m"} {
		out[name], _ = strconv.ParseFloat(f[i], 64) // proc_loadavg(5): always a number
	}
	g.facts["loadavg"] = out
	return nil
}

func account(g *gathering) error {
	name, gecos, dir, shell, uid, gid := passwd(os.Geteuid())
	for k, v := range map[string]any{
		"user_id": name, "user_gecos": gecos, "user_dir": dir, "user_shell": shell, "user_uid": uid, "user_gid": gid,
		"real_user_id": int64(os.Getuid()), "effective_user_id": int64(os.Geteuid()), "real_group_id": int64(os.Getgid()), "effective_group_id": int64(os.Getegid()),
	} {
		g.facts[k] = v
	}
	return nil
}
