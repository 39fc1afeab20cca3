package ready

import "k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

func deployment(d *unstructured.Unstructured) Status {
	if unseen(d) {
		return waits("the deployment controller has not seen the change yet")
	}
	known := conditions(d)
	if c := known["Progressing"]; c.reason == "ProgressDeadlineExceeded" {
		return failed("no progress for %d s: %s", number(d, 600, "spec", "progressDeadlineSeconds"), c.why())
	}
	wanted := number(d, 1, "spec", "replicas")
	updated := number(d, 0, "status", "updatedReplicas")
	switch total := number(d, 0, "status", "replicas"); {
	case updated < wanted:
		if c := known["ReplicaFailure"]; c.status == "True" {
			return waits("%d of %d new pods made: %s", updated, wanted, c.why())
		}
		return waits("%d of %d new pods made", updated, wanted)
	case total > updated:
		return waits("%d old pods still run", total-updated)
	}
	if available := number(d, 0, "status", "availableReplicas"); available < wanted {
		return waits("%d of %d pods available", available, wanted)
	}
	return ok("%d of %d pods available", wanted, wanted)
}

func statefulSet(s *unstructured.Unstructured) Status {
	if unseen(s) {
		return waits("the statefulset controller has not seen the change yet")
	}
	wanted := number(s, 1, "spec", "replicas")
	if have := number(s, 0, "status", "readyReplicas"); have < wanted {
		return waits("%d of %d pods ready", have, wanted)
	}
	if text(s, "spec", "updateStrategy", "type") == "OnDelete" {
		return ok("%d of %d pods ready; a changed one is replaced when it is deleted", wanted, wanted)
	}
	first := number(s, 0, "spec", "updateStrategy", "rollingUpdate", "partition")
	if updated, want := number(s, 0, "status", "updatedReplicas"), max(wanted-first, 0); updated < want && text(s, "status", "updateRevision") != text(s, "status", "currentRevision") {
		return waits("%d of %d pods updated", updated, want)
	}
	return ok("%d of %d pods ready", wanted, wanted)
}

func daemonSet(d *unstructured.Unstructured) Status {
	if unseen(d) {
		return waits("the daemonset controller has not seen the change yet")
	}
	wanted := number(d, 0, "status", "desiredNumberScheduled")
	if updated := number(d, 0, "status", "updatedNumberScheduled"); updated < wanted && text(d, "spec", "updateStrategy", "type") != "OnDelete" {
		return waits("updated on %d of %d nodes", updated, wanted)
	}
	if available := number(d, 0, "status", "numberAvailable"); available < wanted {
		return waits("available on %d of %d nodes", available, wanted)
	}
	return ok("available on %d of %d nodes", wanted, wanted)
}

func replicaSet(r *unstructured.Unstructured) Status {
	if unseen(r) {
		return waits("its controller has not seen the change yet")
	}
	wanted, have := number(r, 1, "spec", "replicas"), number(r, 0, "status", "availableReplicas")
	if have >= wanted {
		return ok("%d of %d pods available", wanted, wanted)
	}
	if c := conditions(r)["ReplicaFailure"]; c.status == "True" {
		return waits("%s", c.why())
	}
	return waits("%d of %d pods available", have, wanted)
}

func job(j *unstructured.Unstructured) Status {
	known := conditions(j)
	if c := known["Failed"]; c.status == "True" {
		return failed("the job failed: %s", c.why())
	}
	done := number(j, 0, "status", "succeeded")
	if known["Complete"].status == "True" {
		return ok("complete")
	}
	if suspended, _, _ := unstructured.NestedBool(j.Object, "spec", "suspend"); suspended {
		return ok("suspended")
	}
	return waits("%d of %d pods succeeded", done, number(j, 1, "spec", "completions"))
}

func pod(p *unstructured.Unstructured) Status {
	known := conditions(p)
	switch text(p, "status", "phase") {
	case "Succeeded":
		return ok("succeeded")
	case "Failed":
		if why := text(p, "status", "message"); why != "" {
			return failed("%s", oneLine(why))
		}
		return failed("a container ended with an error and is not started again")
	}
	if known["Ready"].status == "True" {
		return ok("running")
	}
	if c := known["PodScheduled"]; c.status == "False" {
		return waits("no node takes it: %s", c.why())
	}
	if why := containerReason(p); why != "" {
		return waits("%s", why)
	}
	if c, found := known["Ready"]; found {
		return waits("%s", c.why())
	}
	return waits("no node has taken it yet")
}

// containerReason is why the first container that does not run waits.
func containerReason(p *unstructured.Unstructured) string {
	for _, field := range []string{"initContainerStatuses", "containerStatuses"} {
		list, _, _ := unstructured.NestedSlice(p.Object, "status", field)
		for _, entry := range list {
			status, _ := entry.(map[string]any)
			waiting, _, _ := unstructured.NestedMap(status, "state", "waiting")
			reason, _ := waiting["reason"].(string)
			if reason == "" || reason == "PodInitializing" {
				continue
			}
			name, _ := status["name"].(string)
			if message, _ := waiting["message"].(string); message != "" {
				return name + ": " + reason + ": " + oneLine(message)
			}
			return name + ": " + reason
		}
	}
	return ""
}
