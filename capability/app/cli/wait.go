package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"garboard.dev/garboard/capability/app/explain"
	"garboard.dev/garboard/command"
	"garboard.dev/garboard/command/progress"
	"garboard.dev/garboard/fault"
	"garboard.dev/garboard/kube"
	"garboard.dev/garboard/kube/apply"
	"garboard.dev/garboard/kube/ready"
)

func fromUnstructured(fields map[string]any, into any) error {
	return runtime.DefaultUnstructuredConverter.FromUnstructured(fields, into)
}

const (
	lookPause = 200 * time.Millisecond // between looks at the objects that are waited for
	whyPause  = time.Second            // between asking why one is not ready
)

// waiter waits until objects are ready and shows what waits for what.
type waiter struct {
	env      *command.Env
	cluster  *kube.Cluster
	applier  *apply.Applier
	board    *progress.Board
	started  time.Time
	classes  []*unstructured.Unstructured
	pending  []*awaited
	became   []*awaited // ready, after it was not
	observer observer
}

// awaited is one object that is not ready yet.
type awaited struct {
	obj     *unstructured.Unstructured
	status  ready.Status
	finding explain.Finding
	family  family
	asked   time.Time // when finding was asked for
	said    string    // the last line about it in plain output
	again   bool      // it was ready once
}

// waitReady returns when all objs are ready, or with an error when one cannot
// become so or timeout has passed; it names what is missing and why.
func waitReady(ctx context.Context, env *command.Env, cluster *kube.Cluster, objs []*unstructured.Unstructured, timeout time.Duration) error {
	w := &waiter{
		env: env, cluster: cluster, applier: apply.New(cluster, apply.Options{}), started: env.Now(),
		board:    progress.NewBoard(env.Err, env.Terminal && !env.Global.Quiet, env.Width),
		observer: observer{cluster},
	}
	defer w.board.Close()
	for _, obj := range objs {
		w.pending = append(w.pending, &awaited{obj: obj})
	}
	if err := w.storageClasses(ctx); err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	for {
		if err := w.look(limited); err != nil && limited.Err() == nil {
			return err
		}
		if len(w.pending) == 0 && w.stillReady(limited) {
			return nil
		}
		if w.hopeless() {
			return w.failure("it cannot become ready")
		}
		select {
		case <-ctx.Done():
			return w.interrupted()
		case <-limited.Done():
			return w.failure(fmt.Sprintf("not ready after %s", timeout))
		case <-time.After(lookPause):
		}
	}
}

func (w *waiter) storageClasses(ctx context.Context) error {
	for _, p := range w.pending {
		if p.obj.GetKind() != "PersistentVolumeClaim" {
			continue
		}
		list, err := w.cluster.Client.StorageV1().StorageClasses().List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		for i := range list.Items {
			fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&list.Items[i])
			if err != nil {
				return err
			}
			class := &unstructured.Unstructured{Object: fields}
			class.SetKind("StorageClass")
			w.classes = append(w.classes, class)
		}
		return nil
	}
	return nil
}

// look asks once for each object that is not ready.
func (w *waiter) look(ctx context.Context) error {
	var left []*awaited
	for i, p := range w.pending {
		live, err := w.applier.Live(ctx, p.obj)
		if err != nil {
			w.pending = append(left, w.pending[i:]...)
			return err
		}
		if live == nil {
			p.status = ready.Status{Reason: "it does not exist any more", Failed: true}
			left = append(left, p)
			continue
		}
		p.obj = live
		p.status = ready.Of(live, w.classes...)
		if p.status.Ready {
			w.done(p)
			continue
		}
		left = append(left, p)
		if err := w.ask(ctx, p); err != nil {
			w.pending = append(left, w.pending[i+1:]...)
			return err
		}
	}
	w.pending = left
	w.show()
	return nil
}

// ask finds out why p is not ready, but not at every look.
func (w *waiter) ask(ctx context.Context, p *awaited) error {
	if now := w.env.Now(); now.Sub(p.asked) >= whyPause {
		p.asked = now
		var err error
		p.finding, p.family, err = w.observer.why(ctx, p.obj)
		return err
	}
	return nil
}

// done says that p is ready; what was so from the first look is not worth a line.
func (w *waiter) done(p *awaited) {
	took := w.env.Now().Sub(w.started)
	if p.asked.IsZero() || p.again {
		return
	}
	w.became = append(w.became, p)
	if w.env.Global.Quiet {
		return
	}
	w.board.Say("ready      %s (%.1f s)", apply.Title(p.obj), took.Seconds())
}

// stillReady looks once more at what became ready on the way: a container that
// ends at once was ready for a moment. What is not is waited for again.
func (w *waiter) stillReady(ctx context.Context) bool {
	w.pending, w.became = w.became, nil
	for _, p := range w.pending {
		p.again = true
	}
	if err := w.look(ctx); err != nil {
		return false // the next look tells
	}
	w.became = nil
	return len(w.pending) == 0
}

// hopeless says that everything that is left has failed for good.
func (w *waiter) hopeless() bool {
	for _, p := range w.pending {
		if !p.status.Failed {
			return false
		}
	}
	return true
}

// show draws the tree on a terminal, and elsewhere says in a line what is new.
func (w *waiter) show() {
	if w.env.Global.Quiet {
		return
	}
	if w.env.Terminal {
		var lines []string
		for _, p := range w.pending {
			lines = append(lines, tree(p)...)
		}
		w.board.Show(lines)
		return
	}
	for _, p := range w.pending {
		if line := chain(p); line != p.said && !p.asked.IsZero() {
			p.said = line
			w.board.Say("waiting    %s", line)
		}
	}
}

// tree is a workload with what it waits for below it.
func tree(p *awaited) []string {
	reason := p.status.Reason
	if p.obj.GetKind() == "Pod" && !p.finding.OK() {
		reason = "" // the sentence below says it better
	}
	lines := []string{fmt.Sprintf("• %s  %s", apply.Title(p.obj), reason)}
	indent := "  └ "
	for _, owner := range p.family.owners {
		lines = append(lines, indent+owner.GetKind()+" "+owner.GetName())
		indent = "    └ "
	}
	shown := false
	for i := range p.family.pods {
		pod := &p.family.pods[i]
		if podReady(pod) || p.obj.GetKind() == "Pod" {
			continue
		}
		f := explain.Pod(pod, explain.Around{})
		if strings.Contains(p.finding.Sentence, pod.Name) || len(p.family.pods) == 1 {
			f, shown = p.finding, true
		}
		lines = append(lines, indent+"Pod "+pod.Name+"  "+f.Sentence)
	}
	if !shown && !p.finding.OK() {
		lines = append(lines, indent+p.finding.Sentence)
	}
	if p.finding.Fix != "" && !p.finding.Passing {
		lines = append(lines, indent+"fix: "+p.finding.Fix)
	}
	return lines
}

func podReady(p *corev1.Pod) bool {
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

// chain is what waits for what in one line.
func chain(p *awaited) string {
	parts := []string{apply.Title(p.obj)}
	for _, owner := range p.family.owners {
		parts = append(parts, owner.GetKind()+" "+owner.GetName())
	}
	if !p.finding.OK() {
		return strings.Join(parts, " -> ") + ": " + p.finding.Sentence
	}
	return strings.Join(parts, " -> ") + ": " + p.status.Reason
}

// failure names everything that is not ready, each with why and what to do.
func (w *waiter) failure(what string) error {
	var lines []string
	for _, p := range w.pending {
		why, fix := p.finding.Sentence, p.finding.Fix
		if p.finding.OK() || p.finding.Passing && p.status.Failed {
			why = p.status.Reason
		}
		lines = append(lines, apply.Title(p.obj)+": "+why)
		if fix != "" && len(w.pending) > 1 {
			lines = append(lines, "  to do: "+fix)
		}
	}
	first := w.pending[0]
	hint := first.finding.Fix
	switch {
	case len(w.pending) > 1:
		hint = ""
	case hint == "":
		hint = fmt.Sprintf("garboard describe %s %s -n %s", strings.ToLower(first.obj.GetKind()), first.obj.GetName(), first.obj.GetNamespace())
	}
	return &fault.Error{Op: "see all of it run (" + what + ")", Kind: fault.Failed, Hint: hint, Err: errors.New(strings.Join(lines, "\n  "))}
}

// interrupted says in which state Ctrl-C leaves things.
func (w *waiter) interrupted() error {
	w.board.Close()
	w.board = progress.NewBoard(w.env.Err, false, w.env.Width)
	fmt.Fprintf(w.env.Err, "everything was applied; %d objects are not ready yet, and the cluster goes on with them\n", len(w.pending))
	return fault.New(fault.Interrupted, "wait", "", "interrupted")
}
