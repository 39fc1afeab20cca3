package page

import (
	"fmt"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"garboard.dev/garboard/console/table"
)

// level says how a row is to be seen.
type level string

const (
	fine    level = ""
	waiting level = "waiting" // on its way, nothing to do
	wrong   level = "wrong"   // somebody has to do something: reason and fix say what
)

// verdict is what there is to say of one object.
type verdict struct {
	level       level
	reason, fix string
}

var workloadColumns = []table.Column{
	{Name: "kind", Repeats: true}, {Name: "namespace", Repeats: true}, {Name: "name"}, {Name: "ready"}, {Name: "desired"},
	{Name: "image", Repeats: true}, {Name: "created"}, {Name: "level", Repeats: true}, {Name: "reason", Repeats: true}, {Name: "fix", Repeats: true},
}

var workloadResources = listable{
	{"apps", "deployments"}, {"apps", "statefulsets"}, {"apps", "daemonsets"}, {"batch", "jobs"}, {"batch", "cronjobs"},
}

func workloadRow(kind string, o metav1.Object, ready, desired int32, pod corev1.PodSpec, v verdict) table.Row {
	var images []string
	for _, c := range pod.Containers {
		images = append(images, c.Image)
	}
	return table.Row{
		Key: kind + "/" + o.GetNamespace() + "/" + o.GetName(), Namespace: o.GetNamespace(),
		Cells: []any{kind, o.GetNamespace(), o.GetName(), ready, desired, strings.Join(images, " "),
			o.GetCreationTimestamp().Unix(), string(v.level), v.reason, v.fix},
	}
}

// replicas is a workload's wanted number, which the API server defaults to 1.
func replicas(n *int32) int32 {
	if n == nil {
		return 1
	}
	return *n
}

func progress(ready, desired int32) verdict {
	if ready < desired {
		return verdict{level: waiting, reason: fmt.Sprintf("%d of %d pods are ready", ready, desired)}
	}
	return verdict{}
}

func describeCommand(kind string, o metav1.Object) string {
	return fmt.Sprintf("garboard describe %s %s -n %s shows more", strings.ToLower(kind), o.GetName(), o.GetNamespace())
}

func deploymentRow(d *appsv1.Deployment) table.Row {
	desired := replicas(d.Spec.Replicas)
	v := progress(d.Status.ReadyReplicas, desired)
	for _, c := range d.Status.Conditions {
		switch {
		case c.Type == appsv1.DeploymentReplicaFailure && c.Status == corev1.ConditionTrue:
			v = verdict{wrong, "its pods cannot be made: " + c.Message, describeCommand("Deployment", d)}
		case c.Type == appsv1.DeploymentProgressing && c.Status == corev1.ConditionFalse && v.level != wrong:
			v = verdict{wrong, "its rollout does not get on: " + c.Message, "see what its pods say, or go back: garboard kubectl rollout undo deployment " + d.Name + " -n " + d.Namespace}
		}
	}
	return workloadRow("Deployment", d, d.Status.ReadyReplicas, desired, d.Spec.Template.Spec, v)
}

func statefulSetRow(s *appsv1.StatefulSet) table.Row {
	desired := replicas(s.Spec.Replicas)
	return workloadRow("StatefulSet", s, s.Status.ReadyReplicas, desired, s.Spec.Template.Spec, progress(s.Status.ReadyReplicas, desired))
}

func daemonSetRow(d *appsv1.DaemonSet) table.Row {
	ready, desired := d.Status.NumberReady, d.Status.DesiredNumberScheduled
	return workloadRow("DaemonSet", d, ready, desired, d.Spec.Template.Spec, progress(ready, desired))
}

func jobRow(j *batchv1.Job) table.Row {
	desired := replicas(j.Spec.Completions)
	v := verdict{}
	if j.Status.Succeeded < desired {
		v = verdict{level: waiting, reason: fmt.Sprintf("%d of %d completed", j.Status.Succeeded, desired)}
	}
	for _, c := range j.Status.Conditions {
		switch {
		case c.Type == batchv1.JobFailed && c.Status == corev1.ConditionTrue:
			v = verdict{wrong, "it failed: " + c.Message, "read why: garboard logs job/" + j.Name + " -n " + j.Namespace}
		case c.Type == batchv1.JobSuspended && c.Status == corev1.ConditionTrue:
			v = verdict{level: waiting, reason: "it is suspended"}
		}
	}
	return workloadRow("Job", j, j.Status.Succeeded, desired, j.Spec.Template.Spec, v)
}

func cronJobRow(c *batchv1.CronJob) table.Row {
	running := int32(len(c.Status.Active))
	v := verdict{}
	if c.Spec.Suspend != nil && *c.Spec.Suspend {
		v = verdict{level: waiting, reason: "it is suspended"}
	}
	return workloadRow("CronJob", c, running, running, c.Spec.JobTemplate.Spec.Template.Spec, v)
}

var nodeColumns = []table.Column{
	{Name: "name"}, {Name: "status", Repeats: true}, {Name: "version", Repeats: true}, {Name: "cpu"}, {Name: "memory"}, {Name: "pods"},
	{Name: "created"}, {Name: "level", Repeats: true}, {Name: "reason"}, {Name: "fix", Repeats: true},
}

func nodeRow(n *corev1.Node) table.Row {
	status, v := "Unknown", verdict{wrong, "it has never reported", "is its kubelet running? garboard status"}
	for _, c := range n.Status.Conditions {
		switch {
		case c.Type == corev1.NodeReady && c.Status == corev1.ConditionTrue:
			status, v = "Ready", verdict{}
		case c.Type == corev1.NodeReady:
			status, v = "NotReady", verdict{wrong, "it is not ready: " + c.Message, "is its kubelet running? garboard status"}
		}
	}
	for _, c := range n.Status.Conditions {
		if c.Type != corev1.NodeReady && c.Status == corev1.ConditionTrue && v.level == fine {
			v = verdict{wrong, string(c.Type) + ": " + c.Message, "make room on that machine"}
		}
	}
	if n.Spec.Unschedulable {
		status += ", cordoned"
	}
	capacity := n.Status.Allocatable
	return table.Row{Key: n.Name, Cells: []any{n.Name, status, n.Status.NodeInfo.KubeletVersion,
		float64(capacity.Cpu().MilliValue()) / 1000, capacity.Memory().Value(), capacity.Pods().Value(),
		n.CreationTimestamp.Unix(), string(v.level), v.reason, v.fix}}
}

// eventsKept is how many events are shown; the newest.
const eventsKept = 1000

var eventColumns = []table.Column{
	{Name: "namespace", Repeats: true}, {Name: "type", Repeats: true}, {Name: "cause", Repeats: true}, {Name: "kind", Repeats: true},
	{Name: "name"}, {Name: "message"}, {Name: "count"}, {Name: "last"},
}

func eventRow(e *corev1.Event) table.Row {
	return table.Row{Key: e.Namespace + "/" + e.Name, Namespace: e.Namespace,
		Cells: []any{e.Namespace, e.Type, e.Reason, e.InvolvedObject.Kind, e.InvolvedObject.Name, e.Message, times(e), lastTime(e).Unix()}}
}

// times is how often an event happened.
func times(e *corev1.Event) int32 {
	if e.Series != nil {
		return e.Series.Count
	}
	return max(e.Count, 1)
}

// lastTime is when an event happened last: its three kinds of writers put that
// into three different fields.
func lastTime(e *corev1.Event) time.Time {
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
