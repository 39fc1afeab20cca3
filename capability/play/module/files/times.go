package files

import (
	"errors"
	"fmt"
	"syscall"
	"time"

	"garboard.dev/garboard/capability/play/module"
	"garboard.dev/garboard/capability/play/module/attribute"
)

// stamp is what a task says of one of a file's times: keep it, set it to the
// present, or to a moment.
type stamp struct {
	keep, now bool
	at        time.Time
}

// readStamp reads an option that says a time. Only touch means now without it.
func readStamp(c *module.Call, option, state string) (stamp, error) {
	text := c.Args.String(option)
	switch {
	case text == "preserve" || text == "" && state != "touch":
		return stamp{keep: true}, nil
	case text == "now" || text == "":
		return stamp{now: true}, nil
	}
	format := c.Args.String(option + "_format")
	at, err := parseTime(text, format, time.Local)
	if err != nil {
		return stamp{}, fail(fmt.Sprintf("Error while obtaining timestamp for time %s using format %s: %s", text, format, err))
	}
	return stamp{at: at}, nil
}

func (s stamp) over(was time.Time, now time.Time) time.Time {
	switch {
	case s.keep:
		return was
	case s.now:
		return now
	}
	return s.at
}

// seconds writes a time as results have it: seconds as a floating point number.
func seconds(t time.Time) float64 {
	return float64(t.Unix()) + float64(t.Nanosecond())*1e-9
}

// setTimes gives a path the times that the task asks for.
func (t *fileTask) setTimes(path string, diff *attribute.Diff) (bool, error) {
	if t.modify.keep && t.read.keep {
		return false, nil
	}
	var st syscall.Stat_t
	if err := syscall.Stat(path, &st); err != nil {
		return false, t.timeTrouble(err, path)
	}
	oldModify, oldRead := time.Unix(st.Mtim.Unix()), time.Unix(st.Atim.Unix())
	now := t.c.Machine.Now()
	modify, read := t.modify.over(oldModify, now), t.read.over(oldRead, now)
	if modify.Equal(oldModify) && read.Equal(oldRead) {
		return false, nil
	}
	if err := t.utime(path, modify, read); err != nil {
		return false, t.timeTrouble(err, path)
	}
	if !modify.Equal(oldModify) {
		diff.Set("mtime", seconds(oldModify), seconds(modify))
	}
	if !read.Equal(oldRead) {
		diff.Set("atime", seconds(oldRead), seconds(read))
	}
	return true, nil
}

// utimeNow is the kernel's UTIME_NOW: a file's writer may set it, not only its owner.
const utimeNow = 1<<30 - 1

func (t *fileTask) utime(path string, modify, read time.Time) error {
	if t.c.Check {
		return nil
	}
	times := []syscall.Timespec{syscall.NsecToTimespec(read.UnixNano()), syscall.NsecToTimespec(modify.UnixNano())}
	if t.modify.now && t.read.now {
		times = []syscall.Timespec{{Nsec: utimeNow}, {Nsec: utimeNow}}
	}
	for {
		if err := syscall.UtimesNano(path, times); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

func (t *fileTask) timeTrouble(err error, path string) error {
	return fail("Error while updating modification or access time: "+attribute.Reason(err, true), "path", path)
}
