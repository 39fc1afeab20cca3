package platform

import (
	"errors"
	"strings"
	"testing"

	"garboard.dev/garboard/fault"
)

func TestComplete(t *testing.T) {
	t.Parallel()
	s := DefaultSettings()
	s.NodeName, s.PodCIDR, s.ServiceCIDR = "db1", "172.20.5.0/20", "172.21.0.0/16"
	got, err := s.Complete()
	if err != nil {
		t.Fatal(err)
	}
	if got.PodCIDR != "172.20.0.0/20" || got.NodeIP != "172.20.0.1" || got.DNSAddress != "172.21.0.10" {
		t.Errorf("Complete = %+v", got)
	}
	again, err := got.Complete()
	if err != nil || again != got {
		t.Errorf("completing twice gives %+v, %v", again, err)
	}
}

func TestCompleteRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		change func(*Settings)
		says   string
	}{
		{func(s *Settings) { s.NodeName = "My_Host" }, "My_Host"},
		{func(s *Settings) { s.NodeName = "" }, "node"},
		{func(s *Settings) { s.Listen = "eth0" }, "--listen"},
		{func(s *Settings) { s.PodCIDR = "10.42.0.0/30" }, "--pod-cidr"},
		{func(s *Settings) { s.PodCIDR = "fd00::/64" }, "--pod-cidr"},
		{func(s *Settings) { s.ServiceCIDR = "many" }, "--service-cidr"},
		{func(s *Settings) { s.ServiceCIDR = "10.42.128.0/17" }, "overlap"},
	} {
		s := DefaultSettings()
		s.NodeName = "db1"
		c.change(&s)
		_, err := s.Complete()
		var usage *fault.UsageError
		if !errors.As(err, &usage) || !strings.Contains(err.Error(), c.says) || fault.Hint(err) == "" {
			t.Errorf("%+v gives %v; want misuse that says %q, with a hint", s, err, c.says)
		}
	}
}

func TestLayoutsDoNotMeet(t *testing.T) {
	t.Parallel()
	a, b := LayoutOf(DefaultStateDir+"/"), LayoutOf("/srv/garboard")
	if a.RunDir != "/run/garboard" || a.Cgroup != "garboard" {
		t.Errorf("the default layout is %+v", a)
	}
	if a.RunDir == b.RunDir || a.Cgroup == b.Cgroup || b != LayoutOf("/srv/x/../garboard") {
		t.Errorf("the layouts are %+v and %+v", a, b)
	}
	const longest = 107 // of a socket's path, unix(7)
	if n := len(b.ContainerdSocket()); n > longest {
		t.Errorf("the socket's path has %d characters", n)
	}
}
