package ready

import "k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

func claim(c *unstructured.Unstructured) Status {
	switch text(c, "status", "phase") {
	case "Bound":
		return ok("bound to %s", text(c, "spec", "volumeName"))
	case "Lost":
		return failed("its volume %s is gone", text(c, "spec", "volumeName"))
	}
	return waits("no volume is bound to it yet")
}

func volume(v *unstructured.Unstructured) Status {
	switch phase := text(v, "status", "phase"); phase {
	case "Available", "Bound", "Released":
		return ok("")
	case "Failed":
		return failed("%s", oneLine(text(v, "status", "message")))
	}
	return waits("the volume controller has not seen it yet")
}

// service waits for an address from outside where it asked for one.
func service(s *unstructured.Unstructured) Status {
	if text(s, "spec", "type") != "LoadBalancer" {
		return ok("")
	}
	if given, _, _ := unstructured.NestedSlice(s.Object, "status", "loadBalancer", "ingress"); len(given) == 0 {
		return waits("no address from outside is assigned yet")
	}
	return ok("")
}

func namespace(n *unstructured.Unstructured) Status {
	if phase := text(n, "status", "phase"); phase != "" && phase != "Active" {
		return waits("its phase is %s", phase)
	}
	return ok("")
}

func definition(d *unstructured.Unstructured) Status {
	known := conditions(d)
	if c := known["NamesAccepted"]; c.status == "False" {
		return failed("%s", c.why())
	}
	if c := known["Established"]; c.status != "True" {
		return waits("the API server does not serve it yet")
	}
	return ok("")
}

func apiService(a *unstructured.Unstructured) Status {
	if c := conditions(a)["Available"]; c.status != "True" {
		return waits("its server does not answer: %s", c.why())
	}
	return ok("")
}
