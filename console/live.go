package console

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"
)

// How live data flows: every tick each feed of a connection is asked for what
// its browser does not have yet. A slow browser is asked less often and gets
// the same rows merged; nothing queues up.
const (
	tick       = 250 * time.Millisecond
	beatEvery  = 10 * time.Second // a line at least so often, so that both ends notice a dead connection
	writeLimit = 20 * time.Second // a browser that takes no data for that long has gone
	maxStreams = 16               // of one session
	linger     = 2 * time.Minute  // how long a feed is kept fresh for the next reader
)

// live runs the feeds while somebody reads.
type live struct {
	feeds []*feed

	mu      sync.Mutex
	ctx     context.Context // of Serve; nil before
	readers int
	stop    context.CancelFunc // ends the running feeds
	rest    *time.Timer        // will stop them
	running sync.WaitGroup
}

type feed struct {
	name string
	Feed
}

func newLive(pages []Page) *live {
	l := &live{}
	for _, p := range pages {
		for _, f := range p.Feeds {
			l.feeds = append(l.feeds, &feed{p.Name + "/" + f.Name, f})
		}
	}
	return l
}

// start lets feeds run until ctx ends or the returned function has been called.
func (l *live) start(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	l.mu.Lock()
	l.ctx = ctx
	l.mu.Unlock()
	return func() {
		cancel()
		l.running.Wait()
	}
}

// enter counts a reader and starts the feeds for the first one; leave is to be
// called when it goes.
func (l *live) enter() (leave func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.readers++
	if l.rest != nil {
		l.rest.Stop()
		l.rest = nil
	}
	if l.stop == nil && l.ctx != nil && l.ctx.Err() == nil {
		var ctx context.Context
		ctx, l.stop = context.WithCancel(l.ctx)
		for _, f := range l.feeds {
			if f.Run != nil {
				l.running.Go(func() { f.Run(ctx) })
			}
		}
	}
	return l.leave
}

func (l *live) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.readers--; l.readers == 0 {
		l.rest = time.AfterFunc(linger, l.pause)
	}
}

// pause stops the feeds unless somebody came meanwhile.
func (l *live) pause() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.readers == 0 && l.stop != nil {
		l.stop()
		l.stop = nil
	}
}

// message is one line of the stream.
type message struct {
	Feed string `json:"feed,omitempty"` // empty: only a sign of life
	Data any    `json:"data,omitempty"`
}

// serveLive streams every feed as lines of JSON until the browser goes, the
// session ends or the server stops.
func (s *Server) serveLive(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	c, _ := ctx.Value(sessionKey{}).(*session)
	done, ok := s.sessions.stream(c, maxStreams)
	if !ok {
		refuse(w, http.StatusTooManyRequests, "this session has too many windows open", "close some of them")
		return
	}
	defer done()
	defer s.live.enter()()
	w.Header().Set("Content-Type", "application/x-ndjson")
	out := &lines{encoder: json.NewEncoder(w), control: http.NewResponseController(w), now: s.env.Now}
	readers := make([]Reader, len(s.live.feeds))
	for i, f := range s.live.feeds {
		readers[i] = f.Open(c.user)
	}
	ticks := time.NewTicker(tick)
	defer ticks.Stop()
	for {
		if !s.send(ctx, out, readers) || !s.sessions.valid(ctx, c) {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
	}
}

// send writes what each reader has, and says whether the browser is still there.
func (s *Server) send(ctx context.Context, out *lines, readers []Reader) bool {
	for pending := true; pending; {
		pending = false
		for i, reader := range readers { // in turns, so that a long feed holds no short one back
			data, more := reader.Next(ctx)
			if data != nil && out.write(message{Feed: s.live.feeds[i].name, Data: data}) != nil {
				return false
			}
			pending = pending || more
		}
		if ctx.Err() != nil {
			return false
		}
	}
	return out.beat() == nil
}

// lines writes messages, each within a time limit of its own.
type lines struct {
	encoder *json.Encoder
	control *http.ResponseController
	now     func() time.Time
	last    time.Time
}

func (l *lines) write(m message) error {
	l.last = l.now()
	if err := l.control.SetWriteDeadline(l.last.Add(writeLimit)); err != nil {
		return err
	}
	if err := l.encoder.Encode(m); err != nil {
		return err
	}
	return l.control.Flush()
}

// beat writes a sign of life where nothing else was written for a while.
func (l *lines) beat() error {
	if l.now().Sub(l.last) < beatEvery {
		return nil
	}
	return l.write(message{})
}
