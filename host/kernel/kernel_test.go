package kernel

import (
	"errors"
	"maps"
	"os"
	"slices"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// Both have the same features' names, and answer about rights.
func TestContract(t *testing.T) {
	t.Parallel()
	want := slices.Sorted(maps.Keys(Fake{}.Features()))
	for name, p := range map[string]Prober{"linux": Linux{}, "fake": Fake{Absent: []string{Veth}}} {
		if got := slices.Sorted(maps.Keys(p.Features())); !slices.Equal(got, want) {
			t.Errorf("%s has the features %v, want %v", name, got, want)
		}
		if _, err := p.RaisesPriority(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if (Fake{Absent: []string{Veth}}).Features()[Veth] {
		t.Error("an absent feature is there")
	}
}

// A kernel that runs this repository's engine has what the platform needs.
func TestThisKernel(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("trying the kernel needs root")
	}
	features := Linux{}.Features()
	for _, name := range []string{Overlayfs, Namespaces, Seccomp, Bridge, Veth, Nftables} {
		if !features[name] {
			t.Errorf("this kernel lacks %s, or the probe is wrong", name)
		}
	}
}

func TestRefusal(t *testing.T) {
	t.Parallel()
	message := func(kind uint16, data ...byte) []byte {
		return append([]byte{byte(16 + len(data)), 0, 0, 0, byte(kind), byte(kind >> 8), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, data...)
	}
	if err := refusal(message(unix.NLMSG_ERROR, 0xEA, 0xFF, 0xFF, 0xFF)); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("the answer -22 gives %v", err)
	}
	for _, good := range [][]byte{message(unix.NLMSG_ERROR, 0, 0, 0, 0), message(unix.NLMSG_DONE, 0, 0, 0, 0)} {
		if err := refusal(good); err != nil {
			t.Errorf("%v gives %v", good, err)
		}
	}
	for _, bad := range [][]byte{nil, {1}, {200, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}} {
		if err := refusal(bad); err == nil {
			t.Errorf("%v gives no error", bad)
		}
	}
}

func FuzzRefusal(f *testing.F) {
	f.Add([]byte{20, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xEA, 0xFF, 0xFF, 0xFF})
	f.Fuzz(func(t *testing.T, answer []byte) {
		var errno syscall.Errno
		if err := refusal(answer); errors.As(err, &errno) && errno == 0 {
			t.Error("error number 0 is no error")
		}
	})
}

func TestEffective(t *testing.T) {
	t.Parallel()
	if set, err := effective("Name:\ta\nCapEff:\t000001fffeffffff\n"); err != nil || set&(1<<unix.CAP_SYS_RESOURCE) != 0 || set&(1<<unix.CAP_SYS_ADMIN) == 0 {
		t.Errorf("effective = %x, %v", set, err)
	}
	for _, bad := range []string{"", "CapEff:\tx\n"} {
		if _, err := effective(bad); err == nil {
			t.Errorf("effective(%q) gives no error", bad)
		}
	}
}
