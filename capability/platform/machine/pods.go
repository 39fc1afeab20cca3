package machine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

const (
	// gracePeriod is the annotation in which the kubelet keeps a pod's terminationGracePeriodSeconds.
	gracePeriod  = "io.kubernetes.pod.terminationGracePeriod"
	defaultGrace = 30
	longestGrace = 120 // a pod that wants longer is killed after this: down must end
	runtimeCalls = 20 * time.Second
)

// StopPods stops every pod of the container runtime behind socket with its own
// grace period, all side by side, and takes its network away. A runtime that
// does not run has no pods to stop.
func StopPods(ctx context.Context, socket string) error {
	if conn, err := (&net.Dialer{}).DialContext(ctx, "unix", socket); err != nil {
		return nil
	} else if err := conn.Close(); err != nil {
		return err
	}
	conn, err := grpc.NewClient("unix:"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer conn.Close()
	runtime := cri.NewRuntimeServiceClient(conn)
	pods, err := runtime.ListPodSandbox(ctx, &cri.ListPodSandboxRequest{})
	if err != nil {
		return fmt.Errorf("list the pods: %w", err)
	}
	problems := make([]error, len(pods.GetItems()))
	var all sync.WaitGroup
	for i, pod := range pods.GetItems() {
		all.Go(func() { problems[i] = stopPod(ctx, runtime, pod) })
	}
	all.Wait()
	return errors.Join(problems...)
}

func stopPod(ctx context.Context, runtime cri.RuntimeServiceClient, pod *cri.PodSandbox) error {
	name := pod.GetMetadata().GetNamespace() + "/" + pod.GetMetadata().GetName()
	containers, err := runtime.ListContainers(ctx, &cri.ListContainersRequest{Filter: &cri.ContainerFilter{PodSandboxId: pod.GetId()}})
	if err != nil {
		return fmt.Errorf("list the containers of %s: %w", name, err)
	}
	var all sync.WaitGroup
	for _, c := range containers.GetContainers() {
		if c.GetState() != cri.ContainerState_CONTAINER_RUNNING {
			continue
		}
		all.Go(func() {
			grace := graceOf(c.GetAnnotations())
			limit, cancel := context.WithTimeout(ctx, time.Duration(grace)*time.Second+runtimeCalls)
			defer cancel()
			// What does not stop here is killed with the pod's sandbox below.
			_, _ = runtime.StopContainer(limit, &cri.StopContainerRequest{ContainerId: c.GetId(), Timeout: grace})
		})
	}
	all.Wait()
	limit, cancel := context.WithTimeout(ctx, runtimeCalls)
	defer cancel()
	if _, err := runtime.StopPodSandbox(limit, &cri.StopPodSandboxRequest{PodSandboxId: pod.GetId()}); err != nil {
		return fmt.Errorf("stop pod %s: %w", name, err)
	}
	return nil
}

// graceOf returns the seconds that a container has between SIGTERM and SIGKILL.
func graceOf(annotations map[string]string) int64 {
	n, err := strconv.ParseInt(annotations[gracePeriod], 10, 64)
	if err != nil || n < 0 {
		return defaultGrace
	}
	return min(n, longestGrace)
}
