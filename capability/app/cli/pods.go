package cli

import (
	"context"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"

	"garboard.dev/garboard/fault"
	"garboard.dev/garboard/kube"
)

// podTypes is what a bare name may be: pods first, then what has some.
const podTypes = "pods"

// findObject finds one object by NAME (a pod), KIND/NAME or KIND NAME.
func findObject(c *kube.Cluster, args []string) (*unstructured.Unstructured, error) {
	if len(args) == 1 && !strings.Contains(args[0], "/") {
		args = []string{podTypes, args[0]}
	}
	infos, err := getter{c}.builder().ResourceTypeOrNameArgs(false, args...).Latest().Flatten().Do().Infos()
	if err != nil {
		return nil, c.Fault(err, "find "+strings.Join(args, " "))
	}
	if len(infos) != 1 {
		return nil, fault.Usage("name one object, as KIND/NAME", "%s is not one object", strings.Join(args, " "))
	}
	obj, isUnstructured := infos[0].Object.(*unstructured.Unstructured)
	if !isUnstructured {
		return nil, fault.New(fault.Failed, "find "+strings.Join(args, " "), "", "unexpected answer %T", infos[0].Object)
	}
	return obj, nil
}

// findPods finds the pods of NAME, KIND/NAME or a selector.
func findPods(ctx context.Context, c *kube.Cluster, args []string, selector string) ([]corev1.Pod, error) {
	match, err := matcher(ctx, c, args, selector)
	if err != nil {
		return nil, err
	}
	list, err := c.Client.CoreV1().Pods(c.Namespace).List(ctx, match)
	if err != nil {
		return nil, c.Fault(err, "list the pods")
	}
	return list.Items, nil
}

// matcher is the selection of pods that the arguments mean, so that it also
// holds for pods that come later.
func matcher(ctx context.Context, c *kube.Cluster, args []string, selector string) (metav1.ListOptions, error) {
	var out metav1.ListOptions
	if selector != "" {
		if _, err := labels.Parse(selector); err != nil {
			return out, fault.Usage("KEY=VALUE,...", "-l %s: %v", selector, err)
		}
		out.LabelSelector = selector
		return out, nil
	}
	obj, err := findObject(c, args)
	if err != nil {
		return out, podHint(ctx, c, args, err)
	}
	if obj.GetKind() == "Pod" {
		out.FieldSelector = "metadata.name=" + obj.GetName()
		return out, nil
	}
	if out.LabelSelector, err = selectorOf(obj); err != nil {
		return out, err
	}
	if out.LabelSelector == "" {
		return out, fault.Usage("name a pod, or a workload as deployment/NAME", "%s %s has no pods", obj.GetKind(), obj.GetName())
	}
	return out, nil
}

// podHint tells someone who named a workload without its kind how to write it.
func podHint(ctx context.Context, c *kube.Cluster, args []string, err error) error {
	if fault.KindOf(err) != fault.NotFound || len(args) != 1 || strings.Contains(args[0], "/") {
		return err
	}
	for _, kind := range []string{"deployment", "statefulset", "daemonset", "job"} {
		for _, name := range namesOfKind(ctx, c, kind+"s") {
			if name == args[0] {
				return fault.Wrap(err, fault.NotFound, "find the pod "+name, "write "+kind+"/"+name+" for the pods of that "+kind)
			}
		}
	}
	return fault.Wrap(err, fault.NotFound, "find the pod "+args[0], "garboard get pods -n "+c.Namespace)
}

// usablePod chooses the pod that something is done in: a running and ready one
// before others.
func usablePod(pods []corev1.Pod) *corev1.Pod {
	var best *corev1.Pod
	score := -1
	for i := range pods {
		p := &pods[i]
		s := 0
		if p.Status.Phase == corev1.PodRunning && p.DeletionTimestamp == nil {
			s = 1
		}
		if s == 1 && podReady(p) {
			s = 2
		}
		if s > score {
			best, score = p, s
		}
	}
	return best
}

// onePod finds the pod that arguments mean, to do something in it.
func onePod(ctx context.Context, c *kube.Cluster, target string) (*corev1.Pod, error) {
	pods, err := findPods(ctx, c, []string{target}, "")
	if err != nil {
		return nil, err
	}
	if p := usablePod(pods); p != nil {
		return p, nil
	}
	return nil, fault.New(fault.NotFound, "find a pod of "+target, "garboard describe "+strings.Replace(target, "/", " ", 1)+" says why", "it has none")
}
