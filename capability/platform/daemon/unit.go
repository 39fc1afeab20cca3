package daemon

import (
	"context"
	"fmt"

	"garboard.dev/garboard/capability/platform"
)

// UnitName is the systemd unit of the platform at l.
func UnitName(l platform.Layout) string { return l.Cgroup + ".service" }

// unitText is the unit that keeps the supervisor running where systemd is
// process 1. Only the supervisor is systemd's to stop (KillMode=process): it
// stops the components in order itself, and when it is killed they go on until
// the next supervisor takes them over. They have control groups of their own,
// beside the unit's.
func unitText(o Options) string {
	return fmt.Sprintf(`[Unit]
Description=Garboard platform
Wants=network-online.target
After=network-online.target local-fs.target

[Service]
Type=exec
ExecStart=%q platform supervise --state-dir %q
Environment=GARBOARD_ENGINE=%q GOGC=50
Restart=on-failure
RestartSec=1
KillMode=process
TimeoutStopSec=240
LimitNOFILE=1048576
LimitNPROC=infinity
LimitCORE=0
TasksMax=infinity

[Install]
WantedBy=multi-user.target
`, o.Executable, o.Layout.StateDir, o.EngineDir)
}

// Start starts the supervisor in the background: as a unit where systemd runs,
// else by itself. It returns at once.
func Start(ctx context.Context, o Options, underSystemd bool) error {
	if !underSystemd {
		return Spawn(o)
	}
	if _, err := o.Units.Install(ctx, UnitName(o.Layout), unitText(o)); err != nil {
		return fmt.Errorf("install the unit %s: %w", UnitName(o.Layout), err)
	}
	return o.Units.Start(ctx, UnitName(o.Layout))
}
