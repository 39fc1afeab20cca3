// Package page is the applications' part of the console: what runs in the
// cluster, what does not and why, and the events.
//
// It keeps no objects. Each watch turns an object into the few cells of its row
// and lets go of it, so that 20,000 pods cost a few megabytes; details are read
// when they are asked for, with the rights of the user who asks.
package page

import (
	"context"
	"net/http"
	"sync"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"garboard.dev/garboard/console"
	"garboard.dev/garboard/console/table"
)

// Pages returns the applications' page.
func Pages(env console.Env) []console.Page {
	return []console.Page{{
		Name: "app", Title: "Workloads",
		Feeds: []console.Feed{
			feed(env, "nodes", table.New(nodeColumns...), listable{{"", "nodes"}}, nodeSources(env)),
			feed(env, "workloads", table.New(workloadColumns...), workloadResources, workloadSources(env)),
			feed(env, "events", table.New(eventColumns...), listable{{"", "events"}}, eventSources(env)),
			feed(env, "pods", table.New(podColumns...), listable{{"", "pods"}}, podSources(env)),
		},
		Routes: func(mux *http.ServeMux) {
			d := &details{now: env.Now}
			mux.HandleFunc("GET /api/app/object", d.serveObject)
			mux.HandleFunc("GET /api/app/logs", d.serveLogs)
		},
	}}
}

func podSources(env console.Env) []source {
	return []source{{name: "pods", lists: watched(env.Client.CoreV1().Pods("")), object: &corev1.Pod{},
		row: func(o metav1.Object) judged { return podRow(o.(*corev1.Pod), env.Now()) }}}
}

func nodeSources(env console.Env) []source {
	return []source{{name: "nodes", lists: watched(env.Client.CoreV1().Nodes()), object: &corev1.Node{},
		row: func(o metav1.Object) judged { return judged{Row: nodeRow(o.(*corev1.Node))} }}}
}

func eventSources(env console.Env) []source {
	return []source{{name: "events", lists: watched(env.Client.CoreV1().Events("")), object: &corev1.Event{}, keep: eventsKept,
		row: func(o metav1.Object) judged { return judged{Row: eventRow(o.(*corev1.Event))} }}}
}

func workloadSources(env console.Env) []source {
	apps, batch := env.Client.AppsV1(), env.Client.BatchV1()
	return []source{
		{name: "deployments", lists: watched(apps.Deployments("")), object: &appsv1.Deployment{},
			row: func(o metav1.Object) judged { return judged{Row: deploymentRow(o.(*appsv1.Deployment))} }},
		{name: "stateful sets", lists: watched(apps.StatefulSets("")), object: &appsv1.StatefulSet{},
			row: func(o metav1.Object) judged { return judged{Row: statefulSetRow(o.(*appsv1.StatefulSet))} }},
		{name: "daemon sets", lists: watched(apps.DaemonSets("")), object: &appsv1.DaemonSet{},
			row: func(o metav1.Object) judged { return judged{Row: daemonSetRow(o.(*appsv1.DaemonSet))} }},
		{name: "jobs", lists: watched(batch.Jobs("")), object: &batchv1.Job{},
			row: func(o metav1.Object) judged { return judged{Row: jobRow(o.(*batchv1.Job))} }},
		{name: "cron jobs", lists: watched(batch.CronJobs("")), object: &batchv1.CronJob{},
			row: func(o metav1.Object) judged { return judged{Row: cronJobRow(o.(*batchv1.CronJob))} }},
	}
}

// listable are the resources, as group and plural, that a user must be allowed
// to list to see a table.
type listable [][2]string

// in says whether user may list all of them everywhere, or in namespace.
func (l listable) in(ctx context.Context, user *console.User, namespace string) bool {
	for _, r := range l {
		if !user.MayList(ctx, r[0], r[1], "") && (namespace == "" || !user.MayList(ctx, r[0], r[1], namespace)) {
			return false
		}
	}
	return true
}

// feed makes one live table of what sources list.
func feed(env console.Env, name string, t *table.Table, needs listable, sources []source) console.Feed {
	return console.Feed{
		Name: name,
		Open: func(user *console.User) console.Reader {
			return t.Read(func(ctx context.Context, namespace string) bool { return needs.in(ctx, user, namespace) })
		},
		Run: func(ctx context.Context) {
			states := &states{table: t, of: map[string]table.State{}, wait: len(sources)}
			var all sync.WaitGroup
			for _, s := range sources {
				all.Go(func() { s.run(ctx, env, t, states) })
			}
			all.Wait()
		},
	}
}
