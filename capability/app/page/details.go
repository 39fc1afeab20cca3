package page

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/yaml"

	"garboard.dev/garboard/capability/app/explain"
	"garboard.dev/garboard/console"
	"garboard.dev/garboard/fault"
)

// details answers for one object, with the rights of the user who asks.
type details struct{ now func() time.Time }

// object is what the drawer shows of one object.
type object struct {
	Kind       string             `json:"kind"`
	Namespace  string             `json:"namespace"`
	Name       string             `json:"name"`
	Labels     map[string]string  `json:"labels"`
	Conditions []metav1.Condition `json:"conditions"`
	Containers []container        `json:"containers"`
	Events     []event            `json:"events"`
	YAML       string             `json:"yaml"`
	Reason     string             `json:"reason"` // why a pod does not run, from its events too
	Fix        string             `json:"fix"`
}

type container struct {
	Name     string `json:"name"`
	Image    string `json:"image"`
	Init     bool   `json:"init,omitempty"`
	State    string `json:"state"`
	Detail   string `json:"detail,omitempty"`
	Ready    bool   `json:"ready"`
	Restarts int32  `json:"restarts"`
}

type event struct {
	Type    string    `json:"type"`
	Cause   string    `json:"cause"`
	Message string    `json:"message"`
	Count   int32     `json:"count"`
	Last    time.Time `json:"last"`
}

func (d *details) serveObject(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	kind, namespace, name := q.Get("kind"), q.Get("namespace"), q.Get("name")
	client := console.UserOf(r.Context()).Client
	o, err := get(r.Context(), client, kind, namespace, name)
	if err != nil {
		console.Refuse(w, readFault(err, "show "+kind+" "+name))
		return
	}
	out, err := objectOf(o)
	if err != nil {
		console.Refuse(w, fault.Wrap(err, fault.Failed, "show "+kind+" "+name, ""))
		return
	}
	list := eventsOf(r.Context(), client, kind, namespace, name)
	if pod, ok := o.(*corev1.Pod); ok {
		if f := explain.Pod(pod, explain.Around{Events: list}); !f.Passing {
			out.Reason, out.Fix = f.Sentence, f.Fix
		}
	}
	for i := range list {
		out.Events = append(out.Events, eventOf(&list[i]))
	}
	slices.SortFunc(out.Events, func(a, b event) int { return b.Last.Compare(a.Last) })
	console.Reply(w, out)
}

func readFault(err error, op string) error {
	switch {
	case apierrors.IsNotFound(err):
		return fault.New(fault.NotFound, op, "", "it does not exist any more")
	case apierrors.IsForbidden(err), apierrors.IsUnauthorized(err):
		return fault.Wrap(err, fault.Denied, op, "ask the cluster's administrator for a role that allows it")
	}
	return fault.Wrap(err, fault.KindOf(err), op, "")
}

func get(ctx context.Context, c kubernetes.Interface, kind, namespace, name string) (runtime.Object, error) {
	o := metav1.GetOptions{}
	switch kind {
	case "Pod":
		return c.CoreV1().Pods(namespace).Get(ctx, name, o)
	case "Node":
		return c.CoreV1().Nodes().Get(ctx, name, o)
	case "Deployment":
		return c.AppsV1().Deployments(namespace).Get(ctx, name, o)
	case "StatefulSet":
		return c.AppsV1().StatefulSets(namespace).Get(ctx, name, o)
	case "DaemonSet":
		return c.AppsV1().DaemonSets(namespace).Get(ctx, name, o)
	case "Job":
		return c.BatchV1().Jobs(namespace).Get(ctx, name, o)
	case "CronJob":
		return c.BatchV1().CronJobs(namespace).Get(ctx, name, o)
	}
	return nil, fault.Usage("", "the console shows no objects of kind %q", kind)
}

// objectOf makes the drawer's form of o. Conditions of all kinds have the
// fields of metav1.Condition, so they are read from the object's own JSON.
func objectOf(o runtime.Object) (object, error) {
	meta := o.(metav1.Object)
	meta.SetManagedFields(nil)
	gvk, err := kindOf(o)
	if err != nil {
		return object{}, err
	}
	o.GetObjectKind().SetGroupVersionKind(gvk)
	text, err := yaml.Marshal(o)
	if err != nil {
		return object{}, err
	}
	var common struct {
		Status struct {
			Conditions []metav1.Condition `json:"conditions"`
		} `json:"status"`
	}
	if err := yaml.Unmarshal(text, &common); err != nil {
		return object{}, err
	}
	out := object{Kind: gvk.Kind, Namespace: meta.GetNamespace(), Name: meta.GetName(), Labels: meta.GetLabels(),
		Conditions: common.Status.Conditions, YAML: string(text)}
	if pod, ok := o.(*corev1.Pod); ok {
		out.Containers = containersOf(pod)
	}
	return out, nil
}

func kindOf(o runtime.Object) (schema.GroupVersionKind, error) {
	kinds, _, err := scheme.Scheme.ObjectKinds(o)
	if err != nil {
		return schema.GroupVersionKind{}, err
	}
	return kinds[0], nil
}

func containersOf(p *corev1.Pod) []container {
	known := map[string]corev1.ContainerStatus{}
	for _, s := range statuses(p) {
		known[s.Name] = s
	}
	var out []container
	for i, c := range append(slices.Clone(p.Spec.InitContainers), p.Spec.Containers...) {
		s := known[c.Name]
		state, detail := stateOf(s.State)
		out = append(out, container{c.Name, c.Image, i < len(p.Spec.InitContainers), state, detail, s.Ready, s.RestartCount})
	}
	return out
}

func stateOf(s corev1.ContainerState) (state, detail string) {
	switch {
	case s.Running != nil:
		return "running", ""
	case s.Terminated != nil && s.Terminated.ExitCode == 0:
		return "completed", ""
	case s.Terminated != nil:
		return "ended", ending(s.Terminated)
	case s.Waiting != nil:
		return "waiting", s.Waiting.Reason
	}
	return "waiting", ""
}

// eventsOf lists an object's events; without the right to see them there are none.
func eventsOf(ctx context.Context, c kubernetes.Interface, kind, namespace, name string) []corev1.Event {
	selector := fields.Set{"involvedObject.kind": kind, "involvedObject.name": name}.AsSelector().String()
	list, err := c.CoreV1().Events(namespace).List(ctx, metav1.ListOptions{FieldSelector: selector, Limit: 200})
	if err != nil {
		return nil
	}
	return slices.DeleteFunc(list.Items, func(e corev1.Event) bool { // simulated API servers select nothing
		return e.InvolvedObject.Kind != kind || e.InvolvedObject.Name != name
	})
}

func eventOf(e *corev1.Event) event {
	return event{e.Type, e.Reason, e.Message, times(e), lastTime(e)}
}

const (
	logLines    = 500
	logPatience = 30 * time.Second // a browser that takes no line for that long has gone
)

// serveLogs streams a container's log: its last lines, then what comes.
func (d *details) serveLogs(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	previous, _ := strconv.ParseBool(q.Get("previous"))
	lines := int64(logLines)
	options := &corev1.PodLogOptions{Container: q.Get("container"), Previous: previous, Follow: !previous, TailLines: &lines}
	stream, err := console.UserOf(r.Context()).Client.CoreV1().Pods(q.Get("namespace")).GetLogs(q.Get("name"), options).Stream(r.Context())
	if err != nil {
		console.Refuse(w, readFault(err, "read the log of "+q.Get("name")))
		return
	}
	defer stream.Close()
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	control := http.NewResponseController(w)
	buffer := make([]byte, 32<<10)
	for {
		n, err := stream.Read(buffer)
		if n > 0 {
			limit := control.SetWriteDeadline(d.now().Add(logPatience))
			_, wrote := w.Write(buffer[:n])
			if errors.Join(limit, wrote, control.Flush()) != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
