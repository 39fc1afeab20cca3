package console

import (
	"net"
	"net/http"
	"sync"
	"time"
)

// Logins that one address may try, and how many addresses are remembered.
const (
	triesPerMinute = 10
	maxAddresses   = 10000
)

// limit lets each address try triesPerMinute times in any minute. Codes and
// tokens are too long to be guessed; this keeps the attempts from costing much.
type limit struct {
	now func() time.Time

	mu    sync.Mutex
	tries map[string][]time.Time
}

func newLimit(now func() time.Time) *limit {
	return &limit{now: now, tries: map[string][]time.Time{}}
}

// take counts one try; wait is how long to wait where there were too many.
func (l *limit) take(r *http.Request) (wait time.Duration) {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	now := l.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.tries) >= maxAddresses {
		l.forget(now)
	}
	recent := since(l.tries[host], now.Add(-time.Minute))
	if len(recent) >= triesPerMinute {
		l.tries[host] = recent
		return recent[0].Add(time.Minute).Sub(now)
	}
	l.tries[host] = append(recent, now)
	return 0
}

func (l *limit) forget(now time.Time) {
	for host, tries := range l.tries {
		if len(since(tries, now.Add(-time.Minute))) == 0 {
			delete(l.tries, host)
		}
	}
}

func since(times []time.Time, from time.Time) []time.Time {
	for len(times) > 0 && !times[0].After(from) {
		times = times[1:]
	}
	return times
}
