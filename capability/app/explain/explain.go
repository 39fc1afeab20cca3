// Package explain says in one sentence why a pod or a workload does not run,
// and what to do about it. It decides by objects and events alone: no clock and
// no requests, so every case stands in testdata as a scenario.
//
// Kubernetes gives the causes as texts of the kubelet, the scheduler, the
// runtime and the registries. These texts are read here for showing only; what
// is not recognised is passed on as it was said.
package explain

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Around is what is known around the objects that are explained. More of it
// gives better sentences; nothing of it is needed.
type Around struct {
	Events   []corev1.Event
	Nodes    []corev1.Node
	Pods     []corev1.Pod // of all namespaces: what they ask for is taken from the nodes
	Claims   []corev1.PersistentVolumeClaim
	Classes  []storagev1.StorageClass
	LastLogs map[string]string // "pod/container" to the last line that its last run logged
}

// Finding is why something does not run. Its zero value says that all is well.
type Finding struct {
	Sentence string // without a full stop
	Fix      string // what to do, without a full stop; may be empty
	// Passing says that this is a step on the way and no fault: an image is
	// being pulled, a container has just been started.
	Passing bool
}

// OK says that nothing was found.
func (f Finding) OK() bool { return f.Sentence == "" }

func fault(fix, format string, args ...any) Finding {
	return Finding{Sentence: fmt.Sprintf(format, args...), Fix: fix}
}

func passing(format string, args ...any) Finding {
	return Finding{Sentence: fmt.Sprintf(format, args...), Passing: true}
}

// Pod says why p does not run or is not ready.
func Pod(p *corev1.Pod, a Around) Finding {
	switch {
	case p.DeletionTimestamp != nil:
		return terminating(p, a)
	case p.Status.Phase == corev1.PodSucceeded:
		return Finding{}
	case p.Status.Phase == corev1.PodFailed:
		return ended(p, a)
	}
	if c := condition(p, corev1.PodScheduled); p.Spec.NodeName == "" && (c == nil || c.Status != corev1.ConditionTrue) {
		return pending(p, c, a)
	}
	if f := nodeTrouble(p, a); !f.OK() {
		return f
	}
	if ready := condition(p, corev1.PodReady); ready != nil && ready.Status == corev1.ConditionTrue {
		return Finding{}
	}
	for i := range p.Spec.InitContainers {
		if f := initContainer(p, i, a); !f.OK() {
			return f
		}
	}
	return containers(p, a)
}

// containers explains by the first container that has a fault, or else by the
// first that is on its way.
func containers(p *corev1.Pod, a Around) Finding {
	var first Finding
	for _, spec := range p.Spec.Containers {
		f := container(p, spec, statusOf(p.Status.ContainerStatuses, spec.Name), a)
		if !f.OK() && !f.Passing {
			return f
		}
		if first.OK() {
			first = f
		}
	}
	if first.OK() {
		return gates(p)
	}
	return first
}

// gates explains a pod whose containers are all ready and which is not.
func gates(p *corev1.Pod) Finding {
	for _, gate := range p.Spec.ReadinessGates {
		if c := condition(p, gate.ConditionType); c == nil || c.Status != corev1.ConditionTrue {
			return fault("look at the controller that sets this condition",
				"Pod %s waits for its readiness gate %s, which nothing has set to True", p.Name, gate.ConditionType)
		}
	}
	return passing("Pod %s becomes ready", p.Name)
}

func terminating(p *corev1.Pod, a Around) Finding {
	if len(p.Finalizers) > 0 {
		return fault("see that the controller of the finalizer runs; only if it is gone for good, remove the finalizer with garboard kubectl edit",
			"Pod %s is being deleted and waits for its finalizer %s", p.Name, strings.Join(p.Finalizers, ", "))
	}
	if f := nodeTrouble(p, a); !f.OK() {
		f.Sentence = "Pod " + p.Name + " is being deleted, but " + lower(f.Sentence)
		f.Fix = "bring the node back; if it is gone for good: garboard kubectl delete node " + p.Spec.NodeName
		return f
	}
	if e := a.latest(p.UID, p.Name, "FailedKillPod"); e != nil {
		return fault("look at the runtime's log on the node: garboard logs containerd",
			"Pod %s is being deleted, but its containers cannot be stopped: %s", p.Name, brief(e.Message))
	}
	return passing("Pod %s is being deleted: its containers have %s to end", p.Name, grace(p))
}

func grace(p *corev1.Pod) string {
	if s := p.DeletionGracePeriodSeconds; s != nil {
		return (time.Duration(*s) * time.Second).String()
	}
	return "some time"
}

func nodeTrouble(p *corev1.Pod, a Around) Finding {
	if p.Spec.NodeName == "" || len(a.Nodes) == 0 {
		return Finding{}
	}
	i := slices.IndexFunc(a.Nodes, func(n corev1.Node) bool { return n.Name == p.Spec.NodeName })
	if i < 0 {
		return fault("the pod is removed by itself after a while; a controller makes it again on another node",
			"Node %s, on which pod %s was, does not exist any more", p.Spec.NodeName, p.Name)
	}
	for _, c := range a.Nodes[i].Status.Conditions {
		if c.Type != corev1.NodeReady || c.Status == corev1.ConditionTrue {
			continue
		}
		why := cmp.Or(brief(c.Message), c.Reason, "no reason given")
		return fault("look at the node: garboard status, garboard logs kubelet", "Node %s of pod %s is not ready: %s", p.Spec.NodeName, p.Name, why)
	}
	return Finding{}
}

// ended explains a pod that has failed for good.
func ended(p *corev1.Pod, a Around) Finding {
	switch p.Status.Reason {
	case "Evicted":
		return fault("give the pod requests that fit what it uses, or free the resource on the node",
			"Pod %s was evicted from node %s: %s", p.Name, p.Spec.NodeName, brief(p.Status.Message))
	case "DeadlineExceeded":
		return fault("raise activeDeadlineSeconds, or see why it takes so long", "Pod %s ran longer than its activeDeadlineSeconds allow", p.Name)
	case "NodeShutdown", "Terminated":
		return fault("", "Pod %s ended because node %s was shut down", p.Name, p.Spec.NodeName)
	}
	all := slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses)
	for _, s := range all {
		if t := s.State.Terminated; t != nil && t.ExitCode != 0 {
			f := died(p, s.Name, t, a)
			f.Sentence += fmt.Sprintf(", and restartPolicy %s does not start it again", p.Spec.RestartPolicy)
			return f
		}
	}
	return fault("", "Pod %s failed: %s", p.Name, cmp.Or(brief(p.Status.Message), p.Status.Reason, "no reason given"))
}

func condition(p *corev1.Pod, kind corev1.PodConditionType) *corev1.PodCondition {
	for i := range p.Status.Conditions {
		if p.Status.Conditions[i].Type == kind {
			return &p.Status.Conditions[i]
		}
	}
	return nil
}

func statusOf(list []corev1.ContainerStatus, name string) *corev1.ContainerStatus {
	for i := range list {
		if list[i].Name == name {
			return &list[i]
		}
	}
	return nil
}

// latest is the newest event of the object with one of the reasons. An object
// is meant by its UID; where that is empty by its name.
func (a Around) latest(uid types.UID, name string, reasons ...string) *corev1.Event {
	var found *corev1.Event
	for i := range a.Events {
		e := &a.Events[i]
		if !slices.Contains(reasons, e.Reason) {
			continue
		}
		if uid != "" && e.InvolvedObject.UID != "" {
			if e.InvolvedObject.UID != uid {
				continue
			}
		} else if e.InvolvedObject.Name != name {
			continue
		}
		if found == nil || !eventTime(e).Before(eventTime(found)) {
			found = e
		}
	}
	return found
}

func eventTime(e *corev1.Event) time.Time {
	switch {
	case e.Series != nil:
		return e.Series.LastObservedTime.Time
	case !e.LastTimestamp.IsZero():
		return e.LastTimestamp.Time
	case !e.EventTime.IsZero():
		return e.EventTime.Time
	}
	return e.CreationTimestamp.Time
}

const briefLimit = 300

// brief is a foreign message as one line of bearable length, without what gRPC
// puts before it.
func brief(message string) string {
	text := strings.Join(strings.Fields(message), " ")
	for {
		_, rest, found := strings.Cut(text, "desc = ")
		if !found || !strings.Contains(text[:len(text)-len(rest)], "rpc error: ") {
			break
		}
		text = rest
	}
	text = strings.TrimSuffix(text, ".")
	if runes := []rune(text); len(runes) > briefLimit {
		text = string(runes[:briefLimit-1]) + "…"
	}
	return text
}

func lower(sentence string) string {
	if sentence == "" {
		return ""
	}
	return strings.ToLower(sentence[:1]) + sentence[1:]
}
