package callback

import (
	"encoding/json"
	"fmt"
	"time"

	"garboard.dev/garboard/capability/play/event"
	"garboard.dev/garboard/capability/play/value"
)

// Data collects everything and prints it at the end as one JSON document, as the
// callback ansible.posix.json does.
type Data struct {
	*Display
	Now func() time.Time

	plays *value.List
	task  *value.Dict
	hosts *value.Dict
	of    any // the task that the last entry is for
}

func (d *Data) stamp() string { return d.Now().UTC().Format("2006-01-02T15:04:05.000000Z") }

// Handle implements event.Sink.
func (d *Data) Handle(e event.Event) {
	if d.plays == nil {
		d.plays = value.NewList()
	}
	switch e.Kind {
	case event.PlayStart:
		d.plays.Items = append(d.plays.Items, value.DictOf("play", value.DictOf("name", e.Name, "id", d.id(), "duration", value.DictOf("start", d.stamp())), "tasks", value.NewList()))
	case event.TaskStart, event.HostStart:
		if e.Kind == event.TaskStart || d.of != e.Task {
			d.begin(e)
		}
	case event.Ok, event.Failed, event.Skipped, event.Unreachable:
		d.result(e)
	case event.Message:
		if e.Level >= event.Warning {
			d.Tell(e.Level, e.Text)
		}
	case event.Finished:
		d.finish(e)
	}
}

func (d *Data) id() string { return fmt.Sprintf("%08x", len(d.plays.Items)+1) }

func (d *Data) begin(e event.Event) {
	d.of = e.Task
	d.hosts = value.NewDict()
	d.task = value.DictOf("task", value.DictOf("name", e.Name, "id", d.id(), "duration", value.DictOf("start", d.stamp())), "hosts", d.hosts)
	if len(d.plays.Items) == 0 {
		return
	}
	play, _ := d.plays.Items[len(d.plays.Items)-1].(*value.Dict)
	tasks, _ := play.Str("tasks")
	if l, ok := tasks.(*value.List); ok {
		l.Items = append(l.Items, d.task)
	}
}

func (d *Data) result(e event.Event) {
	if d.hosts == nil {
		return
	}
	r := shownResult(e)
	r.SetStr("action", e.Task.FQCN)
	switch e.Kind {
	case event.Failed:
		r.SetStr("failed", true)
	case event.Skipped:
		r.SetStr("skipped", true)
	case event.Unreachable:
		r.SetStr("unreachable", true)
	}
	d.hosts.SetStr(e.Host, r)
	for _, holder := range []*value.Dict{d.task, d.plays.Items[len(d.plays.Items)-1].(*value.Dict)} {
		for _, key := range []string{"task", "play"} {
			if v, ok := holder.Str(key); ok {
				info, _ := v.(*value.Dict)
				duration, _ := info.Str("duration")
				if times, isDict := duration.(*value.Dict); isDict {
					times.SetStr("end", d.stamp())
				}
			}
		}
	}
}

func (d *Data) finish(e event.Event) {
	stats := value.NewDict()
	for _, h := range e.Stats.Hosts {
		n := e.Stats.Counts[h]
		stats.SetStr(h, value.DictOf("ok", int64(n.Ok), "failures", int64(n.Failures), "unreachable", int64(n.Unreachable), "changed", int64(n.Changed),
			"skipped", int64(n.Skipped), "rescued", int64(n.Rescued), "ignored", int64(n.Ignored)))
	}
	custom, global := value.NewDict(), value.NewDict()
	for h, s := range e.Stats.Custom {
		if h == "_run" {
			global = s
			continue
		}
		custom.SetStr(h, s)
	}
	text := JSON(value.DictOf("plays", d.plays, "stats", stats, "custom_stats", custom, "global_custom_stats", global), 4)
	if !json.Valid([]byte(text)) {
		text = "{}"
	}
	fmt.Fprintln(d.Out, text)
}
