package page

import (
	"fmt"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"garboard.dev/garboard/capability/app/explain"
	"garboard.dev/garboard/console/table"
)

var podColumns = []table.Column{
	{Name: "namespace", Repeats: true}, {Name: "name"}, {Name: "status", Repeats: true}, {Name: "ready", Repeats: true}, {Name: "restarts"},
	{Name: "node", Repeats: true}, {Name: "owner", Repeats: true}, {Name: "created"}, {Name: "level", Repeats: true}, {Name: "reason", Repeats: true}, {Name: "fix", Repeats: true},
}

// patience is how long a pod may take to start, to become ready or to stop
// before that is worth somebody's attention.
const patience = 5 * time.Minute

func podRow(p *corev1.Pod, now time.Time) judged {
	v := judgePod(p, now)
	ready, all, restarts := readiness(p)
	owner := ""
	if c := metav1.GetControllerOf(p); c != nil {
		owner = c.Kind + "/" + c.Name
	}
	return judged{again: v.level == waiting, Row: table.Row{
		Key: p.Namespace + "/" + p.Name, Namespace: p.Namespace,
		Cells: []any{p.Namespace, p.Name, podStatus(p), strconv.Itoa(ready) + "/" + strconv.Itoa(all), restarts,
			p.Spec.NodeName, owner, p.CreationTimestamp.Unix(), string(v.level), v.reason, v.fix},
	}}
}

func readiness(p *corev1.Pod) (ready, all int, restarts int32) {
	for _, c := range p.Status.ContainerStatuses {
		restarts += c.RestartCount
		if c.Ready {
			ready++
		}
	}
	for _, c := range p.Status.InitContainerStatuses {
		restarts += c.RestartCount
	}
	return ready, len(p.Spec.Containers), restarts
}

// podStatus is one word for where the pod stands: what its first troubled
// container says, else its phase.
func podStatus(p *corev1.Pod) string {
	if p.DeletionTimestamp != nil {
		return "Terminating"
	}
	if p.Status.Phase == corev1.PodSucceeded {
		return "Completed"
	}
	for _, c := range statuses(p) {
		switch {
		case c.State.Waiting != nil && c.State.Waiting.Reason != "" && c.State.Waiting.Reason != "PodInitializing":
			return c.State.Waiting.Reason
		case c.State.Terminated != nil && c.State.Terminated.ExitCode != 0:
			if c.State.Terminated.Reason != "" {
				return c.State.Terminated.Reason
			}
			return "Error"
		}
	}
	if p.Status.Reason != "" {
		return p.Status.Reason
	}
	return string(p.Status.Phase)
}

func statuses(p *corev1.Pod) []corev1.ContainerStatus {
	return append(append([]corev1.ContainerStatus{}, p.Status.InitContainerStatuses...), p.Status.ContainerStatuses...)
}

// judgePod says whether a pod runs, and if not, why and what to do. What is on
// its way becomes wrong when it has been so for longer than patience.
func judgePod(p *corev1.Pod, now time.Time) verdict {
	f := explain.Pod(p, explain.Around{})
	switch {
	case f.OK():
		return verdict{}
	case !f.Passing:
		return verdict{wrong, f.Sentence, f.Fix}
	case now.Sub(changed(p)) < patience:
		return verdict{level: waiting, reason: f.Sentence}
	}
	minutes := int(now.Sub(changed(p)).Minutes())
	return verdict{wrong, fmt.Sprintf("%s, for %d minutes now", f.Sentence, minutes), "see its events: garboard describe pod " + p.Name + " -n " + p.Namespace}
}

// changed is when the pod last became what it is: unready, or on its way out.
func changed(p *corev1.Pod) time.Time {
	if p.DeletionTimestamp != nil { // the end of its grace period
		return p.DeletionTimestamp.Time
	}
	since := p.CreationTimestamp.Time
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady && c.LastTransitionTime.After(since) {
			since = c.LastTransitionTime.Time
		}
	}
	return since
}

func ending(t *corev1.ContainerStateTerminated) string {
	if t.Signal != 0 {
		return fmt.Sprintf("signal %d", t.Signal)
	}
	return fmt.Sprintf("exit code %d", t.ExitCode)
}
