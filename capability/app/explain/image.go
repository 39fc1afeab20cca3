package explain

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// image explains why a container's image is not there.
func image(p *corev1.Pod, spec corev1.Container, w *corev1.ContainerStateWaiting, a Around) Finding {
	head := fmt.Sprintf("Container %s of pod %s waits for its image %s", spec.Name, p.Name, spec.Image)
	switch w.Reason {
	case "InvalidImageName":
		return fault("write it as NAME:TAG or HOST/NAME:TAG, in lower case", "%s, which is no valid name", head)
	case "ErrImageNeverPull":
		return fault("bring it onto the node (garboard image build or load), or set imagePullPolicy: IfNotPresent",
			"%s, which is not on node %s and may not be pulled (imagePullPolicy: Never)", head, p.Spec.NodeName)
	}
	said := w.Message
	if e := a.latest(p.UID, p.Name, "Failed"); e != nil && strings.Contains(e.Message, "pull image") && !strings.Contains(said, ": ") {
		said = e.Message
	}
	return pullFailure(head, spec.Image, said)
}

// pullTexts are what runtimes and registries say, by the cause. The order
// counts: registries say "not found" for hosts as well as for tags.
var pullTexts = []struct {
	any   []string
	cause func(head, image string) Finding
}{
	{[]string{"no such host", "server misbehaving", "Temporary failure in name resolution"}, func(head, image string) Finding {
		return fault("correct the name, or build the image here: garboard image build; garboard image ls lists what is here",
			"%s, and the registry %s is unknown to DNS", head, registry(image))
	}},
	{[]string{"connection refused", "i/o timeout", "no route to host", "network is unreachable", "context deadline exceeded", "TLS handshake timeout", "connection reset"}, func(head, image string) Finding {
		return fault("see that the node reaches the registry; an image that is built or loaded here needs none: garboard image build, garboard image load",
			"%s, and the registry %s does not answer", head, registry(image))
	}},
	{[]string{"x509", "certificate"}, func(head, image string) Finding {
		return fault("let the node trust the registry's authority", "%s, and the certificate of the registry %s is not trusted", head, registry(image))
	}},
	{[]string{"server gave HTTP response to HTTPS client"}, func(head, image string) Finding {
		return fault("give the registry a certificate, or allow it without one in the runtime's registry settings",
			"%s, and the registry %s speaks HTTP without TLS", head, registry(image))
	}},
	{[]string{"manifest unknown", "not found", "NotFound", "NAME_UNKNOWN", "does not exist:"}, func(head, image string) Finding {
		repository, tag := splitTag(image)
		return fault("correct name and tag, or build it: garboard image build -t "+image+" DIR; garboard image ls lists what is here",
			"%s, and the registry %s has no tag %s of %s", head, registry(image), tag, repository)
	}},
	{[]string{"unauthorized", "Unauthorized", "authorization failed", "denied", "401", "403 Forbidden", "no basic auth"}, func(head, image string) Finding {
		return fault("correct the name if it is wrong; if it is right, make a docker-registry Secret and name it in imagePullSecrets",
			"%s, and the registry %s has no such image or wants a login for it", head, registry(image))
	}},
	{[]string{"toomanyrequests", "429"}, func(head, image string) Finding {
		return fault("wait, or log in to the registry", "%s, and the registry %s refuses more requests for now", head, registry(image))
	}},
	{[]string{"no space left"}, func(head, _ string) Finding {
		return fault("free some: garboard image gc", "%s, and the node's disk is full", head)
	}},
	{[]string{"no match for platform"}, func(head, _ string) Finding {
		return fault("build or choose it for the node's architecture", "%s, which does not exist for the node's architecture", head)
	}},
}

func pullFailure(head, image, said string) Finding {
	for _, entry := range pullTexts {
		for _, text := range entry.any {
			if strings.Contains(said, text) {
				return entry.cause(head, image)
			}
		}
	}
	if said == "" || strings.HasPrefix(said, "Back-off pulling") && !strings.Contains(said, ": ") {
		return fault("", "%s, which could not be pulled", head)
	}
	return fault("", "%s, which could not be pulled: %s", head, brief(said))
}

const dockerHub = "docker.io"

// registry is the host that an image comes from, by the rule of the docker
// reference format: the first part, if it has a dot or a port or is localhost.
func registry(image string) string {
	first, _, found := strings.Cut(image, "/")
	if found && (strings.ContainsAny(first, ".:") || first == "localhost") {
		return first
	}
	return dockerHub
}

func splitTag(image string) (repository, tag string) {
	name, digest, pinned := strings.Cut(image, "@")
	if pinned {
		return name, digest
	}
	colon := strings.LastIndexByte(image, ':')
	if colon < 0 || strings.Contains(image[colon:], "/") {
		return image, "latest"
	}
	return image[:colon], image[colon+1:]
}
