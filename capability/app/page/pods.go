package page

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"garboard.dev/garboard/console/table"
)

var podColumns = []table.Column{
	{Name: "namespace", Repeats: true}, {Name: "name"}, {Name: "status", Repeats: true}, {Name: "ready", Repeats: true}, {Name: "restarts"},
	{Name: "node", Repeats: true}, {Name: "owner", Repeats: true}, {Name: "created"}, {Name: "level", Repeats: true}, {Name: "reason", Repeats: true}, {Name: "fix", Repeats: true},
}

// patience is how long a pod may take to start or to become ready before that
// is worth somebody's attention.
const patience = 2 * time.Minute

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

// judgePod says in one sentence why a pod does not run, and what to do.
// Command lines in a fix stand between backticks: the page makes them copyable.
func judgePod(p *corev1.Pod, now time.Time) verdict {
	switch {
	case p.DeletionTimestamp != nil:
		return judgeTerminating(p, now)
	case p.Status.Phase == corev1.PodSucceeded:
		return verdict{}
	case p.Status.Phase == corev1.PodFailed:
		return judgeFailed(p)
	case p.Spec.NodeName == "":
		return judgeUnscheduled(p)
	}
	for _, c := range statuses(p) {
		if v := judgeContainer(p, c); v.level != fine {
			return v
		}
	}
	return judgeReady(p, now)
}

func judgeTerminating(p *corev1.Pod, now time.Time) verdict {
	if late := now.Sub(p.DeletionTimestamp.Time); late > patience {
		reason := fmt.Sprintf("it should have ended %s ago", late.Round(time.Minute))
		if len(p.Finalizers) > 0 {
			reason += ", but waits for " + strings.Join(p.Finalizers, ", ")
		}
		return verdict{wrong, reason, "is its node reachable? If it is gone for good: `garboard kubectl delete pod " + p.Name + " -n " + p.Namespace + " --force`"}
	}
	return verdict{level: waiting, reason: "it is being stopped"}
}

func judgeFailed(p *corev1.Pod) verdict {
	if p.Status.Message != "" {
		return verdict{wrong, strings.ToLower(p.Status.Reason) + ": " + p.Status.Message, "delete it once the cause is gone: `garboard delete pod " + p.Name + " -n " + p.Namespace + "`"}
	}
	for _, c := range statuses(p) {
		if t := c.State.Terminated; t != nil && t.ExitCode != 0 {
			return verdict{wrong, fmt.Sprintf("container %s ended with %s", c.Name, ending(t)), logsCommand(p, c.Name, false)}
		}
	}
	return verdict{wrong, "it failed", describeCommand("Pod", p)}
}

func judgeUnscheduled(p *corev1.Pod) verdict {
	for _, c := range p.Status.Conditions {
		if c.Type != corev1.PodScheduled || c.Status != corev1.ConditionFalse {
			continue
		}
		return verdict{wrong, "no node can take it: " + firstSentence(c.Message), unschedulableFix(p, c.Message)}
	}
	return verdict{level: waiting, reason: "it waits for a node"}
}

func unschedulableFix(p *corev1.Pod, message string) string {
	switch {
	case strings.Contains(message, "PersistentVolumeClaim"), strings.Contains(message, "persistentvolumeclaim"):
		return "see what its claims wait for: `garboard get pvc -n " + p.Namespace + "`"
	case strings.Contains(message, "Insufficient"):
		return "lower its requests, stop something else, or add a machine"
	case strings.Contains(message, "taint"):
		return "add a toleration to it, or free the node: `garboard kubectl uncordon NODE`"
	case strings.Contains(message, "affinity"), strings.Contains(message, "selector"):
		return "label a node as it asks, or change its node selector or affinity"
	}
	return describeCommand("Pod", p)
}

// judgeContainer says what hinders one container, if anything does.
func judgeContainer(p *corev1.Pod, c corev1.ContainerStatus) verdict {
	if w := c.State.Waiting; w != nil {
		return judgeWaiting(p, c, w)
	}
	if t := c.State.Terminated; t != nil && t.ExitCode != 0 {
		return judgeEnded(p, c, t)
	}
	return verdict{}
}

func judgeWaiting(p *corev1.Pod, c corev1.ContainerStatus, w *corev1.ContainerStateWaiting) verdict {
	switch w.Reason {
	case "CrashLoopBackOff":
		if t := c.LastTerminationState.Terminated; t != nil {
			return judgeEnded(p, c, t)
		}
		return verdict{wrong, fmt.Sprintf("container %s ends again and again", c.Name), logsCommand(p, c.Name, true)}
	case "ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName":
		return verdict{wrong, fmt.Sprintf("the image %s cannot be had: %s", c.Image, firstSentence(w.Message)),
			"check its name and tag: `garboard image ls` shows what is here, `garboard image build` makes it"}
	case "CreateContainerConfigError":
		return verdict{wrong, fmt.Sprintf("container %s cannot be configured: %s", c.Name, w.Message), "create what is missing in namespace " + p.Namespace}
	case "CreateContainerError", "RunContainerError", "StartError":
		return verdict{wrong, fmt.Sprintf("container %s cannot be started: %s", c.Name, w.Message), "check its command, mounts and rights in the manifest"}
	}
	return verdict{}
}

func judgeEnded(p *corev1.Pod, c corev1.ContainerStatus, t *corev1.ContainerStateTerminated) verdict {
	if t.Reason == "OOMKilled" {
		return verdict{wrong, fmt.Sprintf("container %s used more memory than its limit%s and was killed", c.Name, memoryLimit(p, c.Name)),
			"raise resources.limits.memory, or make it use less"}
	}
	return verdict{wrong, fmt.Sprintf("container %s ended with %s, for the %s time", c.Name, ending(t), ordinal(c.RestartCount+1)), logsCommand(p, c.Name, true)}
}

func memoryLimit(p *corev1.Pod, container string) string {
	for _, c := range append(append([]corev1.Container{}, p.Spec.InitContainers...), p.Spec.Containers...) {
		if limit, ok := c.Resources.Limits[corev1.ResourceMemory]; ok && c.Name == container {
			return " of " + limit.String()
		}
	}
	return ""
}

func judgeReady(p *corev1.Pod, now time.Time) verdict {
	since := p.CreationTimestamp.Time
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady {
			if c.Status == corev1.ConditionTrue {
				return verdict{}
			}
			if c.LastTransitionTime.After(since) {
				since = c.LastTransitionTime.Time
			}
		}
	}
	late := now.Sub(since) > patience
	for _, c := range p.Status.ContainerStatuses {
		switch {
		case c.State.Waiting != nil && late:
			return verdict{wrong, fmt.Sprintf("container %s has been waiting for %s: %s", c.Name, now.Sub(since).Round(time.Minute), c.State.Waiting.Reason), describeCommand("Pod", p)}
		case c.State.Running != nil && !c.Ready && late:
			return verdict{wrong, fmt.Sprintf("container %s runs, but its readiness probe has failed for %s", c.Name, now.Sub(since).Round(time.Minute)), logsCommand(p, c.Name, false)}
		}
	}
	if p.Status.Reason == "NodeLost" {
		return verdict{wrong, "its node does not report any more", "is that machine up? `garboard get nodes`"}
	}
	return verdict{level: waiting, reason: "it is starting"}
}

func logsCommand(p *corev1.Pod, container string, previous bool) string {
	command := "read why: `garboard logs " + p.Name + " -n " + p.Namespace
	if len(p.Spec.Containers)+len(p.Spec.InitContainers) > 1 {
		command += " -c " + container
	}
	if previous {
		command += " --previous"
	}
	return command + "`"
}

func ending(t *corev1.ContainerStateTerminated) string {
	if t.Signal != 0 {
		return fmt.Sprintf("signal %d", t.Signal)
	}
	return fmt.Sprintf("exit code %d", t.ExitCode)
}

func ordinal(n int32) string {
	suffix := "th"
	if n%100 < 11 || n%100 > 13 {
		switch n % 10 {
		case 1:
			suffix = "st"
		case 2:
			suffix = "nd"
		case 3:
			suffix = "rd"
		}
	}
	return strconv.Itoa(int(n)) + suffix
}

// firstSentence keeps a scheduler's or puller's long story readable.
func firstSentence(text string) string {
	text, _, _ = strings.Cut(text, "\n")
	if i := strings.Index(text, ". "); i > 0 {
		text = text[:i]
	}
	return strings.TrimSuffix(text, ".")
}
