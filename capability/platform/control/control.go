// Package control is the supervisor's API: HTTP with JSON on a unix socket that
// only root may open. This is its vocabulary and its client.
package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"syscall"
	"time"
)

// State is where a component stands in its life.
type State string

// The states.
const (
	Stopped  State = "stopped"
	Waiting  State = "waiting"  // for a component that it needs
	Starting State = "starting" // runs, not yet healthy
	Running  State = "running"
	Failed   State = "failed" // ended or unhealthy; will be started again
)

// Component is what is known of one component.
type Component struct {
	Name       string    `json:"name"`
	Version    string    `json:"version"`
	State      State     `json:"state"`
	Healthy    bool      `json:"healthy"`
	OnDemand   bool      `json:"onDemand,omitempty"`
	Reason     string    `json:"reason,omitempty"` // why it is not running, or why it was restarted last
	PID        int       `json:"pid,omitempty"`
	Restarts   int       `json:"restarts"`
	Since      time.Time `json:"since"` // of the state
	RSSBytes   uint64    `json:"rssBytes,omitempty"`
	PSSBytes   uint64    `json:"pssBytes,omitempty"`
	CPUSeconds float64   `json:"cpuSeconds,omitempty"`
}

// Certificate is one certificate with its end.
type Certificate struct {
	Name    string    `json:"name"`
	Expires time.Time `json:"expires"`
}

// Degraded is one thing that does not work as it should.
type Degraded struct {
	What string `json:"what"`
	Why  string `json:"why"`
	Fix  string `json:"fix,omitempty"`
}

// Step is one step of preparing the machine or starting a component.
type Step struct {
	Name    string  `json:"name"`
	Done    bool    `json:"done"`
	Failed  bool    `json:"failed,omitempty"`
	Detail  string  `json:"detail,omitempty"`
	Seconds float64 `json:"seconds"`
}

// Status is the whole answer of GET /v1/status.
type Status struct {
	Version      string        `json:"version"`
	Phase        string        `json:"phase"`           // preparing, starting, running, stopping, failed
	Doing        string        `json:"doing,omitempty"` // while stopping: the step it is at
	Failure      string        `json:"failure,omitempty"`
	Hint         string        `json:"hint,omitempty"`
	Since        time.Time     `json:"since"`
	PID          int           `json:"pid"`
	SettingsHash string        `json:"settingsHash"` // of the settings that this run works with
	Program      string        `json:"program"`      // names the program file that this run was started from
	Steps        []Step        `json:"steps"`
	Components   []Component   `json:"components"`
	Certificates []Certificate `json:"certificates"`
	Degraded     []Degraded    `json:"degraded"`
}

// ErrNotRunning says that no supervisor answers.
var ErrNotRunning = errors.New("the platform does not run")

// Client talks to one supervisor.
type Client struct{ http *http.Client }

// New returns a client for the supervisor whose socket is at path.
func New(path string) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", path)
	}
	return &Client{http: &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}}
}

// Status asks what runs. With usage, memory and CPU are measured too.
func (c *Client) Status(ctx context.Context, usage bool) (Status, error) {
	var s Status
	path := "/v1/status"
	if usage {
		path += "?usage=true"
	}
	return s, c.call(ctx, http.MethodGet, path, &s)
}

// Ensure starts the component name if it is not running and returns when it is
// healthy. A component that runs on demand stays for a while after the last Ensure.
func (c *Client) Ensure(ctx context.Context, name string) error {
	return c.call(ctx, http.MethodPost, "/v1/components/"+url.PathEscape(name)+"/ensure", nil)
}

// Restart restarts one component and returns when it is healthy again.
func (c *Client) Restart(ctx context.Context, name string) error {
	return c.call(ctx, http.MethodPost, "/v1/components/"+url.PathEscape(name)+"/restart", nil)
}

// Down stops everything in order; it returns when the supervisor has begun to.
func (c *Client) Down(ctx context.Context) error {
	return c.call(ctx, http.MethodPost, "/v1/down", nil)
}

// Reload makes the supervisor exit and leave every component running, so that
// the next one takes over with new settings or a new program.
func (c *Client) Reload(ctx context.Context) error {
	return c.call(ctx, http.MethodPost, "/v1/reload", nil)
}

func (c *Client) call(ctx context.Context, method, path string, into any) error {
	req, err := http.NewRequestWithContext(ctx, method, "http://supervisor"+path, nil)
	if err != nil {
		return err
	}
	res, err := c.http.Do(req)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) { // no socket, or one that nobody listens on any more
		return ErrNotRunning
	}
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 8<<20))
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return errors.New(string(bytes.TrimSpace(body)))
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(body, into)
}
