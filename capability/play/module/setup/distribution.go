package setup

import (
	"regexp"
	"strings"
)

// release reads os-release(5).
func release() map[string]string {
	out := map[string]string{}
	for line := range strings.Lines(first(read("/etc/os-release"), read("/usr/lib/os-release"))) {
		if k, v, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			out[k] = strings.Trim(v, `"'`)
		}
	}
	return out
}

// names are the names that Ansible gives distributions by their ID.
var names = map[string]string{
	"debian": "Debian", "ubuntu": "Ubuntu", "rhel": "RedHat", "centos": "CentOS", "fedora": "Fedora", "rocky": "Rocky", "almalinux": "AlmaLinux",
	"alpine": "Alpine", "arch": "Archlinux", "opensuse-leap": "openSUSE Leap", "sles": "SLES", "raspbian": "Debian", "linuxmint": "Linux Mint",
	"kali": "Kali", "devuan": "Devuan", "amzn": "Amazon", "ol": "OracleLinux", "gentoo": "Gentoo", "pop": "Pop!_OS", "opensuse-tumbleweed": "openSUSE Tumbleweed",
}

// families are the families of distributions.
var families = map[string]string{
	"Debian": "Debian", "Ubuntu": "Debian", "Linux Mint": "Debian", "Kali": "Debian", "Devuan": "Debian", "Pop!_OS": "Debian",
	"RedHat": "RedHat", "CentOS": "RedHat", "Fedora": "RedHat", "Rocky": "RedHat", "AlmaLinux": "RedHat", "Amazon": "RedHat", "OracleLinux": "RedHat",
	"Alpine": "Alpine", "Archlinux": "Archlinux", "openSUSE Leap": "Suse", "openSUSE Tumbleweed": "Suse", "SLES": "Suse", "Gentoo": "Gentoo",
}

func distribution(g *gathering) error {
	r := release()
	name, ok := names[r["ID"]]
	if !ok {
		name = r["NAME"]
	}
	version := r["VERSION_ID"]
	if name == "Debian" {
		if point := read("/etc/debian_version"); regexp.MustCompile(`^\d+\.\d+`).MatchString(point) {
			version = point
		}
	}
	major, minor, _ := strings.Cut(version, ".")
	family, ok := families[name]
	if !ok {
		family = name
	}
	codename := first(r["VERSION_CODENAME"], r["UBUNTU_CODENAME"], "NA")
	for k, v := range map[string]any{
		"distribution": name, "distribution_version": version, "distribution_major_version": major, "distribution_release": codename,
		"os_family": family, "distribution_file_path": "/etc/os-release", "distribution_file_variety": name, "distribution_file_parsed": true,
	} {
		g.facts[k] = v
	}
	if family == "Debian" && minor != "" {
		g.facts["distribution_minor_version"] = minor
	}
	return nil
}

func lsb(g *gathering) error {
	g.facts["lsb"] = map[string]any{}
	if !exists("/usr/bin/lsb_release") && !exists("/etc/lsb-release") {
		return nil
	}
	r := release()
	version := r["VERSION_ID"]
	major, _, _ := strings.Cut(version, ".")
	g.facts["lsb"] = map[string]any{"id": names[r["ID"]], "description": r["PRETTY_NAME"], "release": version, "codename": first(r["VERSION_CODENAME"], "n/a"), "major_release": major}
	return nil
}
