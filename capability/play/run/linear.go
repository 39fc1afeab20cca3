package run

import (
	"slices"
	"strconv"
	"strings"
	"sync"

	"garboard.dev/garboard/capability/play/book"
	"garboard.dev/garboard/capability/play/event"
	"garboard.dev/garboard/capability/play/value"
)

// linear runs one task at a time, on all hosts that have come to it; hosts that
// are further wait for those that are behind.
func (p *playRun) linear() error {
	for p.ctx.Err() == nil {
		task, hosts := p.next()
		if task == nil {
			return nil
		}
		if err := p.round(task, hosts); err != nil {
			return err
		}
		if p.fault != nil {
			return p.fault
		}
		if p.allGone() {
			return nil
		}
	}
	return p.ctx.Err()
}

// next returns the task that is furthest behind and the hosts that are at it.
func (p *playRun) next() (*book.Task, []string) {
	var task *book.Task
	var least []int
	var hosts []string
	for _, host := range p.batch {
		s := p.run.state(host)
		if s.unreachable || s.ended {
			continue
		}
		t := s.cursor.peek()
		if t == nil {
			continue
		}
		at := s.cursor.position()
		order := slices.Compare(at, least)
		switch {
		case task == nil || order < 0:
			task, least, hosts = t, at, []string{host}
		case order == 0 && t == task:
			hosts = append(hosts, host)
		}
	}
	return task, hosts
}

// allGone says that the batch is over because no host has anything left to do,
// and tells so where one host's failure ended it for all.
func (p *playRun) allGone() bool {
	if len(p.hosts()) > 0 {
		return false
	}
	if p.stopped {
		p.run.emit(event.Event{Kind: event.NoHostsRemaining})
	}
	return true
}

// round runs one task on its hosts.
func (p *playRun) round(task *book.Task, hosts []string) error {
	for _, h := range hosts {
		s := p.run.state(h)
		s.cursor.take()
		if task.Handler {
			s.forget(task)
		}
	}
	if isMeta(task) {
		return p.meta(task, hosts)
	}
	if task.Smart {
		hosts = slices.DeleteFunc(slices.Clone(hosts), func(h string) bool { return p.run.state(h).facts.Load().Len() > 0 })
		if len(hosts) == 0 {
			return nil
		}
	}
	runOnce, err := p.taskFlag(task, hosts[0], "run_once")
	if err != nil {
		return err
	}
	all := hosts
	if runOnce {
		hosts = hosts[:1]
	}
	if run, err := p.announce(task, hosts[0]); err != nil || !run {
		return err
	}
	results := p.spread(task, hosts, p.forks(task, hosts[0], len(hosts)))
	p.share(results, all, runOnce)
	p.bring(results)
	return p.fatal(task, results, all, runOnce)
}

// announce tells that a task begins, and asks whether it should where the user wants to be asked.
func (p *playRun) announce(task *book.Task, host string) (bool, error) {
	name := p.title(task, host)
	if step := p.run.Step; step != nil && !task.Implicit {
		run, goOn := step(name)
		if !goOn {
			p.run.Step = nil
		}
		if !run {
			return false, nil
		}
	}
	p.run.emit(event.Event{Kind: event.TaskStart, Play: p.play, Task: task, Name: name, Handler: task.Handler, Check: p.run.Check})
	return true, nil
}

// title is a task's name with its templates done, as far as that can be.
func (p *playRun) title(task *book.Task, host string) string {
	name := task.Name()
	if strings.Contains(name, "{{") {
		if v, err := p.newVars(host, task); err == nil {
			if text, err := p.run.Engine.Text(p.ctx, name, p.scopeOf(v, task)); err == nil {
				name = text
			}
		}
	}
	return task.Title(name)
}

func (p *playRun) taskFlag(task *book.Task, host, name string) (bool, error) {
	raw, ok := task.Get(name)
	if !ok {
		return false, nil
	}
	if b, isBool := raw.(bool); isBool {
		return b, nil
	}
	v, err := p.newVars(host, task)
	if err != nil {
		return false, err
	}
	out, err := p.run.Engine.Value(p.ctx, raw, p.scopeOf(v, task))
	return book.Boolean(out), err
}

// forks is how many hosts run a task at once.
func (p *playRun) forks(task *book.Task, host string, hosts int) int {
	n := max(1, p.run.Forks)
	if raw, ok := task.Get("throttle"); ok {
		v, err := p.newVars(host, task)
		if err == nil {
			if out, err := p.run.Engine.Text(p.ctx, raw, p.scopeOf(v, task)); err == nil {
				if limit, err := strconv.Atoi(strings.TrimSpace(out)); err == nil && limit > 0 {
					n = min(n, limit)
				}
			}
		}
	}
	if serialActions[task.FQCN] {
		n = 1
	}
	return min(n, hosts)
}

// serialActions touch what all hosts share: one host at a time.
var serialActions = map[string]bool{"ansible.builtin.pause": true, "ansible.builtin.add_host": true}

// spread runs a task on hosts at once and takes in each result as it comes.
func (p *playRun) spread(task *book.Task, hosts []string, forks int) []*taskResult {
	results := make([]*taskResult, len(hosts))
	if forks == 1 {
		for i, h := range hosts {
			results[i] = p.runTask(p.ctx, h, task)
			p.settle(results[i])
			if bypass[task.FQCN] { // one run counts for all
				return results[:i+1]
			}
		}
		return results
	}
	done := make(chan int)
	var wg sync.WaitGroup
	queue := make(chan int)
	for range forks {
		wg.Go(func() {
			for i := range queue {
				results[i] = p.runTask(p.ctx, hosts[i], task)
				done <- i
			}
		})
	}
	go func() {
		for i := range hosts {
			queue <- i
		}
		close(queue)
		wg.Wait()
		close(done)
	}()
	for i := range done {
		p.settle(results[i])
	}
	return results
}

// bypass are actions that run once for all hosts.
var bypass = map[string]bool{"ansible.builtin.pause": true, "ansible.builtin.add_host": true}

// share gives what results bring to the hosts that they count for.
func (p *playRun) share(results []*taskResult, all []string, runOnce bool) {
	for _, r := range results {
		var sharing []string
		if runOnce || bypass[r.task.FQCN] {
			sharing = all
		}
		p.remember(r, sharing)
	}
}

// fatal applies any_errors_fatal, run_once and max_fail_percentage.
func (p *playRun) fatal(task *book.Task, results []*taskResult, all []string, runOnce bool) error {
	any, err := p.taskFlag(task, all[0], "any_errors_fatal")
	if err != nil {
		return err
	}
	any = any || p.run.Options.AnyErrorsFatal || runOnce
	hit := false
	for _, r := range results {
		bad := truth(r.dict, "failed") && !r.ignored || truth(r.dict, "unreachable") && !r.ignoredU
		hit = hit || bad
	}
	if hit && any {
		p.stopped = true
		for _, h := range p.batch {
			s := p.run.state(h)
			own := slices.ContainsFunc(results, func(r *taskResult) bool { return r.host == h && truth(r.dict, "failed") })
			if !own && !s.gone() {
				p.hostFails(h, nil)
			}
		}
	}
	return p.tooMany()
}

// tooMany ends the batch when more hosts failed than max_fail_percentage allows.
func (p *playRun) tooMany() error {
	v, ok, err := p.keyword("max_fail_percentage")
	if err != nil || !ok {
		return err
	}
	limit, isNumber := value.Float(v)
	if !isNumber {
		if limit, err = strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(value.Str(v)), "%"), 64); err != nil {
			return &book.Error{Message: "max_fail_percentage is no number: " + value.Str(v), Position: p.play.Position}
		}
	}
	failed := 0
	for _, h := range p.batch {
		if s := p.run.state(h); s.failed && s.cursor.failed || s.unreachable {
			failed++
		}
	}
	if failed == 0 || float64(failed)/float64(len(p.batch))*100 <= limit {
		return nil
	}
	for _, h := range p.batch {
		s := p.run.state(h)
		if !s.unreachable {
			s.failed = true
			s.cursor.end()
		}
	}
	p.broken, p.stopped = true, true
	return nil
}
