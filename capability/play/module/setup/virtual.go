package setup

import (
	"slices"
	"strings"
)

// virtual says what the machine runs in, and what can run in it.
func virtual(g *gathering) error {
	v := &detecting{}
	v.containers()
	v.machines()
	v.hosts()
	kind, role := v.kind, v.role
	if kind == "" {
		kind, role = "NA", "NA"
		if len(v.host) > 0 {
			kind, role = "kvm", "host"
		}
	}
	g.facts["virtualization_type"], g.facts["virtualization_role"] = kind, role
	g.facts["virtualization_tech_guest"], g.facts["virtualization_tech_host"] = sorted(v.guest), sorted(v.host)
	return nil
}

func sorted(in []string) []any {
	slices.Sort(in)
	return anyList(slices.Compact(in))
}

type detecting struct {
	kind, role  string
	guest, host []string
}

// guests notes what the machine runs in; the first one found is the type.
func (d *detecting) guests(kind string) {
	d.guest = append(d.guest, kind)
	if d.kind == "" {
		d.kind, d.role = kind, "guest"
	}
}

func (d *detecting) containers() {
	if exists("/.dockerenv") || exists("/.dockerinit") {
		d.guests("docker")
		d.guest = append(d.guest, "container")
	}
	cgroup := read("/proc/1/cgroup")
	if strings.Contains(cgroup, "/docker/") || strings.Contains(cgroup, "/docker-") {
		d.guests("docker")
		d.guest = append(d.guest, "container")
	}
	if strings.Contains(cgroup, "/lxc/") || strings.Contains(cgroup, "/machine.slice/") {
		d.guests("lxc")
		d.guest = append(d.guest, "container")
	}
	for pair := range strings.SplitSeq(read("/proc/1/environ"), "\x00") {
		kind, ok := strings.CutPrefix(pair, "container=")
		if !ok || kind == "" {
			continue
		}
		d.guest = append(d.guest, "container")
		switch kind {
		case "lxc", "podman":
			d.guests(kind)
		default:
			d.guests("container")
		}
	}
	if read("/run/systemd/container") != "" {
		d.guests(read("/run/systemd/container"))
		d.guest = append(d.guest, "container")
	}
}

// vendors are the makers of virtual machines by what firmware says.
var vendors = []struct{ file, text, kind string }{
	{"product_name", "KVM", "kvm"}, {"product_name", "VirtualBox", "virtualbox"}, {"product_name", "RHEV Hypervisor", "RHEV"}, {"product_name", "VMware", "VMware"},
	{"product_name", "OpenStack", "openstack"}, {"product_name", "Google Compute Engine", "kvm"}, {"bios_vendor", "Xen", "xen"}, {"bios_vendor", "innotek GmbH", "virtualbox"},
	{"bios_vendor", "Amazon EC2", "kvm"}, {"bios_vendor", "DigitalOcean", "kvm"}, {"bios_vendor", "Hetzner", "kvm"}, {"sys_vendor", "QEMU", "kvm"}, {"sys_vendor", "oVirt", "oVirt"},
	{"sys_vendor", "Microsoft Corporation", "VirtualPC"}, {"sys_vendor", "Parallels Software International Inc.", "parallels"}, {"sys_vendor", "OpenStack Foundation", "openstack"},
	{"sys_vendor", "Amazon EC2", "kvm"}, {"sys_vendor", "DigitalOcean", "kvm"}, {"sys_vendor", "Hetzner", "kvm"}, {"sys_vendor", "KubeVirt", "KubeVirt"},
}

func (d *detecting) machines() {
	for _, v := range vendors {
		if strings.HasPrefix(read("/sys/devices/virtual/dmi/id/"+v.file), v.text) {
			d.guests(v.kind)
			return
		}
	}
	for line := range strings.Lines(read("/proc/cpuinfo") + "\n") {
		if strings.HasPrefix(line, "model name") && strings.Contains(line, "QEMU Virtual CPU") {
			d.guests("kvm")
			return
		}
	}
	if exists("/proc/xen") {
		d.guests("xen")
	}
}

// hosts notes what can run in the machine.
func (d *detecting) hosts() {
	if exists("/dev/kvm") || exists("/sys/module/kvm") {
		d.host = append(d.host, "kvm")
	}
	if exists("/sys/module/vboxdrv") {
		d.host = append(d.host, "virtualbox")
	}
}
