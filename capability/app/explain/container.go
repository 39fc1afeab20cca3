package explain

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// initContainer explains why the pod has not got past its i-th init container.
func initContainer(p *corev1.Pod, i int, a Around) Finding {
	spec := p.Spec.InitContainers[i]
	status := statusOf(p.Status.InitContainerStatuses, spec.Name)
	sidecar := spec.RestartPolicy != nil && *spec.RestartPolicy == corev1.ContainerRestartPolicyAlways
	switch {
	case status == nil:
		return Finding{}
	case status.State.Terminated != nil && status.State.Terminated.ExitCode == 0:
		return Finding{}
	case sidecar && status.Started != nil && *status.Started:
		return Finding{}
	case status.State.Running != nil && !sidecar:
		f := passing("Init container %s (%d of %d) of pod %s still runs; the containers wait for its end", spec.Name, i+1, len(p.Spec.InitContainers), p.Name)
		f.Fix = fmt.Sprintf("see what it does: garboard logs %s -c %s", p.Name, spec.Name)
		return f
	case status.State.Waiting != nil && status.State.Waiting.Reason == "PodInitializing":
		return Finding{} // an earlier one is at work
	}
	f := container(p, spec, status, a)
	f.Sentence = strings.Replace(f.Sentence, "Container ", "Init container ", 1)
	return f
}

// container explains one container; a ready one gives nothing.
func container(p *corev1.Pod, spec corev1.Container, s *corev1.ContainerStatus, a Around) Finding {
	if s == nil {
		return creating(p, spec, a)
	}
	switch {
	case s.State.Waiting != nil:
		return waiting(p, spec, s, a)
	case s.State.Terminated != nil:
		if s.State.Terminated.ExitCode == 0 {
			return passing("Container %s of pod %s has ended with exit code 0", s.Name, p.Name)
		}
		return died(p, s.Name, s.State.Terminated, a)
	case s.State.Running != nil && !s.Ready:
		return unready(p, spec, s, a)
	}
	return Finding{}
}

func waiting(p *corev1.Pod, spec corev1.Container, s *corev1.ContainerStatus, a Around) Finding {
	w := s.State.Waiting
	switch w.Reason {
	case "ImagePullBackOff", "ErrImagePull", "ErrImageNeverPull", "InvalidImageName", "RegistryUnavailable", "ImageInspectError", "SignatureValidationFailed":
		return image(p, spec, w, a)
	case "CrashLoopBackOff":
		return crashing(p, spec, s, a)
	case "CreateContainerConfigError":
		return config(p, spec, w)
	case "CreateContainerError", "RunContainerError", "PreCreateHookError", "PreStartHookError", "PostStartHookError":
		return notStarted(p, spec.Name, w.Message)
	}
	return creating(p, spec, a)
}

// creating explains a container that the node has not started yet: volumes,
// the pod's sandbox or the image keep it waiting.
func creating(p *corev1.Pod, spec corev1.Container, a Around) Finding {
	if f := volumes(p, a); !f.OK() {
		return f
	}
	if e := a.latest(p.UID, p.Name, "FailedCreatePodSandBox"); e != nil && !a.after(e, p, "Pulling", "Pulled", "Created") {
		return fault("look at the node's log: garboard logs kubelet, garboard logs containerd",
			"Node %s cannot make the sandbox (network and cgroup) of pod %s: %s", p.Spec.NodeName, p.Name, brief(e.Message))
	}
	if e := a.latest(p.UID, p.Name, "Pulling"); e != nil && !a.after(e, p, "Pulled", "Created", "Failed") {
		return passing("Node %s pulls the image %s for pod %s", p.Spec.NodeName, spec.Image, p.Name)
	}
	return passing("Node %s makes container %s of pod %s", p.Spec.NodeName, spec.Name, p.Name)
}

// after says that one of the reasons was reported for the pod later than e.
func (a Around) after(e *corev1.Event, p *corev1.Pod, reasons ...string) bool {
	later := a.latest(p.UID, p.Name, reasons...)
	return later != nil && eventTime(later).After(eventTime(e))
}

func crashing(p *corev1.Pod, spec corev1.Container, s *corev1.ContainerStatus, a Around) Finding {
	last := s.LastTerminationState.Terminated
	if last == nil {
		return fault(logsOf(p, s.Name), "Container %s of pod %s keeps ending, and was started %d times", s.Name, p.Name, s.RestartCount+1)
	}
	if e := a.latest(p.UID, p.Name, "Unhealthy"); e != nil && strings.HasPrefix(e.Message, "Liveness probe failed") && last.Reason != "OOMKilled" && last.ExitCode != 0 {
		return fault("see whether the probe asks the right address and gives the program enough time (initialDelaySeconds, startupProbe)",
			"Container %s of pod %s is killed again and again because its liveness probe fails: %s", s.Name, p.Name, probeSaw(e.Message))
	}
	f := died(p, s.Name, last, a)
	f.Sentence += fmt.Sprintf("; it was started %d times", s.RestartCount+1)
	if last.ExitCode == 0 && p.Spec.RestartPolicy == corev1.RestartPolicyAlways {
		f.Fix = "a program that is meant to end belongs into a Job; a server must stay in the foreground"
	}
	return f
}

// died explains how a container ended.
func died(p *corev1.Pod, name string, t *corev1.ContainerStateTerminated, a Around) Finding {
	if t.Reason == "OOMKilled" {
		limit := "without a limit of its own"
		if m := memoryLimit(p, name); m != "" {
			limit = "its limit is " + m
		}
		return fault("raise resources.limits.memory, or make the program use less",
			"Container %s of pod %s was killed because it needed more memory than it may have: %s", name, p.Name, limit)
	}
	if t.Reason == "StartError" || t.Reason == "ContainerCannotRun" {
		return notStarted(p, name, t.Message)
	}
	sentence := fmt.Sprintf("Container %s of pod %s ended with exit code %d", name, p.Name, t.ExitCode)
	if meaning := exitMeaning(t.ExitCode); meaning != "" {
		sentence += " (" + meaning + ")"
	}
	if said := cmp.Or(brief(a.LastLogs[p.Name+"/"+name]), brief(lastLine(t.Message))); said != "" {
		sentence += fmt.Sprintf("; its last words: %q", said)
	}
	return Finding{Sentence: sentence, Fix: logsOf(p, name)}
}

func logsOf(p *corev1.Pod, name string) string {
	out := "read what it said: garboard logs --previous " + p.Name
	if p.Namespace != "" && p.Namespace != "default" {
		out += " -n " + p.Namespace
	}
	if len(p.Spec.Containers)+len(p.Spec.InitContainers) > 1 {
		out += " -c " + name
	}
	return out
}

func exitMeaning(code int32) string {
	switch code {
	case 126:
		return "the command cannot be executed"
	case 127:
		return "the command was not found"
	case 134:
		return "it aborted itself, SIGABRT"
	case 137:
		return "killed by SIGKILL"
	case 139:
		return "it crashed, SIGSEGV"
	case 143:
		return "it was asked to end, SIGTERM"
	}
	return ""
}

func lastLine(text string) string {
	text = strings.TrimSpace(text)
	return text[strings.LastIndexByte(text, '\n')+1:]
}

func memoryLimit(p *corev1.Pod, name string) string {
	for _, list := range [][]corev1.Container{p.Spec.InitContainers, p.Spec.Containers} {
		for _, c := range list {
			if m, found := c.Resources.Limits[corev1.ResourceMemory]; found && c.Name == name {
				return m.String()
			}
		}
	}
	return ""
}

var (
	missingObject = regexp.MustCompile(`(?i)(secret|configmap) "([^"]+)" not found`)
	missingKey    = regexp.MustCompile(`(?i)couldn't find key (\S+) in (Secret|ConfigMap) ([^/\s]+)/(\S+)`)
)

// config explains CreateContainerConfigError.
func config(p *corev1.Pod, spec corev1.Container, w *corev1.ContainerStateWaiting) Finding {
	if m := missingObject.FindStringSubmatch(w.Message); m != nil {
		kind := kindName(m[1])
		return fault(fmt.Sprintf("make it, or correct the name: garboard get %ss -n %s", strings.ToLower(kind), p.Namespace),
			"Container %s of pod %s needs the %s %s, which does not exist in namespace %s", spec.Name, p.Name, kind, m[2], p.Namespace)
	}
	if m := missingKey.FindStringSubmatch(w.Message); m != nil {
		kind := kindName(m[2])
		return fault(fmt.Sprintf("add the key, or correct its name: garboard describe %s %s -n %s", strings.ToLower(kind), m[4], p.Namespace),
			"Container %s of pod %s needs the key %s, which the %s %s does not have", spec.Name, p.Name, m[1], kind, m[4])
	}
	if strings.Contains(w.Message, "runAsNonRoot") {
		return fault("set securityContext.runAsUser to a number other than 0, or build the image with USER as a number",
			"Container %s of pod %s must not run as root (runAsNonRoot), and its image does: %s", spec.Name, p.Name, brief(w.Message))
	}
	return fault("", "Container %s of pod %s cannot be configured: %s", spec.Name, p.Name, brief(w.Message))
}

func kindName(word string) string {
	if strings.EqualFold(word, "secret") {
		return "Secret"
	}
	return "ConfigMap"
}

var notExecutable = regexp.MustCompile(`exec: "([^"]+)": ([^:]+(?:: no such file or directory|: permission denied)?)`)

// notStarted explains what the runtime says of a container it cannot start.
func notStarted(p *corev1.Pod, name, message string) Finding {
	if m := notExecutable.FindStringSubmatch(message); m != nil {
		why := "is not in its image"
		if strings.Contains(message, "permission denied") {
			why = "may not be executed"
		}
		return fault("correct command and args in the manifest, or ENTRYPOINT and CMD of the image",
			"Container %s of pod %s cannot start: the program %q %s", name, p.Name, m[1], why)
	}
	if strings.Contains(message, "no command specified") {
		return fault("set command in the manifest, or build the image with an ENTRYPOINT",
			"Container %s of pod %s cannot start: neither its manifest nor its image names a program", name, p.Name)
	}
	return fault("", "Container %s of pod %s cannot be started: %s", name, p.Name, brief(message))
}
