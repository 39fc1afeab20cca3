// Package follow reads the logs of many containers as one stream of whole
// lines. While following it takes up pods that come later, reads on after a
// container was started again or a connection broke, and neither loses nor
// repeats a line: the kubelet's own times tell where it stood.
package follow

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
)

// Options say what is read.
type Options struct {
	Namespace  string
	Match      metav1.ListOptions // which pods, by name or labels
	Container  string             // one container of each pod; "" for all but init containers
	Init       bool               // init containers too
	Previous   bool               // the run before the last start
	Timestamps bool               // lines begin with their times
	Since      time.Duration      // not older than this; 0 for all
	Tail       int64              // so many lines of each container at first; below 0 for all
}

// Line is one line of a log, without its end.
type Line struct {
	Pod, Container string
	Text           []byte // valid until Sink returns
}

// Follower reads logs.
type Follower struct {
	Client kubernetes.Interface
	Options
	Sink func(Line) error // gets the lines, one at a time; its error ends the work
	Note func(string)     // is told, while following, what is not a log: a pod that has come, gone or waits

	sink sync.Mutex
	mu   sync.Mutex
	pods map[types.UID]*podState
}

// podState is what is known of one pod while it is followed.
type podState struct {
	pod     *corev1.Pod
	gone    bool
	reading map[string]bool
}

// retryPause is between two attempts to read a log that does not flow.
const retryPause = 500 * time.Millisecond

// Once reads what has been logged so far, pod after pod. Containers that have
// no log yet are told to Note; where none has one, the first reason is the error.
func (f *Follower) Once(ctx context.Context) error {
	list, err := f.Client.CoreV1().Pods(f.Namespace).List(ctx, f.Match)
	if err != nil {
		return err
	}
	read := 0
	var first error
	for i := range list.Items {
		pod := &list.Items[i]
		for _, name := range f.containersOf(pod) {
			err := f.read(ctx, pod, name, &position{})
			var ended *sinkError
			switch {
			case errors.As(err, &ended):
				return ended.err
			case err == nil:
				read++
			case first == nil:
				first = err
			}
			if err != nil {
				f.Note(fmt.Sprintf("%s %s: %v", pod.Name, name, err))
			}
		}
	}
	if read == 0 {
		return first
	}
	return ctx.Err()
}

// containersOf are the containers of a pod that are wanted.
func (f *Follower) containersOf(pod *corev1.Pod) []string {
	var all, wanted []string
	for _, c := range pod.Spec.InitContainers {
		all = append(all, c.Name)
		if f.Init {
			wanted = append(wanted, c.Name)
		}
	}
	for _, c := range pod.Spec.Containers {
		all = append(all, c.Name)
		wanted = append(wanted, c.Name)
	}
	for _, c := range pod.Spec.EphemeralContainers {
		all = append(all, c.Name)
	}
	if f.Container == "" {
		return wanted
	}
	if slices.Contains(all, f.Container) {
		return []string{f.Container}
	}
	return nil
}

// Follow reads until ctx ends, or until every pod that was found has ended for
// good; one that was named and is deleted has ended, too.
func (f *Follower) Follow(ctx context.Context) error {
	f.pods = map[types.UID]*podState{}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var readers sync.WaitGroup
	defer readers.Wait()
	for {
		version, err := f.list(ctx, &readers, stop)
		if err == nil {
			err = f.watch(ctx, version, &readers, stop)
		}
		switch {
		case errors.Is(context.Cause(ctx), errDone):
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil && !passing(err):
			stop(err)
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(retryPause):
		}
	}
}

var errDone = errors.New("every pod has ended")

// passing says that trying again may help.
func passing(err error) bool {
	var status apierrors.APIStatus
	return !errors.As(err, &status) || apierrors.IsServiceUnavailable(err) || apierrors.IsTooManyRequests(err) ||
		apierrors.IsInternalError(err) || apierrors.IsGone(err) || apierrors.IsResourceExpired(err)
}

func (f *Follower) list(ctx context.Context, readers *sync.WaitGroup, stop context.CancelCauseFunc) (string, error) {
	list, err := f.Client.CoreV1().Pods(f.Namespace).List(ctx, f.Match)
	if err != nil {
		return "", err
	}
	there := map[types.UID]bool{}
	for i := range list.Items {
		there[list.Items[i].UID] = true
		f.take(ctx, &list.Items[i], readers, stop)
	}
	f.mu.Lock()
	for uid, state := range f.pods {
		state.gone = state.gone || !there[uid]
	}
	f.mu.Unlock()
	return list.ResourceVersion, nil
}

func (f *Follower) watch(ctx context.Context, version string, readers *sync.WaitGroup, stop context.CancelCauseFunc) error {
	match := f.Match
	match.ResourceVersion = version
	watcher, err := f.Client.CoreV1().Pods(f.Namespace).Watch(ctx, match)
	if err != nil {
		return err
	}
	defer watcher.Stop()
	for event := range watcher.ResultChan() {
		pod, isPod := event.Object.(*corev1.Pod)
		switch {
		case event.Type == watch.Error:
			return apierrors.FromObject(event.Object)
		case !isPod:
			continue
		case event.Type == watch.Deleted:
			f.lose(pod, stop)
			continue
		}
		f.take(ctx, pod, readers, stop)
	}
	return nil
}

// lose marks a pod as gone; its readers end when its log does.
func (f *Follower) lose(pod *corev1.Pod, stop context.CancelCauseFunc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if state := f.pods[pod.UID]; state != nil {
		state.gone = true
	}
	f.doneLocked(stop)
}

// take remembers a pod's newest state and starts to read containers that have
// a log.
func (f *Follower) take(ctx context.Context, pod *corev1.Pod, readers *sync.WaitGroup, stop context.CancelCauseFunc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	state := f.pods[pod.UID]
	if state == nil {
		state = &podState{reading: map[string]bool{}}
		f.pods[pod.UID] = state
	}
	state.pod = pod
	for _, name := range f.containersOf(pod) {
		if _, known := state.reading[name]; known || !hasLog(pod, name) {
			continue
		}
		state.reading[name] = true
		readers.Go(func() { f.keep(ctx, pod.UID, name, stop) })
	}
	f.doneLocked(stop)
}

// hasLog says whether the container has ever been started.
func hasLog(pod *corev1.Pod, name string) bool {
	for _, s := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses, pod.Status.EphemeralContainerStatuses) {
		if s.Name == name {
			return s.State.Running != nil || s.State.Terminated != nil || s.LastTerminationState.Terminated != nil
		}
	}
	return false
}

// doneLocked ends the work when nothing more can come: all pods have ended for
// good and all that they said has been read. f.mu is held.
func (f *Follower) doneLocked(stop context.CancelCauseFunc) {
	named := f.Match.FieldSelector != ""
	if len(f.pods) == 0 {
		return
	}
	for _, state := range f.pods {
		ended := state.pod.Status.Phase == corev1.PodSucceeded || state.pod.Status.Phase == corev1.PodFailed
		if !ended && !(state.gone && named) {
			return
		}
		for _, reading := range state.reading {
			if reading {
				return
			}
		}
	}
	stop(errDone)
}

// position is where a reader stands in a container's log.
type position struct {
	last time.Time // of the last line
	same int       // how many lines had that time
}

// keep reads one container's log until it is complete.
func (f *Follower) keep(ctx context.Context, uid types.UID, name string, stop context.CancelCauseFunc) {
	defer func() {
		f.mu.Lock()
		f.pods[uid].reading[name] = false
		f.doneLocked(stop)
		f.mu.Unlock()
	}()
	at := &position{}
	for {
		pod, complete := f.stateOf(uid, name)
		err := f.read(ctx, pod, name, at)
		var ended *sinkError
		switch {
		case ctx.Err() != nil:
			return
		case errors.As(err, &ended):
			stop(ended.err)
			return
		case complete, apierrors.IsNotFound(err):
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(retryPause):
		}
	}
}

// stateOf is the newest state of a pod, and whether its container had ended
// for good when that was: then one more reading gets all of its log.
func (f *Follower) stateOf(uid types.UID, name string) (*corev1.Pod, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	state := f.pods[uid]
	phase := state.pod.Status.Phase
	if state.gone || phase == corev1.PodSucceeded || phase == corev1.PodFailed {
		return state.pod, true
	}
	for _, s := range state.pod.Status.InitContainerStatuses {
		if s.Name == name && s.State.Terminated != nil && s.State.Terminated.ExitCode == 0 {
			return state.pod, true
		}
	}
	return state.pod, false
}

// sinkError is the receiver's own error.
type sinkError struct{ err error }

func (e *sinkError) Error() string { return e.err.Error() }

// read opens the log where at stands and passes its lines on until it ends.
func (f *Follower) read(ctx context.Context, pod *corev1.Pod, name string, at *position) error {
	o := &corev1.PodLogOptions{Container: name, Follow: f.pods != nil, Previous: f.Previous, Timestamps: true}
	switch {
	case !at.last.IsZero():
		since := metav1.NewTime(at.last.Truncate(time.Second)) // the API has seconds; what was seen is passed over
		o.SinceTime = &since
	default:
		if f.Tail >= 0 {
			o.TailLines = &f.Tail
		}
		if f.Since > 0 {
			seconds := max(int64(f.Since/time.Second), 1)
			o.SinceSeconds = &seconds
		}
	}
	stream, err := f.Client.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, o).Stream(ctx)
	if err != nil {
		return err
	}
	defer stream.Close()
	return f.pass(stream, pod.Name, name, at)
}

// pass hands on every line that lies behind at, and moves at.
func (f *Follower) pass(stream io.Reader, pod, container string, at *position) error {
	resumed, skip := at.last, at.same
	reader := bufio.NewReaderSize(stream, 64<<10)
	for {
		line, err := reader.ReadBytes('\n')
		if len(line) > 0 && (err == nil || err == io.EOF) {
			when, text := cutTime(bytes.TrimSuffix(line, []byte("\n")))
			switch {
			case when.IsZero(): // the server's own words, or no time: nothing to go by
			case when.Before(resumed):
				continue
			case when.Equal(resumed) && skip > 0:
				skip--
				continue
			case when.Equal(at.last):
				at.same++
			default:
				at.last, at.same = when, 1
			}
			if f.Timestamps {
				text = bytes.TrimSuffix(line, []byte("\n"))
			}
			if err := f.emit(Line{pod, container, text}); err != nil {
				return &sinkError{err}
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// cutTime takes the time off the beginning of a line.
func cutTime(line []byte) (time.Time, []byte) {
	stamp, text, _ := bytes.Cut(line, []byte(" "))
	when, err := time.Parse(time.RFC3339Nano, string(stamp))
	if err != nil {
		return time.Time{}, line
	}
	return when, text
}

func (f *Follower) emit(l Line) error {
	f.sink.Lock()
	defer f.sink.Unlock()
	return f.Sink(l)
}
