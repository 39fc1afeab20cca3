package kube

import (
	"context"
	"errors"
	"net"
	"net/url"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"

	"garboard.dev/garboard/fault"
)

const hintUp = "run garboard up"

// Fault returns err as a *fault.Error for the operation op, with the kind that
// the server's answer has and a hint where one helps: a server that cannot be
// reached is Unavailable. nil stays nil.
func (c *Cluster) Fault(err error, op string) error {
	if err == nil {
		return nil
	}
	var refused *url.Error
	if errors.As(err, &refused) && !errors.Is(err, context.Canceled) {
		return c.unreachable(refused, op)
	}
	return fault.Wrap(err, kindOf(err), op, hintOf(err))
}

func (c *Cluster) unreachable(err *url.Error, op string) error {
	hint := "is the server that " + c.Kubeconfig + " names running and reachable?"
	if c.own {
		hint = hintUp
	}
	var dial *net.OpError
	if errors.As(err, &dial) {
		return fault.New(fault.Unavailable, op, hint, "the API server at %s does not answer: %w", c.Config.Host, dial)
	}
	return fault.New(fault.Unavailable, op, hint, "the API server at %s does not answer: %w", c.Config.Host, err.Err)
}

func kindOf(err error) fault.Kind {
	switch {
	case errors.Is(err, context.Canceled):
		return fault.Interrupted
	case apierrors.IsNotFound(err), meta.IsNoMatchError(err):
		return fault.NotFound
	case apierrors.IsForbidden(err), apierrors.IsUnauthorized(err):
		return fault.Denied
	case apierrors.IsConflict(err), apierrors.IsAlreadyExists(err):
		return fault.Conflict
	case apierrors.IsInvalid(err), apierrors.IsBadRequest(err):
		return fault.Misuse
	case apierrors.IsServiceUnavailable(err), apierrors.IsTimeout(err), apierrors.IsServerTimeout(err), apierrors.IsTooManyRequests(err):
		return fault.Unavailable
	}
	return fault.Failed
}

func hintOf(err error) string {
	switch {
	case apierrors.IsUnauthorized(err):
		return "the kubeconfig's credentials are not, or no longer, accepted: get a new one"
	case apierrors.IsForbidden(err):
		return "ask the cluster's administrator for a role that allows it, or use another context"
	case meta.IsNoMatchError(err):
		return "garboard kubectl api-resources lists the kinds that the cluster has"
	}
	return ""
}
