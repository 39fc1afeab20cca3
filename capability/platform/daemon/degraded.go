package daemon

import (
	"fmt"
	"time"

	"garboard.dev/garboard/capability/platform/component"
	"garboard.dev/garboard/capability/platform/control"
)

// nearEnd is when a certificate that should have been renewed long ago is reported.
const nearEnd = 30 * 24 * time.Hour

// degraded lists what does not work as it should, with the reason and the fix.
func degraded(s control.Status, in component.Input, now time.Time) []control.Degraded {
	var out []control.Degraded
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
