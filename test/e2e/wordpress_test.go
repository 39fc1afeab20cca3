//go:build e2e

package e2e

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const wordpressAddress = "http://wordpress.localhost"

// The application that the platform is for, from Debian's packages to a post
// that outlives the database's pod and the platform's own end, and a rolling
// update that no visitor notices.
func TestWordPress(t *testing.T) {
	p := newPlatform(t)
	p.connect()
	p.up()
	p.timed("the base image", "image", "base", "debian:12")
	p.timed("apply with cold caches", "apply", "-f", example(t, "wordpress"))
	client := p.client()
	page, err := fetch(client, wordpressAddress+"/")
	if err != nil {
		t.Fatalf("apply ended, and the page is not there: %v", err)
	}
	if !strings.Contains(page, "<title>Garboard</title>") {
		t.Errorf("the page is not the site's: %.300s", page)
	}
	s, err := logIn(client, wordpressAddress, "admin", p.adminPassword())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := logIn(client, wordpressAddress, "admin", "admin"); err == nil {
		t.Error("a wrong password logs in")
	}
	post, _, err := s.post("First plank", "Fastened to the keel.")
	if err != nil {
		t.Fatal(err)
	}
	file, err := s.upload("plank.txt", []byte("Oak, two inches.\n"))
	if err != nil {
		t.Fatal(err)
	}
	kept := func() error { return keeps(client, post, file) }
	if err := kept(); err != nil {
		t.Fatal(err)
	}

	p.replaceDatabase()
	p.eventually(time.Minute, kept)
	p.replaceDatabase("--grace-period=0", "--force")
	p.eventually(time.Minute, kept)
	p.kubectl("wait", "pod", "-l", "app.kubernetes.io/name=wordpress", "-n", "wordpress", "--for=condition=Ready", "--timeout=1m")

	p.rollUnderLoad(s, post)

	p.must(p.garboard("down"))
	p.up()
	p.eventually(2*time.Minute, kept)

	before := p.adminPassword()
	p.timed("apply with warm caches, nothing changed", "apply", "-f", example(t, "wordpress"))
	if p.adminPassword() != before {
		t.Error("the second apply made another password")
	}
}

// timed runs garboard and logs how long it took.
func (p *platform) timed(what string, args ...string) {
	p.t.Helper()
	began := time.Now()
	p.must(p.garboard(args...))
	p.t.Logf("%s: %v", what, time.Since(began).Round(100*time.Millisecond))
}

func (p *platform) adminPassword() string {
	p.t.Helper()
	encoded := p.kubectl("get", "secret", "wordpress", "-n", "wordpress", "-o", `jsonpath={.data.admin-password}`)
	password, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		p.t.Fatal(err)
	}
	if len(password) < 12 {
		p.t.Fatalf("the generated password has %d characters", len(password))
	}
	return string(password)
}

// replaceDatabase deletes the database's pod and waits until the next one is ready.
func (p *platform) replaceDatabase(how ...string) {
	p.t.Helper()
	began := time.Now()
	state := func() string {
		return p.kubectl("get", "pod", "-l", "app.kubernetes.io/name=mariadb", "-n", "wordpress",
			"-o", `jsonpath={.items[*].metadata.uid} {.items[*].status.conditions[?(@.type=="Ready")].status}`)
	}
	old, _, _ := strings.Cut(state(), " ")
	p.kubectl(append([]string{"delete", "pod", "mariadb-0", "-n", "wordpress", "--wait=false"}, how...)...)
	p.eventually(2*time.Minute, func() error {
		if now := state(); strings.Contains(now, old) || !strings.HasSuffix(now, " True") {
			return fmt.Errorf("the database's pod was %s, and is %s", old, now)
		}
		return nil
	})
	p.t.Logf("another database pod is ready after %v %v", time.Since(began).Round(100*time.Millisecond), how)
}

// keeps says what is lost of the post and the uploaded file.
func keeps(client *http.Client, post, file string) error {
	page, err := fetch(client, post)
	if err != nil {
		return err
	}
	if !strings.Contains(page, "Fastened to the keel.") {
		return fmt.Errorf("the post is gone from %s", post)
	}
	text, err := fetch(client, file)
	if err != nil {
		return err
	}
	if text != "Oak, two inches.\n" {
		return fmt.Errorf("the uploaded file is %q", text)
	}
	return nil
}

// rollUnderLoad replaces both WordPress pods while three visitors read and one
// author writes: no request fails, and every post that was acknowledged is there.
func (p *platform) rollUnderLoad(s *site, post string) {
	p.t.Helper()
	had, err := s.count()
	if err != nil {
		p.t.Fatal(err)
	}
	var requests, written atomic.Int64
	stop := make(chan struct{})
	failures := make(chan error, 1000)
	var crowd sync.WaitGroup
	work := func(one func() error) {
		crowd.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				requests.Add(1)
				if err := one(); err != nil {
					select {
					case failures <- err:
					default: // a thousand are enough to tell
					}
				}
			}
		})
	}
	for range 3 {
		work(func() error { _, err := fetch(s.client, post); return err })
	}
	work(func() error {
		_, _, err := s.post("Another plank", "Beside the first.")
		if err == nil {
			written.Add(1)
		}
		return err
	})
	p.kubectl("rollout", "restart", "deployment/wordpress", "-n", "wordpress")
	p.kubectl("rollout", "status", "deployment/wordpress", "-n", "wordpress", "--timeout=3m")
	time.Sleep(10 * time.Second) // the last of the old pods ends after the rollout does
	close(stop)
	crowd.Wait()
	close(failures)
	p.t.Logf("rolling restart: %d requests, %d of them posts, %d failed", requests.Load(), written.Load(), len(failures))
	for err := range failures {
		p.t.Errorf("in the rolling restart: %v", err)
	}
	if requests.Load() < 50 || written.Load() == 0 {
		p.t.Errorf("%d requests and %d posts are no load", requests.Load(), written.Load())
	}
	if now, err := s.count(); err != nil || now != had+int(written.Load()) {
		p.t.Errorf("%d posts were there and %d acknowledged, now there are %d (%v)", had, written.Load(), now, err)
	}
}
