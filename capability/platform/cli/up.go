package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"garboard.dev/garboard/capability/platform"
	"garboard.dev/garboard/capability/platform/control"
	"garboard.dev/garboard/capability/platform/daemon"
	"garboard.dev/garboard/capability/platform/machine"
	"garboard.dev/garboard/command"
	"garboard.dev/garboard/command/progress"
	"garboard.dev/garboard/fault"
	"garboard.dev/garboard/host/file"
	"garboard.dev/garboard/host/systemd"
)

// upOptions are up's flags; a flag that is not given leaves a setting as it is.
type upOptions struct {
	flags   *pflag.FlagSet
	want    platform.Settings
	timeout time.Duration
}

func upCommand(env *command.Env) *command.Command {
	o := &upOptions{}
	return &command.Command{
		Name: "up", Args: "[flags]", Everyday: true,
		Summary: "Start the platform on this machine, or bring it to what the flags say",
		Help: `Checks the machine, makes certificates, and starts etcd, Kubernetes, containerd and the platform's own services
under a supervisor in the background. Everything listens on loopback and on the pods' network unless --listen says
otherwise. What runs as it should is left alone: a second up changes nothing. Settings are kept; a flag that is not
given leaves its setting as it was.`,
		Examples: `garboard up
			garboard up --listen 0.0.0.0   # let other machines in
			garboard up --http-port 8080 --https-port 8444`,
		Flags:     o.bind,
		Run:       func(ctx context.Context, args []string) error { return runUp(ctx, env, o, args) },
		ExitCodes: map[int]string{5: "no root", 6: "a port or an address is taken"},
	}
}

func (o *upOptions) bind(flags *pflag.FlagSet) {
	d := platform.DefaultSettings()
	o.flags = flags
	flags.StringVar(&o.want.NodeName, "node-name", "", "this machine's name in the cluster (default: its host name)")
	flags.StringVar(&o.want.Listen, "listen", d.Listen, "the `ADDRESS` for traffic from outside")
	flags.StringVar(&o.want.PodCIDR, "pod-cidr", d.PodCIDR, "the pods' network")
	flags.StringVar(&o.want.ServiceCIDR, "service-cidr", d.ServiceCIDR, "the services' network")
	flags.IntVar(&o.want.HTTPPort, "http-port", d.HTTPPort, "the port of HTTP from outside")
	flags.IntVar(&o.want.HTTPSPort, "https-port", d.HTTPSPort, "the port of HTTPS from outside")
	flags.IntVar(&o.want.ConsolePort, "console-port", d.ConsolePort, "the console's port")
	flags.IntVar(&o.want.APIPort, "api-port", d.APIPort, "the Kubernetes API's port")
	flags.DurationVar(&o.timeout, "timeout", 5*time.Minute, "how long to wait until everything is ready")
}

func runUp(ctx context.Context, env *command.Env, o *upOptions, args []string) error {
	if len(args) > 0 {
		return fault.Usage("garboard up --help", "up takes no arguments")
	}
	if err := asRoot("start the platform"); err != nil {
		return err
	}
	opts, err := options(env, env.Log)
	if err != nil {
		return err
	}
	settings, err := o.settings(opts.Layout)
	if err != nil {
		return err
	}
	if env.Global.Quiet {
		env.Terminal = false
	}
	steps := progress.New(env.Err, env.Now, env.Terminal, env.Width, env.Global.Quiet)
	defer steps.Close()
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	unchanged, err := converge(ctx, opts, settings, steps)
	if err != nil {
		return err
	}
	steps.Close()
	if unchanged {
		fmt.Fprintln(env.Out, "The platform runs as it should; nothing was changed.")
		return nil
	}
	fmt.Fprintf(env.Out, "The platform is up after %.1f s.\n", steps.Elapsed().Seconds())
	fmt.Fprintf(env.Out, "  kubeconfig  %s\n  console     https://127.0.0.1:%d (garboard console prints a login link)\n", opts.Layout.AdminKubeconfig(), settings.ConsolePort)
	return nil
}

// converge brings the platform to settings and says whether it was there already.
func converge(ctx context.Context, opts daemon.Options, settings platform.Settings, steps *progress.Steps) (unchanged bool, err error) {
	c := control.New(opts.Layout.ControlSocket())
	changed, err := writeSettings(opts.Layout, settings)
	if err != nil {
		return false, err
	}
	status, err := c.Status(ctx, false)
	running := err == nil
	if running && status.Phase == "running" && !changed && status.Program == machine.ProgramID(opts.Executable) && settled(status) {
		return true, nil
	}
	if !running {
		if err := preflightStep(opts, settings, steps); err != nil {
			return false, err
		}
	}
	if running {
		if err := replace(ctx, c, status); err != nil {
			return false, err
		}
	}
	if err := daemon.Start(ctx, opts, systemd.Runs()); err != nil {
		return false, fault.Wrap(err, fault.Failed, "start the supervisor", "")
	}
	if err := follow(ctx, c, opts, steps); err != nil {
		return false, err
	}
	return false, ready(ctx, opts.Layout, settings, steps)
}

// settled says whether every component that should run is healthy.
func settled(s control.Status) bool {
	for _, c := range s.Components {
		if !c.Healthy && !c.OnDemand {
			return false
		}
	}
	return len(s.Components) > 0
}

// replace makes the running supervisor leave; its components stay.
func replace(ctx context.Context, c *control.Client, s control.Status) error {
	if s.Phase == "stopping" {
		return fault.New(fault.Conflict, "start the platform", "wait until garboard status says that it does not run", "it is going down")
	}
	if err := c.Reload(ctx); err != nil {
		return fault.Wrap(err, fault.Failed, "replace the supervisor", "")
	}
	for {
		if _, err := c.Status(ctx, false); errors.Is(err, control.ErrNotRunning) {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// settings merges what is kept with the flags that were given.
func (o *upOptions) settings(l platform.Layout) (platform.Settings, error) {
	s, err := platform.ReadSettings(l)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return s, err
	}
	for name, set := range map[string]func(){
		"node-name": func() { s.NodeName = o.want.NodeName }, "listen": func() { s.Listen = o.want.Listen },
		"pod-cidr": func() { s.PodCIDR = o.want.PodCIDR }, "service-cidr": func() { s.ServiceCIDR = o.want.ServiceCIDR },
		"http-port": func() { s.HTTPPort = o.want.HTTPPort }, "https-port": func() { s.HTTPSPort = o.want.HTTPSPort },
		"console-port": func() { s.ConsolePort = o.want.ConsolePort }, "api-port": func() { s.APIPort = o.want.APIPort },
	} {
		if o.flags.Changed(name) {
			set()
		}
	}
	if s.NodeName == "" {
		name, err := os.Hostname()
		if err != nil {
			return s, err
		}
		s.NodeName = strings.ToLower(name)
	}
	return s.Complete()
}

// writeSettings keeps s where it differs from what is kept, and says whether it did.
func writeSettings(l platform.Layout, s platform.Settings) (changed bool, err error) {
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return false, err
	}
	text = append(text, '\n')
	old, err := os.ReadFile(l.SettingsFile())
	if err == nil && string(old) == string(text) {
		return false, nil
	}
	if err := os.MkdirAll(l.StateDir, 0o711); err != nil {
		return false, fault.Wrap(err, fault.Denied, "make "+l.StateDir, "choose another place with --state-dir")
	}
	return true, fault.Wrap(file.Write(l.SettingsFile(), text, 0o600), fault.Failed, "keep the settings", "")
}

// goneAfter is how long no supervisor has to be there until up believes that
// somebody has taken the platform down.
const goneAfter = 3 * time.Second

// follow shows the supervisor's steps until every component is healthy.
func follow(ctx context.Context, c *control.Client, opts daemon.Options, steps *progress.Steps) error {
	shown := map[string]*progress.Step{}
	finished := map[string]bool{}
	var last string
	var answered time.Time
	for {
		status, err := c.Status(ctx, false)
		// Another up replaces the supervisor: then there is none, but not for long.
		if !answered.IsZero() && opts.Now().Sub(answered) > goneAfter && daemon.Ended(opts.Layout) || err == nil && status.Phase == "stopping" {
			return fault.New(fault.Conflict, "start the platform", "start it again when nobody takes it down", "it was taken down meanwhile")
		}
		if err == nil {
			answered = opts.Now()
			if status.Phase == "failed" {
				return fault.New(fault.Failed, "start the platform", status.Hint, "%s", status.Failure)
			}
			last = show(status, steps, shown, finished)
			if status.Phase == "running" && settled(status) {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return late(ctx, last)
		case <-time.After(40 * time.Millisecond):
		}
	}
}

func late(ctx context.Context, last string) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return ctx.Err()
	}
	if last == "" {
		last = "the supervisor does not answer"
	}
	return fault.New(fault.Unavailable, "start the platform in time", "garboard status says more; garboard platform logs COMPONENT shows what it said", "%s", last)
}

// show draws what is new in status and returns what is waited for.
func show(status control.Status, steps *progress.Steps, shown map[string]*progress.Step, finished map[string]bool) (waits string) {
	for _, s := range status.Steps {
		if !finished[s.Name] && s.Done {
			finished[s.Name] = true
			steps.Start("%s", s.Name).Done(s.Detail)
		}
	}
	for _, c := range status.Components {
		if c.OnDemand || finished[c.Name] {
			continue
		}
		step := shown[c.Name]
		if step == nil && (c.State == control.Starting || c.Healthy) {
			step = steps.Start("%s %s", c.Name, c.Version)
			shown[c.Name] = step
		}
		switch {
		case c.Healthy:
			finished[c.Name] = true
			step.Done("")
		case c.Reason != "":
			waits = c.Name + ": " + c.Reason
			if step != nil {
				step.Detail("%s", c.Reason)
			}
		default:
			waits = c.Name + " is " + string(c.State)
		}
	}
	return waits
}

func superviseCommand(env *command.Env) *command.Command {
	return &command.Command{
		Name: "supervise", Hidden: true, Summary: "Keep the platform's components running, in the foreground",
		Help: "What garboard up starts in the background and a systemd unit starts as a service.",
		Run: func(ctx context.Context, _ []string) error {
			opts, err := options(env, env.Log)
			if err != nil {
				return err
			}
			return daemon.Run(ctx, opts)
		},
	}
}

func guardCommand(env *command.Env) *command.Command {
	return &command.Command{
		Name: "guard", Hidden: true, Summary: "Start the supervisor again whenever it is killed",
		Run: func(ctx context.Context, _ []string) error {
			opts, err := options(env, env.Log)
			if err != nil {
				return err
			}
			return daemon.Guard(ctx, opts)
		},
	}
}
