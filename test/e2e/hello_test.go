//go:build e2e

package e2e

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The small example: built without a network, and answering through the Ingress
// within seconds.
func TestHello(t *testing.T) {
	p := newPlatform(t)
	dir := example(t, "hello")
	if _, err := os.Stat(filepath.Join(dir, "images/hello/hello")); err != nil {
		t.Fatalf("make build has not made the example's program: %v", err)
	}
	p.up()
	began := time.Now()
	p.must(p.garboard("apply", "-f", dir))
	client := p.client()
	p.eventually(10*time.Second, func() error {
		page, err := fetch(client, "http://hello.localhost/")
		if err != nil {
			return err
		}
		if !strings.Contains(page, "<h1>Hello</h1>") {
			return fmt.Errorf("the page is %q", page)
		}
		return nil
	})
	took := time.Since(began)
	t.Logf("from apply to the page: %v", took.Round(time.Millisecond))
	if took > 20*time.Second {
		t.Errorf("hello took %v from apply to its page, which is not within seconds", took)
	}
	before := p.kubectl("get", "deployment", "hello", "-n", "hello", "-o", "jsonpath={.metadata.generation}")
	p.must(p.garboard("apply", "-f", dir))
	if after := p.kubectl("get", "deployment", "hello", "-n", "hello", "-o", "jsonpath={.metadata.generation}"); after != before {
		t.Errorf("the second apply changed the deployment: generation %s, then %s", before, after)
	}
}

// fetch gets the address's page; a status other than 200 is an error.
func fetch(client *http.Client, address string) (string, error) {
	answer, err := client.Get(address)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	page, err := io.ReadAll(answer.Body)
	if err != nil {
		return "", err
	}
	if answer.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s: %s: %.200s", address, answer.Status, page)
	}
	return string(page), nil
}
