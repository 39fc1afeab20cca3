// Package browser_test drives the console in a real browser, Debian's chromium,
// against a simulated cluster.
package browser_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	cdpruntime "github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"

	apppage "garboard.dev/garboard/capability/app/page"
	platformpage "garboard.dev/garboard/capability/platform/page"
	"garboard.dev/garboard/capability/platform/page/vitals"
	"garboard.dev/garboard/console"
	"garboard.dev/garboard/host/disk"
)

// site is a running console.
type site struct {
	address string
	key     *console.Key
	client  *fake.Clientset
}

func serve(t *testing.T, objects []runtime.Object) *site {
	t.Helper()
	s := &site{key: console.NewKey(), client: fake.NewClientset(objects...)}
	log := slog.New(slog.DiscardHandler)
	env := console.Env{Log: log, Now: time.Now, Client: s.client, StateDir: t.TempDir()}
	meter := &vitals.Meter{Proc: machine{time.Now()}, Disk: disk.Fake{Space: disk.Space{Free: 151 << 30, Total: 468 << 30}}, Path: env.StateDir, Now: time.Now}
	pages := append(apppage.Pages(env), platformpage.New(env, supervisor{time.Now}, meter))
	server := console.New(env, pages, console.Options{Key: s.key, Version: "0.1.0", Cluster: "this machine",
		TLS: console.ServerTLS(time.Now, console.SelfSigned("127.0.0.1"))})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.address = "https://" + l.Addr().String()
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx, l) }()
	t.Cleanup(func() {
		stop()
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	answer, err := (&tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}}).DialContext(ctx, "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	answer.Close()
	return s
}

// browser is one window; it notes what no window may do.
type browser struct {
	t   *testing.T
	ctx context.Context

	mu       sync.Mutex
	troubles []string
}

func open(t *testing.T, s *site, dark bool) *browser {
	t.Helper()
	program, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("chromium is not installed: apt-get install chromium")
	}
	if _, err := os.Stat("../../console/front/dist/index.html"); err != nil {
		t.Skip("the front end is not built: make front")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.WindowSize(1440, 960), chromedp.UserDataDir(t.TempDir()), chromedp.IgnoreCertErrors,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"))
	allocator, stop := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(stop)
	ctx, closeWindow := chromedp.NewContext(allocator)
	t.Cleanup(closeWindow)
	b := &browser{t: t, ctx: ctx}
	if err := chromedp.Listen(ctx, func(event any) { b.note(s, event) }); err != nil {
		t.Fatalf("start %s: %v", program, err)
	}
	call(b, network.Enable, network.EnableParams{})
	call(b, cdplog.Enable, cdp.Empty{})
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
	b.do("size", chromedp.EmulateViewport(1440, 1000))
	return b
}

func (b *browser) note(s *site, event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *cdpruntime.EventExceptionThrown:
		b.troubles = append(b.troubles, "exception: "+e.ExceptionDetails.Text)
	case *cdpruntime.EventConsoleAPICalled:
		if e.Type == cdpruntime.ConsoleAPICalledTypeError || e.Type == cdpruntime.ConsoleAPICalledTypeWarning {
			b.troubles = append(b.troubles, fmt.Sprintf("console.%s: %s", e.Type, e.Args[0].Value))
		}
	case *cdplog.EventEntryAdded:
		if e.Entry.Level == cdplog.EntryLevelError && !expected(e.Entry) {
			b.troubles = append(b.troubles, fmt.Sprintf("%s: %s %s", e.Entry.Source, e.Entry.Text, e.Entry.URL))
		}
	case *network.EventRequestWillBeSent:
		if u := e.Request.URL; !strings.HasPrefix(u, s.address+"/") && !strings.HasPrefix(u, "data:") && !strings.HasPrefix(u, "about:") {
			b.troubles = append(b.troubles, "request that leaves the server: "+u)
		}
	}
}

// expected are the errors that a browser reports by itself in the normal
// course: asking for a session that is not there, and a stream that it gives
// up because an interface came or went, as they do where pods start.
func expected(e *cdplog.Entry) bool {
	return e.Source == cdplog.EntrySourceNetwork &&
		(strings.Contains(e.Text, "401") && strings.HasSuffix(e.URL, "/api/session") || strings.Contains(e.Text, "ERR_NETWORK_CHANGED"))
}

func call[P, R any](b *browser, command cdp.Command[P, R], params P) {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, command, params); err != nil {
		b.t.Fatalf("%s: %v", command.Method, err)
	}
}

const patience = 20 * time.Second

func (b *browser) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	run(b, what, chromedp.Steps(steps...))
}

// run does one action; where it fails, the test says what the page shows.
func run[T any](b *browser, what string, action chromedp.Action[T]) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	result, err := chromedp.Run(ctx, action)
	if err != nil {
		look, stop := context.WithTimeout(b.ctx, 5*time.Second)
		defer stop()
		text, _ := chromedp.Run(look, chromedp.Evaluate[string]("document.body.innerText"))
		b.mu.Lock()
		defer b.mu.Unlock()
		b.t.Fatalf("%s: %v\nthe page shows: %s\ntroubles: %q", what, err, text, b.troubles)
	}
	return result
}

// until waits until script, an expression, is true.
func (b *browser) until(script string) {
	b.t.Helper()
	run(b, "wait for "+script, chromedp.Poll[bool](script, chromedp.WithPollingInterval(20*time.Millisecond)))
}

func (b *browser) text(script string) string {
	b.t.Helper()
	return run(b, script, chromedp.Evaluate[string](script))
}

// keys presses each rune's key as a person does: the text follows from the key
// going down, so that a page which takes the key gets no text.
func (b *browser) keys(keys string) {
	b.t.Helper()
	for _, r := range keys {
		events := kb.Encode(r)
		down, up := *events[0], *events[len(events)-1]
		if down.Text = ""; len(events) == 3 {
			down.Text = events[1].Text
		}
		down.Type = input.DispatchKeyEventTypeKeyDown
		call(b, input.DispatchKeyEvent, down)
		call(b, input.DispatchKeyEvent, up)
	}
}

func (b *browser) login(s *site) {
	b.t.Helper()
	b.do("open the link", chromedp.Navigate(s.address+"/login#code="+url.QueryEscape(s.key.Code(time.Now()))))
	b.until(`document.querySelector('.side .link.live') !== null`)
}

// clean fails the test where the window did what it must not.
func (b *browser) clean() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, trouble := range b.troubles {
		b.t.Error(trouble)
	}
}

// pictures names the folder that the tests leave their pictures in, for
// people to look at and for doc/picture.
var pictures = os.Getenv("GARBOARD_PICTURES")

// wellFilled waits until the plots have something to show, where somebody will look.
func wellFilled() {
	if pictures != "" {
		time.Sleep(100 * time.Second)
	}
}

// picture keeps what the window shows, where GARBOARD_PICTURES names a folder,
// else below the test's own.
func (b *browser) picture(name string) {
	b.t.Helper()
	dir := pictures
	if dir == "" {
		dir = b.t.TempDir()
	}
	png := run(b, "take a picture", chromedp.CaptureScreenshot())
	if len(png) < 10_000 {
		b.t.Errorf("the picture %s is empty: %d bytes", name, len(png))
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644); err != nil {
		b.t.Fatal(err)
	}
}
