package browser_test

import (
	"context"
	"fmt"
	"io/fs"
	"math"
	"testing/fstest"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"garboard.dev/garboard/capability/platform/control"
)

// scene makes the objects of a small cluster with a few things wrong.
type scene struct {
	now     time.Time
	objects []runtime.Object
}

func (c *scene) add(o ...runtime.Object) { c.objects = append(c.objects, o...) }

func (c *scene) meta(namespace, name string, old time.Duration) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: namespace, Name: name, UID: types.UID(namespace + name), CreationTimestamp: metav1.NewTime(c.now.Add(-old))}
}

func (c *scene) pod(namespace, owner, name, image string, old time.Duration) *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: c.meta(namespace, name, old)}
	if owner != "" {
		yes := true
		p.OwnerReferences = []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: owner, Controller: &yes}}
	}
	p.Spec = corev1.PodSpec{NodeName: "oak", Containers: []corev1.Container{{Name: "main", Image: image,
		Resources: corev1.ResourceRequirements{Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("64Mi")}}}}}
	p.Status = corev1.PodStatus{Phase: corev1.PodRunning,
		Conditions: []corev1.PodCondition{
			{Type: corev1.PodScheduled, Status: corev1.ConditionTrue, LastTransitionTime: p.CreationTimestamp},
			{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: p.CreationTimestamp},
		},
		ContainerStatuses: []corev1.ContainerStatus{{Name: "main", Image: image, Ready: true, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: p.CreationTimestamp}}}}}
	return p
}

func (c *scene) unready(p *corev1.Pod, s corev1.ContainerStatus) *corev1.Pod {
	s.Name, s.Image = "main", p.Spec.Containers[0].Image
	p.Status.ContainerStatuses = []corev1.ContainerStatus{s}
	p.Status.Conditions[1].Status = corev1.ConditionFalse
	return p
}

func waits(reason, message string) corev1.ContainerState {
	return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}
}

func ended(reason string, code int32) corev1.ContainerState {
	return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: reason, ExitCode: code}}
}

func (c *scene) deployment(namespace, name, image string, ready, desired int32) *appsv1.Deployment {
	d := &appsv1.Deployment{ObjectMeta: c.meta(namespace, name, 30*time.Hour)}
	d.Spec.Replicas = &desired
	d.Spec.Template.Spec.Containers = []corev1.Container{{Name: "main", Image: image}}
	d.Status = appsv1.DeploymentStatus{ReadyReplicas: ready, Replicas: desired, Conditions: []appsv1.DeploymentCondition{
		{Type: appsv1.DeploymentAvailable, Status: corev1.ConditionTrue, Reason: "MinimumReplicasAvailable", Message: "Deployment has minimum availability."}}}
	return d
}

func (c *scene) event(kind, cause, object, message string, ago time.Duration, normal bool) *corev1.Event {
	e := &corev1.Event{ObjectMeta: c.meta("shop", fmt.Sprintf("%s.%d", object, len(c.objects)), ago), Type: corev1.EventTypeWarning, Reason: cause, Message: message, Count: 1,
		LastTimestamp: metav1.NewTime(c.now.Add(-ago)), InvolvedObject: corev1.ObjectReference{Kind: kind, Namespace: "shop", Name: object}}
	if normal {
		e.Type = corev1.EventTypeNormal
	}
	return e
}

// village is a cluster as one machine has it.
func village(now time.Time) []runtime.Object {
	c := &scene{now: now}
	node := &corev1.Node{ObjectMeta: c.meta("", "oak", 200*time.Hour)}
	node.Status = corev1.NodeStatus{Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}},
		NodeInfo:    corev1.NodeSystemInfo{KubeletVersion: "v1.36.3"},
		Allocatable: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("8"), corev1.ResourceMemory: resource.MustParse("24Gi"), corev1.ResourcePods: resource.MustParse("110")}}
	c.add(node, c.deployment("shop", "wordpress", "registry.garboard/wordpress:12", 2, 2), c.deployment("shop", "mail", "registry.garboard/mail:3", 0, 1),
		c.deployment("kube-system", "coredns", "garboard/coredns:1.15", 1, 1), c.deployment("metrics", "grafana", "garboard/grafana:12.1", 0, 2))
	one := int32(1)
	db := &appsv1.StatefulSet{ObjectMeta: c.meta("shop", "mariadb", 30*time.Hour)}
	db.Spec.Replicas, db.Status.ReadyReplicas = &one, 1
	db.Spec.Template.Spec.Containers = []corev1.Container{{Name: "main", Image: "registry.garboard/mariadb:12"}}
	backup := &batchv1.Job{ObjectMeta: c.meta("shop", "backup-29381", 3*time.Hour)}
	backup.Spec.Completions, backup.Status.Succeeded = &one, 1
	nightly := &batchv1.CronJob{ObjectMeta: c.meta("shop", "backup", 90*time.Hour)}
	c.add(db, backup, nightly)
	for _, suffix := range []string{"5tz8h", "kq2vd"} {
		c.add(c.pod("shop", "wordpress-7d9c5b", "wordpress-7d9c5b-"+suffix, "registry.garboard/wordpress:12", 26*time.Hour))
	}
	c.add(c.pod("shop", "", "mariadb-0", "registry.garboard/mariadb:12", 30*time.Hour), c.pod("kube-system", "coredns-66bc5", "coredns-66bc5-x9p4l", "garboard/coredns:1.15", 190*time.Hour))
	done := c.pod("shop", "", "backup-29381-v8c2m", "registry.garboard/backup:2", 3*time.Hour)
	done.Status.Phase = corev1.PodSucceeded
	done.Status.ContainerStatuses[0].State, done.Status.ContainerStatuses[0].Ready = ended("Completed", 0), false
	c.add(done,
		c.unready(c.pod("shop", "mail-5f6d9", "mail-5f6d9-w4nzt", "registry.garboard/mail:3", 52*time.Minute),
			corev1.ContainerStatus{RestartCount: 13, State: waits("CrashLoopBackOff", "back-off"), LastTerminationState: ended("Error", 78)}),
		c.unready(c.pod("metrics", "grafana-86c9d", "grafana-86c9d-2xk7q", "garboard/grafana:12.1", 9*time.Minute),
			corev1.ContainerStatus{State: waits("ImagePullBackOff", `Back-off pulling image "garboard/grafana:12.1": ErrImagePull: rpc error: code = NotFound desc = failed to pull and unpack image "registry.garboard/grafana:12.1": not found`)}),
		c.unready(c.pod("metrics", "grafana-86c9d", "grafana-86c9d-tt5bm", "garboard/grafana:12.1", 9*time.Minute),
			corev1.ContainerStatus{State: waits("ImagePullBackOff", `Back-off pulling image "garboard/grafana:12.1": ErrImagePull: rpc error: code = NotFound desc = failed to pull and unpack image "registry.garboard/grafana:12.1": not found`)}))
	big := c.pod("research", "", "train-0", "registry.garboard/train:1", 4*time.Minute)
	big.Spec.NodeName = ""
	big.Spec.Containers[0].Resources.Requests = corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("96Gi")}
	big.Status = corev1.PodStatus{Phase: corev1.PodPending, Conditions: []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse,
		Reason: "Unschedulable", Message: "0/1 nodes are available: 1 Insufficient memory. preemption: not helpful"}}}
	c.add(big)
	c.add(c.event("Pod", "BackOff", "mail-5f6d9-w4nzt", "Back-off restarting failed container main in pod mail-5f6d9-w4nzt", 40*time.Second, false),
		c.event("Pod", "FailedScheduling", "train-0", "0/1 nodes are available: 1 Insufficient memory.", 3*time.Minute, false),
		c.event("Pod", "Failed", "grafana-86c9d-2xk7q", "Failed to pull image \"garboard/grafana:12.1\": not found", 5*time.Minute, false),
		c.event("Job", "Completed", "backup-29381", "Job completed", 11*time.Minute, true),
		c.event("Deployment", "ScalingReplicaSet", "wordpress", "Scaled up replica set wordpress-7d9c5b from 1 to 2", 14*time.Minute, true),
		c.event("Pod", "Started", "wordpress-7d9c5b-kq2vd", "Container main started", 14*time.Minute, true),
		c.event("StatefulSet", "SuccessfulCreate", "mariadb", "create Pod mariadb-0 in StatefulSet mariadb successful", 20*time.Minute, true))
	return c.objects
}

// city is a cluster of so many pods in 40 namespaces.
func city(now time.Time, pods int) []runtime.Object {
	c := &scene{now: now}
	for i := range pods {
		namespace := fmt.Sprintf("team-%02d", i%40)
		p := c.pod(namespace, fmt.Sprintf("service-%04d-6f7d8", i/8), fmt.Sprintf("service-%04d-6f7d8-%05d", i/8, i), "registry.garboard/service:1", time.Duration(i)*time.Second)
		p.Spec.NodeName = fmt.Sprintf("node-%03d", i%200)
		if i%500 == 0 {
			c.unready(p, corev1.ContainerStatus{RestartCount: 4, State: waits("CrashLoopBackOff", "back-off"), LastTerminationState: ended("OOMKilled", 137)})
		}
		c.add(p)
	}
	return c.objects
}

// machine is a /proc whose figures move as those of a machine that has a little to do.
type machine struct{ began time.Time }

// Open implements fs.FS.
func (m machine) Open(name string) (fs.File, error) {
	t := time.Since(m.began).Seconds()
	busy := 0.23*t + 0.9*(1-math.Cos(t/9)) + 0.35*math.Sin(t/2.3) // its growth is the load
	files := map[string]string{
		"stat":                 fmt.Sprintf("cpu  %d 0 0 %d 0 0 0 0\ncpu0\ncpu1\ncpu2\ncpu3\ncpu4\ncpu5\ncpu6\ncpu7\n", 1000+int(100*busy), 1000+int(100*(t-busy))),
		"meminfo":              fmt.Sprintf("MemTotal: 25165824 kB\nMemAvailable: %d kB\n", 15_100_000-int(900_000*math.Sin(t/30))),
		"uptime":               fmt.Sprintf("%.2f 1\n", 187_000+t),
		"loadavg":              fmt.Sprintf("%.2f 0 0 1/1 1\n", 1.4+0.4*math.Sin(t/9)),
		"net/dev":              fmt.Sprintf("eth0: %d 0 0 0 0 0 0 0 %d 0\n", int(240_000*t+1_900_000*(1-math.Cos(t/11))), int(90_000*t+600_000*(1-math.Cos(t/7)))),
		"sys/kernel/osrelease": "6.12.48-amd64\n",
		"sys/kernel/hostname":  "oak\n",
	}
	text, ok := files[name]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return fstest.MapFS{name: {Data: []byte(text)}}.Open(name)
}

// supervisor answers as the platform's own does, with a little life in it.
type supervisor struct{ now func() time.Time }

func (s supervisor) Status(context.Context, bool) (control.Status, error) {
	now := s.now()
	up := now.Add(-52 * time.Hour)
	busy := float64(now.UnixMilli()%1e9) / 1000
	part := func(name, version string, mebibytes uint64, share float64) control.Component {
		return control.Component{Name: name, Version: version, State: control.Running, Healthy: true, PID: 100 + len(name), Since: up,
			PSSBytes: mebibytes << 20, RSSBytes: mebibytes << 21, CPUSeconds: busy * share}
	}
	scheduler := part("kube-scheduler", "1.36.3", 38, 0.004)
	scheduler.Restarts, scheduler.Since, scheduler.Reason = 1, now.Add(-7*time.Hour), "it lost its lease: the API server did not answer for 10 s"
	builder := control.Component{Name: "buildkitd", Version: "0.33.1", State: control.Stopped, OnDemand: true, Since: up}
	return control.Status{Version: "0.1.0", Phase: "running", Since: up,
		Components: []control.Component{part("etcd", "3.7.3", 46, 0.012), part("kube-apiserver", "1.36.3", 214, 0.034), part("kube-controller-manager", "1.36.3", 61, 0.009), scheduler,
			part("kubelet", "1.36.3", 58, 0.018), part("kube-proxy", "1.36.3", 22, 0.001), part("containerd", "2.4.2", 41, 0.006), part("coredns", "1.15.0", 24, 0.002), part("agent", "0.1.0", 72, 0.005), builder},
		Certificates: []control.Certificate{{Name: "ca", Expires: now.AddDate(9, 10, 0)}, {Name: "kube-apiserver", Expires: now.AddDate(0, 11, 3)}, {Name: "kubelet", Expires: now.AddDate(0, 11, 3)}, {Name: "admin", Expires: now.AddDate(0, 11, 3)}},
	}, nil
}
