package daemon

import (
	"fmt"
	"time"

	"garboard.dev/garboard/capability/platform/component"
	"garboard.dev/garboard/capability/platform/control"
	"garboard.dev/garboard/host/disk"
)

// nearEnd is when a certificate that should have been renewed long ago is reported.
const nearEnd = 30 * 24 * time.Hour

// A disk counts as nearly full below a twentieth of its size, but not above
// muchRoom and not only below leastRoom.
const (
	leastRoom = 256 << 20
	muchRoom  = 5 << 30
)

// degraded lists what does not work as it should, with the reason and the fix.
func degraded(s control.Status, in component.Input, room disk.Space, now time.Time) []control.Degraded {
	var out []control.Degraded
	if room.Total > 0 && room.Free < max(leastRoom, min(room.Total/20, muchRoom)) {
		out = append(out, control.Degraded{
			What: fmt.Sprintf("the disk of %s is nearly full: %d of %d MiB are free", in.Layout.StateDir, room.Free>>20, room.Total>>20),
			Why:  "on a full disk etcd refuses writes, the kubelet evicts pods and images cannot be pulled",
			Fix:  "free space: garboard image gc removes images that nothing uses; nothing has to be restarted afterwards",
		})
	}
	for _, c := range s.Components {
		if c.Healthy || c.OnDemand && c.State == control.Stopped {
			continue
		}
		out = append(out, control.Degraded{What: c.Name + " is " + string(c.State), Why: c.Reason, Fix: "garboard platform logs " + c.Name + " shows what it said"})
	}
	for _, c := range s.Certificates {
		if left := c.Expires.Sub(now); left < nearEnd {
			out = append(out, control.Degraded{
				What: fmt.Sprintf("certificate %s ends on %s", c.Name, c.Expires.Format(time.DateOnly)),
				Why:  "it should have been renewed by now", Fix: "garboard platform logs supervisor says why it was not",
			})
		}
	}
	if !in.Machine.LowersOOM {
		out = append(out, control.Degraded{
			What: "containers are not ranked for the kernel's out-of-memory killer",
			Why:  "this machine does not let root lower oom_score_adj (no CAP_SYS_RESOURCE)",
			Fix:  "give the machine CAP_SYS_RESOURCE; until then set memory limits",
		})
	}
	return out
}
