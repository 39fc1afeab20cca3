package page

import (
	"fmt"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"garboard.dev/garboard/console/table"
)

var now = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

func named(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: "shop", Name: name, CreationTimestamp: metav1.NewTime(now.Add(-time.Hour))}
}

func cell(t *testing.T, columns []table.Column, r table.Row, name string) string {
	t.Helper()
	for i, c := range columns {
		if c.Name == name {
			return fmt.Sprint(r.Cells[i])
		}
	}
	t.Fatalf("no column %s", name)
	return ""
}

func TestColumnsAndCellsAgree(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		columns []table.Column
		row     table.Row
	}{
		"pod":         {podColumns, podRow(&corev1.Pod{}, now).Row},
		"node":        {nodeColumns, nodeRow(&corev1.Node{})},
		"event":       {eventColumns, eventRow(&corev1.Event{})},
		"deployment":  {workloadColumns, deploymentRow(&appsv1.Deployment{})},
		"statefulset": {workloadColumns, statefulSetRow(&appsv1.StatefulSet{})},
		"daemonset":   {workloadColumns, daemonSetRow(&appsv1.DaemonSet{})},
		"job":         {workloadColumns, jobRow(&batchv1.Job{})},
		"cronjob":     {workloadColumns, cronJobRow(&batchv1.CronJob{})},
	} {
		if len(c.columns) != len(c.row.Cells) {
			t.Errorf("%s: %d columns, %d cells", name, len(c.columns), len(c.row.Cells))
			continue
		}
		for i, column := range c.columns {
			if _, text := c.row.Cells[i].(string); column.Repeats && !text {
				t.Errorf("%s: column %s repeats, but holds %T", name, column.Name, c.row.Cells[i])
			}
		}
	}
}

func TestWorkloads(t *testing.T) {
	t.Parallel()
	three, yes := int32(3), true
	rollout := func(ready int32, conditions ...appsv1.DeploymentCondition) table.Row {
		return deploymentRow(&appsv1.Deployment{ObjectMeta: named("web"), Spec: appsv1.DeploymentSpec{Replicas: &three}, Status: appsv1.DeploymentStatus{ReadyReplicas: ready, Conditions: conditions}})
	}
	for name, c := range map[string]struct {
		row           table.Row
		level, reason string
	}{
		"all ready":      {rollout(3), "", ""},
		"on its way":     {rollout(1), "waiting", "1 of 3"},
		"stuck":          {rollout(1, appsv1.DeploymentCondition{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionFalse, Message: "deadline"}), "wrong", "deadline"},
		"over its quota": {rollout(0, appsv1.DeploymentCondition{Type: appsv1.DeploymentReplicaFailure, Status: corev1.ConditionTrue, Message: "exceeded quota"}), "wrong", "exceeded quota"},
		"completed":      {jobRow(&batchv1.Job{ObjectMeta: named("j"), Status: batchv1.JobStatus{Succeeded: 1}}), "", ""},
		"running":        {jobRow(&batchv1.Job{ObjectMeta: named("j")}), "waiting", "0 of 1"},
		"failed":         {jobRow(&batchv1.Job{ObjectMeta: named("j"), Status: batchv1.JobStatus{Conditions: []batchv1.JobCondition{{Type: batchv1.JobFailed, Status: corev1.ConditionTrue, Message: "too often"}}}}), "wrong", "too often"},
		"suspended":      {cronJobRow(&batchv1.CronJob{ObjectMeta: named("c"), Spec: batchv1.CronJobSpec{Suspend: &yes}}), "waiting", "suspended"},
		"everywhere":     {daemonSetRow(&appsv1.DaemonSet{ObjectMeta: named("d"), Status: appsv1.DaemonSetStatus{NumberReady: 2, DesiredNumberScheduled: 2}}), "", ""},
	} {
		level, reason, fix := cell(t, workloadColumns, c.row, "level"), cell(t, workloadColumns, c.row, "reason"), cell(t, workloadColumns, c.row, "fix")
		if level != c.level || !strings.Contains(reason, c.reason) || (level == "wrong") != (fix != "") {
			t.Errorf("%s: level %q, reason %q, fix %q; want %q, %q", name, level, reason, fix, c.level, c.reason)
		}
	}
}

func TestNodes(t *testing.T) {
	t.Parallel()
	with := func(conditions ...corev1.NodeCondition) table.Row {
		return nodeRow(&corev1.Node{Status: corev1.NodeStatus{Conditions: conditions}})
	}
	ready := corev1.NodeCondition{Type: corev1.NodeReady, Status: corev1.ConditionTrue}
	for name, c := range map[string]struct {
		row           table.Row
		status, level string
	}{
		"never reported": {with(), "Unknown", "wrong"},
		"ready":          {with(ready), "Ready", ""},
		"gone":           {with(corev1.NodeCondition{Type: corev1.NodeReady, Status: corev1.ConditionUnknown, Message: "no word"}), "NotReady", "wrong"},
		"full":           {with(corev1.NodeCondition{Type: corev1.NodeDiskPressure, Status: corev1.ConditionTrue}, ready), "Ready", "wrong"},
	} {
		if s, l := cell(t, nodeColumns, c.row, "status"), cell(t, nodeColumns, c.row, "level"); s != c.status || l != c.level {
			t.Errorf("%s: %s, level %q; want %s, %q", name, s, l, c.status, c.level)
		}
	}
}

// A pod that starts is fine at first, and wrong when it has taken too long.
func TestPatienceEnds(t *testing.T) {
	t.Parallel()
	p := &corev1.Pod{ObjectMeta: named("web"), Spec: corev1.PodSpec{NodeName: "oak", Containers: []corev1.Container{{Name: "main"}}}}
	p.CreationTimestamp = metav1.NewTime(now)
	p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "main", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ContainerCreating"}}}}
	early, late := podRow(p, now.Add(time.Minute)), podRow(p, now.Add(patience+time.Minute))
	if cell(t, podColumns, early.Row, "level") != "waiting" || !early.again {
		t.Errorf("after a minute: %+v", early)
	}
	if cell(t, podColumns, late.Row, "level") != "wrong" || !strings.Contains(cell(t, podColumns, late.Row, "reason"), "for 6 minutes now") {
		t.Errorf("after too long: %+v", late)
	}
}

func TestPodStatus(t *testing.T) {
	t.Parallel()
	deleted := metav1.NewTime(now)
	waits := corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff"}}
	ended := corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 1}}
	for want, p := range map[string]*corev1.Pod{
		"Terminating":      {ObjectMeta: metav1.ObjectMeta{DeletionTimestamp: &deleted}},
		"Completed":        {Status: corev1.PodStatus{Phase: corev1.PodSucceeded}},
		"Evicted":          {Status: corev1.PodStatus{Phase: corev1.PodFailed, Reason: "Evicted"}},
		"Pending":          {Status: corev1.PodStatus{Phase: corev1.PodPending}},
		"ImagePullBackOff": {Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{State: waits}}}},
		"Error":            {Status: corev1.PodStatus{InitContainerStatuses: []corev1.ContainerStatus{{State: ended}}}},
	} {
		if got := podStatus(p); got != want {
			t.Errorf("podStatus is %s, want %s", got, want)
		}
	}
}

func TestEventTimes(t *testing.T) {
	t.Parallel()
	at := metav1.NewTime(now)
	for name, e := range map[string]*corev1.Event{
		"old form":    {LastTimestamp: at},
		"new form":    {EventTime: metav1.NewMicroTime(now)},
		"series":      {Series: &corev1.EventSeries{Count: 1, LastObservedTime: metav1.NewMicroTime(now)}, EventTime: metav1.NewMicroTime(now.Add(-time.Hour))},
		"no time set": {ObjectMeta: metav1.ObjectMeta{CreationTimestamp: at}},
	} {
		if got := lastTime(e); !got.Equal(now) || times(e) != 1 {
			t.Errorf("%s: %v, %d times", name, got, times(e))
		}
	}
}
