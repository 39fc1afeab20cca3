package follow

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

func at(second, nano int) string {
	return time.Date(2026, 11, 20, 10, 0, second, nano, time.UTC).Format(time.RFC3339Nano)
}

func TestPassNeitherLosesNorRepeats(t *testing.T) {
	t.Parallel()
	var got []string
	f := &Follower{Sink: func(l Line) error { got = append(got, string(l.Text)); return nil }}
	where := &position{}
	first := at(1, 1) + " a\n" + at(1, 5) + " b\n" + at(1, 5) + " c\n"
	// The second stream begins at the whole second, so it has everything again,
	// and one more line of the very time at which the first broke off.
	second := first + at(1, 5) + " d\n" + at(2, 0) + " e\n" + at(2, 0) + " \n"
	for _, text := range []string{first, second, second} {
		if err := f.pass(strings.NewReader(text), "p", "c", where); err != nil {
			t.Fatal(err)
		}
	}
	if want := []string{"a", "b", "c", "d", "e", ""}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestPassKeepsLinesWithoutTime(t *testing.T) {
	t.Parallel()
	var got []string
	f := &Follower{Sink: func(l Line) error { got = append(got, string(l.Text)); return nil }}
	if err := f.pass(strings.NewReader("unable to retrieve container logs\n"+at(1, 0)+" x"), "p", "c", &position{}); err != nil {
		t.Fatal(err)
	}
	if want := []string{"unable to retrieve container logs", "x"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestSinkErrorEndsIt(t *testing.T) {
	t.Parallel()
	broken := errors.New("pipe closed")
	f := &Follower{Sink: func(Line) error { return broken }}
	var ended *sinkError
	if err := f.pass(strings.NewReader(at(1, 0)+" x\n"), "p", "c", &position{}); !errors.As(err, &ended) || ended.err != broken {
		t.Fatalf("got %v", err)
	}
}

// server plays the API for one namespace: pods that come and go, and logs.
type server struct {
	mu     sync.Mutex
	pods   []corev1.Pod
	events chan string
	logs   map[string][]string // "pod/container": what each opening of the log gives
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	switch parts := strings.Split(r.URL.Path, "/"); {
	case strings.HasSuffix(r.URL.Path, "/log"):
		s.log(w, parts[6]+"/"+r.URL.Query().Get("container"))
	case r.URL.Query().Get("watch") != "":
		for {
			select {
			case <-r.Context().Done():
				return
			case e, open := <-s.events:
				if !open {
					return
				}
				fmt.Fprintln(w, e)
				w.(http.Flusher).Flush()
			}
		}
	default:
		s.mu.Lock()
		defer s.mu.Unlock()
		var items []string
		for i := range s.pods {
			items = append(items, encode(&s.pods[i]))
		}
		fmt.Fprintf(w, `{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"1"},"items":[%s]}`, strings.Join(items, ","))
	}
}

func (s *server) log(w http.ResponseWriter, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.logs[name]) == 0 {
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","code":404}`)
		return
	}
	fmt.Fprint(w, s.logs[name][0])
	s.logs[name] = s.logs[name][1:]
}

func encode(p *corev1.Pod) string {
	return fmt.Sprintf(`{"kind":"Pod","apiVersion":"v1","metadata":{"name":%q,"namespace":"n","uid":%q},"spec":{"containers":[{"name":"c"}]},"status":{"phase":%q,"containerStatuses":[{"name":"c","state":{%s}}]}}`,
		p.Name, p.UID, p.Status.Phase, map[corev1.PodPhase]string{corev1.PodRunning: `"running":{}`, corev1.PodSucceeded: `"terminated":{}`, corev1.PodPending: `"waiting":{}`}[p.Status.Phase])
}

func pod(name string, phase corev1.PodPhase) corev1.Pod {
	p := corev1.Pod{}
	p.Name, p.UID, p.Status.Phase = name, types.UID("uid-"+name), phase
	return p
}

func follower(t *testing.T, s *server, sink func(Line) error) *Follower {
	t.Helper()
	listener := httptest.NewServer(s)
	t.Cleanup(listener.Close)
	client, err := kubernetes.NewForConfig(&rest.Config{Host: listener.URL, ContentConfig: rest.ContentConfig{ContentType: "application/json"}})
	if err != nil {
		t.Fatal(err)
	}
	return &Follower{Client: client, Options: Options{Namespace: "n", Tail: -1}, Sink: sink, Note: func(string) {}}
}

func TestFollowReadsOnAfterBreakAndTakesNewPods(t *testing.T) {
	t.Parallel()
	a, b := pod("a", corev1.PodRunning), pod("b", corev1.PodRunning)
	s := &server{
		pods: []corev1.Pod{a}, events: make(chan string, 9),
		logs: map[string][]string{
			"a/c": {at(1, 0) + " one\n", at(1, 0) + " one\n" + at(2, 0) + " two\n", at(2, 0) + " two\n", at(2, 0) + " two\n", at(2, 0) + " two\n"},
			"b/c": {at(3, 0) + " three\n", at(3, 0) + " three\n", at(3, 0) + " three\n", at(3, 0) + " three\n"},
		},
	}
	var mu sync.Mutex
	var got bytes.Buffer
	f := follower(t, s, func(l Line) error {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintf(&got, "%s %s\n", l.Pod, l.Text)
		if string(l.Text) == "two" {
			s.events <- `{"type":"ADDED","object":` + encode(&b) + `}`
		}
		if string(l.Text) == "three" {
			for _, p := range []corev1.Pod{a, b} {
				p.Status.Phase = corev1.PodSucceeded
				s.events <- `{"type":"MODIFIED","object":` + encode(&p) + `}`
			}
		}
		return nil
	})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := f.Follow(ctx); err != nil {
		t.Fatal(err)
	}
	if want := "a one\na two\nb three\n"; got.String() != want {
		t.Errorf("got %q, want %q", got.String(), want)
	}
}

func TestOnceTellsWhatHasNoLog(t *testing.T) {
	t.Parallel()
	a, b := pod("a", corev1.PodRunning), pod("b", corev1.PodPending)
	s := &server{pods: []corev1.Pod{a, b}, logs: map[string][]string{"a/c": {at(1, 0) + " one\n"}}}
	var lines, notes []string
	f := follower(t, s, func(l Line) error { lines = append(lines, string(l.Text)); return nil })
	f.Note = func(text string) { notes = append(notes, text) }
	if err := f.Once(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(lines, []string{"one"}) || len(notes) != 1 || !strings.HasPrefix(notes[0], "b c: ") {
		t.Errorf("lines %q, notes %q", lines, notes)
	}
	if err := f.Once(t.Context()); err == nil {
		t.Error("no log at all is no error")
	}
}

func FuzzCutTime(f *testing.F) {
	f.Add([]byte("2026-11-20T10:00:00.5Z hello"))
	f.Add([]byte("no time"))
	f.Fuzz(func(t *testing.T, line []byte) {
		when, text := cutTime(line)
		if when.IsZero() && !bytes.Equal(text, line) && !bytes.HasPrefix(line, []byte("0001-01-01T00:00:00")) {
			t.Fatalf("%q became %q", line, text)
		}
	})
}
