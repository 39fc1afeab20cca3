package explain

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// unready explains a container that runs and is not ready.
func unready(p *corev1.Pod, spec corev1.Container, s *corev1.ContainerStatus, a Around) Finding {
	e := a.latest(p.UID, p.Name, "Unhealthy", "ProbeError")
	started := s.Started == nil || *s.Started
	switch {
	case e != nil && (e.InvolvedObject.FieldPath == "" || strings.Contains(e.InvolvedObject.FieldPath, "{"+spec.Name+"}")):
		kind, _, _ := strings.Cut(e.Message, " probe")
		return fault("see that the program listens where the probe asks: "+probeTarget(spec, kind),
			"Container %s of pod %s runs, but its %s probe fails: %s", s.Name, p.Name, strings.ToLower(kind), probeSaw(e.Message))
	case !started && spec.StartupProbe != nil:
		return passing("Container %s of pod %s has just been started; its startup probe has not succeeded yet", s.Name, p.Name)
	case spec.ReadinessProbe != nil:
		return passing("Container %s of pod %s runs; its readiness probe has not succeeded yet", s.Name, p.Name)
	}
	return passing("Container %s of pod %s has just been started", s.Name, p.Name)
}

// probeSaw is what an Unhealthy event's message says after its colon.
func probeSaw(message string) string {
	_, saw, found := strings.Cut(message, ": ")
	if !found {
		saw = message
	}
	return brief(saw)
}

func probeTarget(c corev1.Container, kind string) string {
	probe := c.ReadinessProbe
	switch kind {
	case "Liveness":
		probe = c.LivenessProbe
	case "Startup":
		probe = c.StartupProbe
	}
	switch {
	case probe == nil:
		return "its probe is not in the manifest any more"
	case probe.HTTPGet != nil:
		return fmt.Sprintf("GET %s on port %s", strings.TrimSpace(probe.HTTPGet.Path), probe.HTTPGet.Port.String())
	case probe.TCPSocket != nil:
		return "TCP port " + probe.TCPSocket.Port.String()
	case probe.GRPC != nil:
		return fmt.Sprintf("gRPC on port %d", probe.GRPC.Port)
	case probe.Exec != nil:
		return "command " + strings.Join(probe.Exec.Command, " ")
	}
	return "the probe is empty"
}
