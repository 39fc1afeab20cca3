package setup

import (
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
)

func hardware(g *gathering) error {
	for _, f := range []func(*gathering){processor, memory, dmi, uptime, devices} {
		f(g)
	}
	g.facts["mounts"] = mounts(g)
	if _, ok := g.facts["lvm"]; !ok {
		g.facts["lvm"] = "N/A"
	}
	return nil
}

// processor reads /proc/cpuinfo as Ansible does: number, vendor and model of each.
func processor(g *gathering) {
	var list []any
	physical, cores := map[string]bool{}, map[string]int64{}
	socket, coresOf, siblings := "0", int64(0), int64(0)
	for line := range strings.Lines(read("/proc/cpuinfo") + "\n") {
		k, v, ok := strings.Cut(line, ":")
		if !ok {
			continue
		}
		v = strings.TrimSpace(v)
		switch strings.TrimSpace(k) {
		case "processor", "vendor_id", "model name", "Model Name", "Processor":
			list = append(list, v)
		case "physical id":
			socket = v
			physical[v] = true
		case "cpu cores":
			coresOf, _ = strconv.ParseInt(v, 10, 64) // always a number
			cores[socket] = coresOf
		case "siblings":
			siblings, _ = strconv.ParseInt(v, 10, 64) // always a number
		}
	}
	count := int64(max(1, len(physical)))
	perSocket := max(1, coresOf)
	threads := int64(1)
	if coresOf > 0 && siblings > 0 {
		threads = max(1, siblings/coresOf)
	}
	if len(physical) == 0 {
		count = int64(runtime.NumCPU())
	}
	g.facts["processor"] = list
	g.facts["processor_count"], g.facts["processor_cores"] = count, perSocket
	g.facts["processor_threads_per_core"] = threads
	g.facts["processor_vcpus"] = count * perSocket * threads
	g.facts["processor_nproc"] = int64(runtime.NumCPU())
}

func meminfo() map[string]int64 {
	out := map[string]int64{}
	for line := range strings.Lines(read("/proc/meminfo") + "\n") {
		k, v, ok := strings.Cut(line, ":")
		f := strings.Fields(v)
		if !ok || len(f) == 0 {
			continue
		}
		n, err := strconv.ParseInt(f[0], 10, 64)
		if err == nil {
			out[strings.ToLower(k)] = n / 1024
		}
	}
	return out
}

func memory(g *gathering) {
	m := meminfo()
	g.facts["memtotal_mb"], g.facts["memfree_mb"] = m["memtotal"], m["memfree"]
	g.facts["swaptotal_mb"], g.facts["swapfree_mb"] = m["swaptotal"], m["swapfree"]
	nocache := m["memfree"] + m["cached"] + m["buffers"]
	g.facts["memory_mb"] = map[string]any{
		"real":    map[string]any{"total": m["memtotal"], "used": m["memtotal"] - m["memfree"], "free": m["memfree"]},
		"nocache": map[string]any{"free": nocache, "used": m["memtotal"] - nocache},
		"swap":    map[string]any{"total": m["swaptotal"], "free": m["swapfree"], "used": m["swaptotal"] - m["swapfree"], "cached": m["swapcached"]},
	}
}

// forms are the kinds of chassis in SMBIOS' numbering.
var forms = strings.Split("Unknown,Other,Unknown,Desktop,Low Profile Desktop,Pizza Box,Mini Tower,Tower,Portable,Laptop,Notebook,Hand Held,Docking Station,All In One,"+
	"Sub Notebook,Space-saving,Lunch Box,Main Server Chassis,Expansion Chassis,Sub Chassis,Bus Expansion Chassis,Peripheral Chassis,RAID Chassis,Rack Mount Chassis,"+
	"Sealed-case PC,Multi-system,CompactPCI,AdvancedTCA,Blade,Blade Enclosure,Tablet,Convertible,Detachable,IoT Gateway,Embedded PC,Mini PC,Stick PC", ",")

func dmi(g *gathering) {
	for fact, file := range map[string]string{
		"bios_date": "bios_date", "bios_vendor": "bios_vendor", "bios_version": "bios_version", "board_asset_tag": "board_asset_tag", "board_name": "board_name",
		"board_serial": "board_serial", "board_vendor": "board_vendor", "board_version": "board_version", "chassis_asset_tag": "chassis_asset_tag",
		"chassis_serial": "chassis_serial", "chassis_vendor": "chassis_vendor", "chassis_version": "chassis_version", "product_name": "product_name",
		"product_serial": "product_serial", "product_uuid": "product_uuid", "product_version": "product_version", "system_vendor": "sys_vendor", "form_factor": "chassis_type",
	} {
		v := first(read("/sys/devices/virtual/dmi/id/"+file), "NA")
		if file == "chassis_type" {
			if n, err := strconv.Atoi(v); err == nil && n > 0 && n < len(forms) {
				v = forms[n]
			}
		}
		g.facts[fact] = v
	}
}

func uptime(g *gathering) {
	f := strings.Fields(read("/proc/uptime"))
	if len(f) == 0 {
		return
	}
	if seconds, err := strconv.ParseFloat(f[0], 64); err == nil {
		g.facts["uptime_seconds"] = int64(seconds)
	}
}

// unescape undoes fstab's octal escapes.
func unescape(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}

func mounts(g *gathering) []any {
	links := deviceLinks("by-uuid")
	out := []any{}
	for line := range strings.Lines(first(read("/proc/self/mounts"), read("/etc/mtab")) + "\n") {
		f := strings.Fields(line)
		if len(f) < 4 {
			continue
		}
		device, mount := unescape(f[0]), unescape(f[1])
		if !strings.HasPrefix(device, "/") && !strings.Contains(device, ":/") || f[2] == "none" {
			continue
		}
		uuid := "N/A"
		if u := links[filepath.Base(device)]; len(u) > 0 {
			uuid, _ = u[0].(string)
		}
		entry := map[string]any{"mount": mount, "device": device, "fstype": f[2], "options": f[3], "uuid": uuid}
		var s syscall.Statfs_t
		if syscall.Statfs(mount, &s) == nil {
			size := s.Frsize
			entry["size_total"], entry["size_available"] = int64(s.Blocks)*size, int64(s.Bavail)*size
			entry["block_size"], entry["block_total"], entry["block_available"] = s.Bsize, int64(s.Blocks), int64(s.Bavail)
			entry["block_used"] = int64(s.Blocks - s.Bavail)
			entry["inode_total"], entry["inode_available"], entry["inode_used"] = int64(s.Files), int64(s.Ffree), int64(s.Files-s.Ffree)
		}
		out = append(out, entry)
	}
	return out
}

// deviceLinks are the names in /dev/disk/by-X by the device that they mean.
func deviceLinks(by string) map[string][]any {
	out := map[string][]any{}
	entries, err := os.ReadDir("/dev/disk/" + by)
	if err != nil {
		return out // nothing is linked then
	}
	for _, e := range entries {
		if to, err := os.Readlink(filepath.Join("/dev/disk", by, e.Name())); err == nil {
			device := filepath.Base(to)
			out[device] = append(out[device], e.Name())
		}
	}
	return out
}

func devices(g *gathering) {
	links := map[string]map[string][]any{}
	masters := map[string][]any{}
	for fact, by := range map[string]string{"ids": "by-id", "uuids": "by-uuid", "labels": "by-label"} {
		links[fact] = deviceLinks(by)
	}
	slaves, err := filepath.Glob("/sys/block/*/slaves/*")
	if err == nil {
		for _, s := range slaves {
			masters[filepath.Base(s)] = append(masters[filepath.Base(s)], filepath.Base(filepath.Dir(filepath.Dir(s))))
		}
	}
	links["masters"] = masters
	all := map[string]any{}
	for fact, l := range links {
		m := map[string]any{}
		for k, v := range l {
			m[k] = v
		}
		all[fact] = m
	}
	g.facts["device_links"] = all
	out := map[string]any{}
	entries, err := os.ReadDir("/sys/block")
	if err == nil {
		for _, e := range entries {
			if to, err := os.Readlink("/sys/block/" + e.Name()); err == nil && strings.Contains(to, "virtual/block") && strings.HasPrefix(e.Name(), "ram") {
				continue
			}
			out[e.Name()] = device(e.Name(), links)
		}
	}
	g.facts["devices"] = out
}

func linksOf(name string, links map[string]map[string][]any) map[string]any {
	out := map[string]any{}
	for fact, l := range links {
		list := l[name]
		if list == nil {
			list = []any{}
		}
		out[fact] = list
	}
	return out
}

func device(name string, links map[string]map[string][]any) map[string]any {
	dir := "/sys/block/" + name
	d := map[string]any{
		"virtual": int64(0), "links": linksOf(name, links), "vendor": orNil(read(dir + "/device/vendor")), "model": orNil(read(dir + "/device/model")),
		"sas_address": nil, "sas_device_handle": nil, "removable": read(dir + "/removable"), "support_discard": read(dir + "/queue/discard_granularity"),
		"rotational": read(dir + "/queue/rotational"), "host": "", "holders": []any{}, "partitions": partitions(dir, name, links),
		"scheduler_mode": scheduler(read(dir + "/queue/scheduler")), "sectors": read(dir + "/size"), "sectorsize": first(read(dir+"/queue/logical_block_size"), "512"),
	}
	if to, err := os.Readlink(dir); err == nil && !strings.Contains(to, "/pci") {
		d["virtual"] = int64(1)
	}
	if serial := read(dir + "/device/serial"); serial != "" {
		d["serial"] = serial
	}
	d["size"] = size(d["sectors"], 512)
	var holders []any
	if found, err := os.ReadDir(dir + "/holders"); err == nil {
		for _, h := range found {
			holders = append(holders, h.Name())
		}
	}
	if holders != nil {
		d["holders"] = holders
	}
	return d
}

func orNil(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// scheduler is the name in brackets.
func scheduler(s string) string {
	_, after, ok := strings.Cut(s, "[")
	if !ok {
		return ""
	}
	name, _, _ := strings.Cut(after, "]")
	return name
}

// size is a number of sectors for people.
func size(sectors any, each float64) string {
	text, _ := sectors.(string)
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return "0.00 Bytes"
	}
	n *= each
	for _, u := range []struct {
		name   string
		factor float64
	}{{"PB", 1 << 50}, {"TB", 1 << 40}, {"GB", 1 << 30}, {"MB", 1 << 20}, {"KB", 1 << 10}} {
		if n >= u.factor {
			return strconv.FormatFloat(math.Round(n/u.factor*100)/100, 'f', 2, 64) + " " + u.name
		}
	}
	return strconv.FormatFloat(n, 'f', 2, 64) + " Bytes"
}

func partitions(dir, name string, links map[string]map[string][]any) map[string]any {
	out := map[string]any{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return out // a device that went away has none
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), name) || !exists(filepath.Join(dir, e.Name(), "partition")) {
			continue
		}
		p := filepath.Join(dir, e.Name())
		uuid := any(nil)
		if u := links["uuids"][e.Name()]; len(u) > 0 {
			uuid = u[0]
		}
		sectors := read(p + "/size")
		out[e.Name()] = map[string]any{"links": linksOf(e.Name(), links), "start": read(p + "/start"), "sectors": sectors,
			"sectorsize": first(read(dir+"/queue/logical_block_size"), "512"), "size": size(sectors, 512), "uuid": uuid, "holders": []any{}}
	}
	return out
}
