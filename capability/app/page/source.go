package page

import (
	"context"
	"sync"
	"time"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"

	"garboard.dev/garboard/console"
	"garboard.dev/garboard/console/table"
)

// source is one kind of object that fills a table.
type source struct {
	name   string
	lists  *cache.ListWatch
	object runtime.Object
	row    func(metav1.Object) judged
	keep   int // at most so many rows, the newest; 0: all
}

// judged is a row, and whether time alone can change it: a pod that starts is
// fine now and is not in two minutes.
type judged struct {
	table.Row
	again bool
}

// judgeEvery is how often rows that time can change are made again.
const judgeEvery = 10 * time.Second

// watched is the list and watch calls of one typed client.
func watched[L runtime.Object](c interface {
	List(context.Context, metav1.ListOptions) (L, error)
	Watch(context.Context, metav1.ListOptions) (watch.Interface, error)
}) *cache.ListWatch {
	return &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) { return c.List(ctx, o) },
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			return c.Watch(ctx, o)
		},
	}
}

// run keeps the table up to date until ctx ends.
func (s source) run(ctx context.Context, env console.Env, t *table.Table, states *states) {
	logger := logr.FromSlogHandler(env.Log.Handler()).V(1)
	ctx = klog.NewContext(ctx, logger)
	store := &store{source: s, table: t, states: states, keys: map[string]bool{}, restless: map[string]metav1.Object{}}
	lists := cache.ToListWatcherWithWatchListSemantics(states.observe(s.name, s.lists), env.Client)
	reflector := cache.NewReflectorWithOptions(lists, s.object, store, cache.ReflectorOptions{Name: "console/" + s.name, Logger: &logger})
	var judge sync.WaitGroup
	judge.Go(func() { store.judge(ctx) })
	reflector.RunWithContext(ctx)
	judge.Wait()
}

// store takes what a reflector brings and keeps rows of it.
type store struct {
	source source
	table  *table.Table
	states *states

	mu       sync.Mutex
	keys     map[string]bool          // of this source's rows
	restless map[string]metav1.Object // those that time can change
}

func (s *store) put(o any) {
	object := o.(metav1.Object)
	row := s.source.row(object)
	s.keys[row.Key] = true
	delete(s.restless, row.Key)
	if row.again {
		s.restless[row.Key] = object
	}
	s.table.Set(row.Row)
}

// Add, Update, Delete, Replace and Resync make it a cache.ReflectorStore.
func (s *store) Add(o any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.put(o)
	s.trim()
	return nil
}

// Update implements cache.ReflectorStore.
func (s *store) Update(o any) error { return s.Add(o) }

// Delete implements cache.ReflectorStore.
func (s *store) Delete(o any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remove(s.source.row(o.(metav1.Object)).Key)
	return nil
}

func (s *store) remove(key string) {
	delete(s.keys, key)
	delete(s.restless, key)
	s.table.Delete(key)
}

// Replace implements cache.ReflectorStore.
func (s *store) Replace(objects []any, _ string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.keys
	s.keys = make(map[string]bool, len(objects))
	for _, o := range objects {
		s.put(o)
	}
	for key := range old {
		if !s.keys[key] {
			s.remove(key)
		}
	}
	s.trim()
	s.states.synced(s.source.name)
	return nil
}

// Resync implements cache.ReflectorStore; rows have nothing to be told again.
func (s *store) Resync() error { return nil }

// Transformer implements cache.TransformingStore: what is listed in one stream
// is slimmed before it is gathered.
func (s *store) Transformer() cache.TransformFunc {
	return func(o any) (any, error) {
		if object, ok := o.(metav1.Object); ok {
			object.SetManagedFields(nil)
		}
		return o, nil
	}
}

// trim is for sources that keep only the newest rows; the keys of the others
// are forgotten when there are twice as many.
func (s *store) trim() {
	if s.source.keep == 0 || len(s.keys) <= s.source.keep {
		return
	}
	s.table.Trim(s.source.keep)
	if len(s.keys) > 2*s.source.keep {
		clear(s.keys)
	}
}

func (s *store) judge(ctx context.Context) {
	ticks := time.NewTicker(judgeEvery)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
		s.mu.Lock()
		for _, o := range s.restless {
			s.put(o)
		}
		s.mu.Unlock()
	}
}

// states joins what is known of several sources into the state of their table.
type states struct {
	table *table.Table
	wait  int // sources that there are

	mu sync.Mutex
	of map[string]table.State
}

func (s *states) set(name string, change func(*table.State)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := s.of[name]
	change(&state)
	s.of[name] = state
	joined := table.State{Synced: len(s.of) == s.wait}
	for name, one := range s.of {
		joined.Synced = joined.Synced && one.Synced
		if one.Problem != "" && (joined.Problem == "" || name < joined.Problem) {
			joined.Problem = one.Problem
		}
	}
	s.table.SetState(joined)
}

func (s *states) synced(name string) {
	s.set(name, func(t *table.State) { *t = table.State{Synced: true} })
}

// observe notes whether the calls of lists succeed.
func (s *states) observe(name string, lists *cache.ListWatch) *cache.ListWatch {
	note := func(ctx context.Context, err error) {
		if ctx.Err() != nil {
			return
		}
		s.set(name, func(t *table.State) {
			t.Problem = ""
			if err != nil {
				t.Problem = "the " + name + " cannot be read: " + err.Error()
			}
		})
	}
	return &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			list, err := lists.ListWithContextFunc(ctx, o)
			note(ctx, err)
			return list, err
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			w, err := lists.WatchFuncWithContext(ctx, o)
			note(ctx, err)
			return w, err
		},
	}
}
