package daemon

import (
	"strings"
	"testing"
	"time"

	"garboard.dev/garboard/capability/platform/component"
	"garboard.dev/garboard/capability/platform/control"
	"garboard.dev/garboard/host/disk"
)

func TestDegraded(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	roomy := disk.Space{Free: 50 << 30, Total: 100 << 30}
	for _, c := range []struct {
		name   string
		status control.Status
		room   disk.Space
		want   string // in the only finding; "" for none
	}{
		{"all is well", control.Status{}, roomy, ""},
		{"a small disk with room", control.Status{}, disk.Space{Free: 300 << 20, Total: 1 << 30}, ""},
		{"a small disk without", control.Status{}, disk.Space{Free: 200 << 20, Total: 1 << 30}, "200 of 1024 MiB are free"},
		{"a large disk with 5 GiB", control.Status{}, disk.Space{Free: 5 << 30, Total: 1 << 40}, ""},
		{"a large disk with 4 GiB", control.Status{}, disk.Space{Free: 4 << 30, Total: 1 << 40}, "nearly full"},
		{"a disk that cannot be measured", control.Status{}, disk.Space{}, ""},
		{"a component that is down", control.Status{Components: []control.Component{{Name: "etcd", State: control.Failed, Reason: "exit code 1"}}}, roomy, "etcd is"},
		{"a component that nobody needs now", control.Status{Components: []control.Component{{Name: "buildkitd", State: control.Stopped, OnDemand: true}}}, roomy, ""},
		{"an old certificate", control.Status{Certificates: []control.Certificate{{Name: "apiserver", Expires: now.Add(24 * time.Hour)}}}, roomy, "certificate apiserver ends on 2026-11-22"},
	} {
		var in component.Input
		in.Machine.LowersOOM = true
		found := degraded(c.status, in, c.room, now)
		switch {
		case c.want == "" && len(found) > 0:
			t.Errorf("%s: found %+v", c.name, found)
		case c.want != "" && (len(found) != 1 || !strings.Contains(found[0].What, c.want)):
			t.Errorf("%s: found %+v, want one with %q", c.name, found, c.want)
		case c.want != "" && (found[0].Why == "" || found[0].Fix == ""):
			t.Errorf("%s: no reason or no fix in %+v", c.name, found[0])
		}
	}
}
