package vitals_test

import (
	"os"
	"testing"
	"testing/fstest"
	"time"

	"garboard.dev/garboard/capability/platform/page/vitals"
	"garboard.dev/garboard/host/disk"
)

func proc(change map[string]string) fstest.MapFS {
	files := fstest.MapFS{}
	for name, text := range map[string]string{
		"stat":                 "cpu  100 0 50 800 50 0 0 0 0 0\ncpu0 50 0 25 400 25 0 0 0 0 0\ncpu1 50 0 25 400 25 0 0 0 0 0\nintr 5\n",
		"meminfo":              "MemTotal:        1000 kB\nMemFree:          100 kB\nMemAvailable:     400 kB\n",
		"uptime":               "3600.50 7000.00\n",
		"loadavg":              "0.42 0.30 0.20 1/300 12345\n",
		"net/dev":              "Inter-|   Receive  |  Transmit\n face |bytes packets|bytes\n    lo: 900 1 0 0 0 0 0 0 900 1 0 0 0 0 0 0\n  eth0: 1000 1 0 0 0 0 0 0 2000 1 0 0 0 0 0 0\n",
		"sys/kernel/osrelease": "6.1.0-13-amd64\n",
		"sys/kernel/hostname":  "oak\n",
	} {
		files[name] = &fstest.MapFile{Data: []byte(text)}
	}
	for name, text := range change {
		files[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return files
}

func TestSamples(t *testing.T) {
	t.Parallel()
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	m := &vitals.Meter{Proc: proc(nil), Disk: disk.Fake{Space: disk.Space{Free: 30, Total: 100}}, Path: "/", Now: func() time.Time { return now }}
	first, err := m.Read()
	if err != nil {
		t.Fatal(err)
	}
	want := vitals.Sample{Time: now, Host: "oak", Kernel: "6.1.0-13-amd64", Uptime: 3600.5, Cores: 2, Load: 0.42,
		Memory: 1000 << 10, MemUsed: 600 << 10, Disk: 100, DiskUsed: 70}
	if first != want {
		t.Errorf("first sample\n got %+v\nwant %+v", first, want)
	}
	now = now.Add(2 * time.Second)
	m.Proc = proc(map[string]string{
		"stat":    "cpu  125 0 75 950 50 0 0 0 0 0\ncpu0 0 0 0 0\n",
		"net/dev": "lo: 0 0 0 0 0 0 0 0 0 0\neth0: 5000 1 0 0 0 0 0 0 3000 1\nveth12: 9999 0 0 0 0 0 0 0 9999 0\n",
	})
	second, err := m.Read()
	if err != nil {
		t.Fatal(err)
	}
	if second.CPU != 0.25 || second.Received != 2000 || second.Sent != 500 {
		t.Errorf("rates: CPU %v, received %v, sent %v; want 0.25, 2000, 500", second.CPU, second.Received, second.Sent)
	}
}

func TestMalformedFilesAreNamed(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"stat": "cpu 1 2\n", "meminfo": "MemFree: 1 kB\n", "uptime": "\n", "loadavg": "much\n", "net/dev": "eth0: 1 2\n",
	} {
		m := &vitals.Meter{Proc: proc(map[string]string{name: text}), Disk: disk.Fake{}, Path: "/", Now: time.Now}
		if _, err := m.Read(); err == nil {
			t.Errorf("%s with %q was accepted", name, text)
		}
	}
}

func TestThisMachine(t *testing.T) {
	t.Parallel()
	m := &vitals.Meter{Proc: os.DirFS("/proc"), Disk: disk.Linux{}, Path: t.TempDir(), Now: time.Now}
	s, err := m.Read()
	if err != nil {
		t.Fatal(err)
	}
	if s.Cores < 1 || s.Memory == 0 || s.MemUsed == 0 || s.MemUsed > s.Memory || s.Disk == 0 || s.Uptime <= 0 || s.Kernel == "" {
		t.Errorf("this machine's sample is not plausible: %+v", s)
	}
}

// No file of /proc, however malformed, may bring the console down or give a
// share outside 0 to 1.
func FuzzRead(f *testing.F) {
	f.Add("cpu  100 0 50 800 50 0 0 0 0 0\ncpu0 1 1 1 1\n", "MemTotal: 5 kB\n", "1.5 2\n", "eth0: 1 0 0 0 0 0 0 0 2 0\n")
	f.Add("cpu 18446744073709551615 1 1 1\n", "MemTotal: 99999999999999999999 kB\n", "NaN\n", ":\n")
	f.Fuzz(func(t *testing.T, stat, meminfo, uptime, network string) {
		m := &vitals.Meter{Disk: disk.Fake{}, Path: "/", Now: time.Now, Proc: proc(map[string]string{"stat": "cpu 1 1 1 1\n"})}
		if _, err := m.Read(); err != nil {
			t.Fatal(err)
		}
		m.Proc = proc(map[string]string{"stat": stat, "meminfo": meminfo, "uptime": uptime, "net/dev": network})
		s, err := m.Read()
		if err == nil && (s.CPU < 0 || s.CPU > 1 || s.MemUsed > s.Memory || s.Uptime != s.Uptime) {
			t.Errorf("implausible: %+v", s)
		}
	})
}
