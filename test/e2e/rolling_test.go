//go:build e2e

package e2e

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Pods that end as soon as they are told to, without the sleep before it that
// people are told to add, are replaced under load: no request fails, whether it
// may be repeated or not.
func TestRollingUpdate(t *testing.T) {
	p := newPlatform(t)
	p.up()
	p.must(p.garboard("image", "build", "-t", "hello:1", filepath.Join(example(t, "hello"), "images", "hello")))
	p.apply(rollingHello)
	p.kubectl("rollout", "status", "deployment/rolled", "-n", "default", "--timeout=1m")
	client := p.client()
	p.eventually(20*time.Second, func() error { _, err := fetch(client, "http://rolled.localhost/"); return err })

	stop := make(chan struct{})
	var requests, failed atomic.Int64
	var crowd sync.WaitGroup
	for i := range 4 {
		method := []string{http.MethodGet, http.MethodPost}[i%2]
		crowd.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				requests.Add(1)
				if err := send(client, method, "http://rolled.localhost/", "a=b"); err != nil {
					failed.Add(1)
					t.Errorf("%s: %v", method, err)
				}
			}
		})
	}
	rounds := 3
	if os.Getenv("GARBOARD_TEST_ALL") != "" {
		rounds = 15
	}
	for range rounds {
		p.kubectl("rollout", "restart", "deployment/rolled", "-n", "default")
		p.kubectl("rollout", "status", "deployment/rolled", "-n", "default", "--timeout=1m")
	}
	time.Sleep(2 * time.Second) // the last of the old pods ends after the rollout does
	close(stop)
	crowd.Wait()
	t.Logf("%d requests in %d updates of 3 pods, %d failed", requests.Load(), rounds, failed.Load())
	if requests.Load() < 100 {
		t.Error("so few requests prove nothing")
	}
}

func send(client *http.Client, method, address, body string) error {
	request, err := http.NewRequest(method, address, strings.NewReader(body))
	if err != nil {
		return err
	}
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	page, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s %v", answer.Status, page, err)
	}
	return nil
}

const rollingHello = `apiVersion: apps/v1
kind: Deployment
metadata: {name: rolled, namespace: default}
spec:
  replicas: 3
  selector: {matchLabels: {app: rolled}}
  strategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}
  template:
    metadata: {labels: {app: rolled}}
    spec:
      containers:
        - name: hello
          image: hello:1
          imagePullPolicy: Never
          ports: [{name: http, containerPort: 8080}]
          readinessProbe: {httpGet: {path: /, port: http}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: rolled, namespace: default}
spec:
  selector: {app: rolled}
  ports: [{port: 80, targetPort: http}]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: rolled, namespace: default}
spec:
  rules:
    - host: rolled.localhost
      http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: rolled, port: {number: 80}}}}]}
`
