package explain

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// pending explains a pod that no node has taken. c is its PodScheduled
// condition, or nil where the scheduler has not looked at it.
func pending(p *corev1.Pod, c *corev1.PodCondition, a Around) Finding {
	if len(p.Spec.SchedulingGates) > 0 {
		return fault("look at the controller that removes the gate", "Pod %s is held back by its scheduling gate %s", p.Name, p.Spec.SchedulingGates[0].Name)
	}
	if c == nil {
		if p.Spec.SchedulerName != "" && p.Spec.SchedulerName != corev1.DefaultSchedulerName {
			return fault("see that it runs, or remove schedulerName", "Pod %s waits for the scheduler %s, which has not looked at it", p.Name, p.Spec.SchedulerName)
		}
		return passing("Pod %s waits for the scheduler", p.Name)
	}
	said := c.Message
	if strings.Contains(said, "PersistentVolumeClaim") || strings.Contains(said, "persistentvolumeclaim") || strings.Contains(said, "persistent volumes to bind") {
		if f := claims(p, a); !f.OK() {
			return f
		}
	}
	if strings.Contains(said, "no nodes available") || strings.HasPrefix(said, "0/0 nodes") {
		return fault("join one: garboard up, garboard join", "Pod %s waits because the cluster has no node", p.Name)
	}
	return refusals(p, said, a)
}

// refusal is one of the scheduler's reasons with the number of nodes it is
// said of, as "2 Insufficient cpu" or "1 node(s) were unschedulable".
var refusal = regexp.MustCompile(`^(\d+) (?:node\(s\) )?(.+)$`)

// refusals takes the scheduler's message apart: "0/3 nodes are available: 1 a,
// 2 b. preemption: ...".
func refusals(p *corev1.Pod, said string, a Around) Finding {
	nodes, rest, found := strings.Cut(said, " nodes are available: ")
	if !found {
		return fault("", "Pod %s finds no node: %s", p.Name, cmp.Or(brief(said), "no reason given"))
	}
	rest, _, _ = strings.Cut(rest, " preemption: ")
	rest, _, _ = strings.Cut(rest, " no new claims to deallocate")
	var sentences []string
	fix := ""
	for _, part := range splitReasons(strings.TrimSuffix(strings.TrimSpace(rest), ".")) {
		m := refusal.FindStringSubmatch(part)
		if m == nil {
			sentences = append(sentences, part)
			continue
		}
		sentence, what := refused(p, m[2], a)
		if m[1] != strings.TrimPrefix(nodes, "0/") {
			sentence += " (" + m[1] + " of " + strings.TrimPrefix(nodes, "0/") + " nodes)"
		}
		sentences = append(sentences, sentence)
		fix = cmp.Or(fix, what)
	}
	return fault(fix, "Pod %s finds no node: %s", p.Name, strings.Join(sentences, "; "))
}

// splitReasons splits at commas outside of braces: taints hold some.
func splitReasons(text string) []string {
	var out []string
	depth, start := 0, 0
	for i, r := range text {
		switch r {
		case '{', '(':
			depth++
		case '}', ')':
			depth--
		case ',':
			if depth == 0 {
				out = append(out, strings.TrimSpace(text[start:i]))
				start = i + 1
			}
		}
	}
	return append(out, strings.TrimSpace(text[start:]))
}

var taint = regexp.MustCompile(`had untolerated taint(?:\(s\)|s)? ?\{?([^}]*)\}?`)

func refused(p *corev1.Pod, reason string, a Around) (sentence, fix string) {
	if name, short := strings.CutPrefix(reason, "Insufficient "); short {
		return insufficient(p, corev1.ResourceName(name), a), "ask for less in resources.requests, free some, or add a node"
	}
	if m := taint.FindStringSubmatch(reason); m != nil {
		mark := strings.TrimSuffix(strings.TrimSpace(m[1]), ":")
		return "it does not tolerate the taint " + cmp.Or(mark, "of the nodes"), "add a toleration to the pod, or remove the taint: garboard kubectl taint nodes NODE " + cmp.Or(mark, "KEY") + "-"
	}
	switch {
	case strings.Contains(reason, "node affinity/selector"):
		return "the labels that it asks for are missing" + selector(p), "label a node (garboard kubectl label node NODE KEY=VALUE), or correct nodeSelector and affinity"
	case strings.Contains(reason, "free ports"):
		return "another pod has its host port already" + hostPorts(p), "use a Service instead of hostPort, or another port"
	case strings.Contains(reason, "were unschedulable"):
		return "the node takes no new pods (cordoned)", "garboard kubectl uncordon NODE"
	case strings.Contains(reason, "Too many pods"):
		return "the node has as many pods as it may have", "delete some, or add a node"
	case strings.Contains(reason, "anti-affinity"):
		return "its anti-affinity keeps it from the nodes where such pods are", "use fewer replicas, add a node, or make the rule preferred instead of required"
	case strings.Contains(reason, "pod affinity"):
		return "no node has the pods that its affinity wants to be near", "see that those pods run"
	case strings.Contains(reason, "topology spread"):
		return "its topology spread constraints allow no node", "add nodes, raise maxSkew or use whenUnsatisfiable: ScheduleAnyway"
	case strings.Contains(reason, "volume node affinity conflict"):
		return "its volume is on another node", "bring that node back; a local volume cannot move"
	case strings.Contains(reason, "not ready") || strings.Contains(reason, "unreachable"):
		return "the node is not ready", "garboard status"
	}
	return reason, ""
}

func selector(p *corev1.Pod) string {
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(p.Spec.NodeSelector)) {
		parts = append(parts, key+"="+p.Spec.NodeSelector[key])
	}
	if len(parts) == 0 {
		return ""
	}
	return ", " + strings.Join(parts, ", ")
}

func hostPorts(p *corev1.Pod) string {
	var ports []string
	for _, c := range p.Spec.Containers {
		for _, port := range c.Ports {
			if port.HostPort > 0 {
				ports = append(ports, fmt.Sprint(port.HostPort))
			}
		}
	}
	if len(ports) == 0 {
		return ""
	}
	return ", " + strings.Join(ports, ", ")
}

// insufficient gives the numbers: what the pod asks for and what the node with
// the most has left.
func insufficient(p *corev1.Pod, name corev1.ResourceName, a Around) string {
	wanted := asks(p, name)
	out := fmt.Sprintf("it asks for %s %s", wanted.String(), unit(name))
	best, total, found := a.mostFree(name)
	if !found {
		return out + ", more than any node has left"
	}
	if wanted.Cmp(total) > 0 {
		return fmt.Sprintf("%s, and the largest node has %s in all", out, total.String())
	}
	return fmt.Sprintf("%s, and no node has more than %s of its %s left", out, best.String(), total.String())
}

func unit(name corev1.ResourceName) string {
	switch name {
	case corev1.ResourceCPU:
		return "CPU"
	case corev1.ResourceMemory:
		return "of memory"
	}
	return "of " + string(name)
}

// mostFree is the most that a node has left of a resource, and the size of the
// node that has it.
func (a Around) mostFree(name corev1.ResourceName) (free, total resource.Quantity, found bool) {
	for _, n := range a.Nodes {
		all, has := n.Status.Allocatable[name]
		if !has {
			continue
		}
		left := all.DeepCopy()
		for i := range a.Pods {
			p := &a.Pods[i]
			if p.Spec.NodeName == n.Name && p.Status.Phase != corev1.PodSucceeded && p.Status.Phase != corev1.PodFailed {
				left.Sub(asks(p, name))
			}
		}
		if left.Sign() < 0 {
			left = resource.Quantity{Format: left.Format}
		}
		if !found || left.Cmp(free) > 0 {
			free, total, found = left, all, true
		}
	}
	return free, total, found
}

// asks is what a pod requests: the sum of its containers and sidecars or, if
// that is more, the largest of its init containers; and the overhead.
func asks(p *corev1.Pod, name corev1.ResourceName) resource.Quantity {
	var sum, largest resource.Quantity
	for _, c := range p.Spec.Containers {
		sum.Add(c.Resources.Requests[name])
	}
	for _, c := range p.Spec.InitContainers {
		q := c.Resources.Requests[name]
		if c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			sum.Add(q)
		} else if q.Cmp(largest) > 0 {
			largest = q
		}
	}
	if largest.Cmp(sum) > 0 {
		sum = largest
	}
	sum.Add(p.Spec.Overhead[name])
	return sum
}
