package build

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/solver/errdefs"
	"github.com/moby/buildkit/solver/pb"

	"garboard.dev/garboard/fault"
)

func TestAttributes(t *testing.T) {
	t.Parallel()
	env := func(name string) string { return "from the environment: " + name }
	got, err := attributes(Options{
		Args: []string{"A=1", "B"}, Labels: []string{"x=y=z"}, Contexts: []string{"more=../more"}, Target: "last",
		Platforms: []string{"linux/amd64", "linux/arm64"}, NoCache: true, Network: "none", Epoch: "17",
	}, env)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"build-arg:A": "1", "build-arg:B": "from the environment: B", "label:x": "y=z", "context:more": "../more",
		"target": "last", "platform": "linux/amd64,linux/arm64", "no-cache": "", "force-network-mode": "none",
		"build-arg:SOURCE_DATE_EPOCH": "17", "image-resolve-mode": "local",
	} {
		if value, ok := got[name]; !ok || value != want {
			t.Errorf("%s is %q (%v), want %q", name, value, ok, want)
		}
	}
	got, err = attributes(Options{Epoch: "0", Args: []string{"SOURCE_DATE_EPOCH=5"}, Pull: true}, env)
	if err != nil || got["build-arg:SOURCE_DATE_EPOCH"] != "5" || got["image-resolve-mode"] != "pull" {
		t.Errorf("--build-arg does not win over the default: %v, %v", got, err)
	}
	for _, wrong := range []Options{{Epoch: "now"}, {Epoch: "0", Network: "bridge"}, {Epoch: "0", Labels: []string{"novalue"}}} {
		if _, err := attributes(wrong, env); fault.KindOf(err) != fault.Misuse {
			t.Errorf("%+v: %v", wrong, err)
		}
	}
}

func TestOutputsInDockersShortForm(t *testing.T) {
	t.Parallel()
	got := normalizeOutputs([]string{"out", "-", "type=oci,dest=x.tar"})
	if strings.Join(got, " ") != "type=local,dest=out type=tar,dest=- type=oci,dest=x.tar" {
		t.Error(got)
	}
}

func TestContexts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte("FROM scratch\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tarHead := string(make([]byte, 257)) + "ustar" + string(make([]byte, 300))
	for name, c := range map[string]struct {
		in     string
		o      Options
		kind   fault.Kind
		mounts bool
		url    bool
	}{
		"folder":              {o: Options{Context: dir}, mounts: true},
		"no folder":           {o: Options{Context: dir + "/none"}, kind: fault.NotFound},
		"no Dockerfile":       {o: Options{Context: dir, File: dir + "/Other"}, kind: fault.NotFound},
		"Dockerfile on stdin": {in: "FROM scratch\n", o: Options{Context: dir, File: "-"}, mounts: true},
		"text on stdin":       {in: "FROM scratch\n", o: Options{Context: "-"}, mounts: true},
		"tar on stdin":        {in: tarHead, o: Options{Context: "-"}, url: true},
		"both on stdin":       {o: Options{Context: "-", File: "-"}, kind: fault.Misuse},
		"URL":                 {o: Options{Context: "https://git.internal/a.git"}, url: true},
	} {
		out := &client.SolveOpt{FrontendAttrs: map[string]string{}}
		cleanup, err := Builder{In: strings.NewReader(c.in)}.addContext(out, c.o)
		if c.kind != 0 {
			if fault.KindOf(err) != c.kind {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		cleanup()
		if (out.LocalMounts != nil) != c.mounts || (out.FrontendAttrs["context"] != "") != c.url {
			t.Errorf("%s: %v, %v", name, out.LocalMounts, out.FrontendAttrs)
		}
	}
}

func TestErrorsNameTheLineAndWhatToDo(t *testing.T) {
	t.Parallel()
	source := &errdefs.Source{
		Info:   &pb.SourceInfo{Filename: "Dockerfile", Data: []byte("# comment\nFROM --platform=linux/amd64 nothing:1\nRUN false\n")},
		Ranges: []*pb.Range{{Start: &pb.Position{Line: 2}, End: &pb.Position{Line: 2}}},
	}
	err := explain(errdefs.WithSource(errors.New("not found"), source))
	if fault.KindOf(err) != fault.NotFound || !strings.Contains(err.Error(), "Dockerfile:2: not found") || !strings.Contains(fault.Hint(err), "make nothing:1 with") {
		t.Errorf("%v (%s)", err, fault.Hint(err))
	}
	source.Ranges[0].Start.Line = 3
	err = explain(errdefs.WithSource(errors.New("exit code: 1"), source))
	if fault.KindOf(err) != fault.Failed || !strings.Contains(err.Error(), "Dockerfile:3: exit code: 1") || fault.Hint(err) != "" {
		t.Errorf("%v (%s)", err, fault.Hint(err))
	}
	if err := explain(context.Canceled); fault.KindOf(err) != fault.Interrupted {
		t.Errorf("%v", err)
	}
}
