package run

import (
	"sync"

	"garboard.dev/garboard/capability/play/event"
)

// free lets every host run its tasks as fast as it can. Pinned, a worker stays
// with one host until that is done; else hosts take turns task by task.
func (p *playRun) free(pinned bool) error {
	f := &freely{p: p, pinned: pinned}
	f.queue = append(f.queue, p.batch...)
	f.wake = sync.NewCond(&f.mu)
	var wg sync.WaitGroup
	for range min(max(1, p.run.Forks), max(1, len(p.batch))) {
		wg.Go(f.work)
	}
	wg.Wait()
	if f.err == nil {
		f.err = p.fault
	}
	if f.err != nil {
		return f.err
	}
	p.allGone()
	return p.ctx.Err()
}

type freely struct {
	p      *playRun
	pinned bool
	mu     sync.Mutex
	step   sync.Mutex // one result is taken in at a time
	wake   *sync.Cond
	queue  []string
	busy   int
	err    error
}

// take returns the next host to work on; false when all is done.
func (f *freely) take() (string, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for len(f.queue) == 0 && f.busy > 0 && f.err == nil {
		f.wake.Wait()
	}
	if len(f.queue) == 0 || f.err != nil || f.p.ctx.Err() != nil {
		f.wake.Broadcast()
		return "", false
	}
	host := f.queue[0]
	f.queue = f.queue[1:]
	f.busy++
	return host, true
}

func (f *freely) give(host string, more bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.busy--
	if err != nil && f.err == nil {
		f.err = err
	}
	if more {
		f.queue = append(f.queue, host)
	}
	f.wake.Broadcast()
}

func (f *freely) work() {
	for {
		host, ok := f.take()
		if !ok {
			return
		}
		more, err := f.one(host)
		for f.pinned && more && err == nil && f.p.ctx.Err() == nil {
			more, err = f.one(host)
		}
		f.give(host, more, err)
	}
}

// one runs a host's next task and says whether there is more.
func (f *freely) one(host string) (bool, error) {
	p := f.p
	f.step.Lock()
	s := p.run.state(host)
	if s.unreachable || s.ended {
		f.step.Unlock()
		return false, nil
	}
	task := s.cursor.peek()
	if task == nil {
		f.step.Unlock()
		return false, nil
	}
	s.cursor.take()
	if task.Handler {
		s.forget(task)
	}
	if isMeta(task) {
		err := p.meta(task, []string{host})
		f.step.Unlock()
		return err == nil, err
	}
	once, err := p.taskFlag(task, host, "run_once")
	if err != nil {
		f.step.Unlock()
		return false, err
	}
	if once {
		p.run.Tell(event.Warning, "Using run_once with the free strategy is not currently supported. This task will still be executed for every host in the inventory list.")
	}
	p.run.emit(event.Event{Kind: event.HostStart, Play: p.play, Task: task, Name: p.title(task, host), Host: host, Handler: task.Handler})
	f.step.Unlock()
	r := p.runTask(p.ctx, host, task)
	f.step.Lock()
	defer f.step.Unlock()
	p.settle(r)
	p.remember(r, nil)
	p.bring([]*taskResult{r})
	return true, p.fatal(task, []*taskResult{r}, []string{host}, false)
}
