package cluster

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// part is one process.
type part struct {
	name string
	log  string
	pid  int
	done chan struct{}
}

// launch starts a part. Its thread stays with the process, because the kernel
// kills the child when the thread that started it ends, not the process.
func (c *Cluster) launch(name string, args ...string) error {
	p := &part{name: name, log: filepath.Join(c.Dir, name+".log"), done: make(chan struct{})}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(p.done)
		log, err := os.Create(p.log)
		if err != nil {
			started <- err
			return
		}
		defer log.Close()
		cmd := exec.Command(filepath.Join(c.engine, name), args...)
		cmd.Dir, cmd.Stdout, cmd.Stderr = c.Dir, log, log
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		if err := cmd.Start(); err != nil {
			started <- err
			return
		}
		p.pid = cmd.Process.Pid
		started <- nil
		_ = cmd.Wait() // how it ended stands in its log, which said() shows
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	c.parts = append(c.parts, p)
	return nil
}

func (p *part) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// said is the last lines of the part's log.
func (p *part) said() string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-3):], "; ")
}

// stop kills: nothing that these processes keep is wanted after the test.
func (p *part) stop() {
	if !p.ended() {
		syscall.Kill(p.pid, syscall.SIGKILL)
	}
	<-p.done
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// prepare chooses ports and writes the key of the service accounts and the
// administrator's token.
func (c *Cluster) prepare() error {
	var err error
	if c.etcd, err = freePort(); err != nil {
		return err
	}
	if c.apiserver, err = freePort(); err != nil {
		return err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})
	if err := os.WriteFile(c.path("accounts.key"), text, 0o600); err != nil {
		return err
	}
	c.token = rand.Text()
	return os.WriteFile(c.path("tokens.csv"), []byte(c.token+",admin,admin,system:masters\n"), 0o600)
}

func (c *Cluster) path(name string) string { return filepath.Join(c.Dir, name) }

func (c *Cluster) startEtcd() error {
	client := fmt.Sprintf("http://127.0.0.1:%d", c.etcd)
	err := c.launch("etcd", "--data-dir="+c.path("etcd"), "--unsafe-no-fsync", "--log-level=warn",
		"--listen-client-urls="+client, "--advertise-client-urls="+client,
		"--listen-peer-urls=http://127.0.0.1:0", "--initial-advertise-peer-urls=http://127.0.0.1:0", "--initial-cluster=default=http://127.0.0.1:0")
	if err != nil {
		return err
	}
	return c.healthy(client+"/health", http.DefaultClient)
}

// startAPIServer lets the server sign its own certificate, which is also what
// the kubeconfig trusts.
func (c *Cluster) startAPIServer() error {
	err := c.launch("kube-apiserver",
		"--bind-address=127.0.0.1", fmt.Sprintf("--secure-port=%d", c.apiserver), "--advertise-address=10.96.0.1",
		fmt.Sprintf("--etcd-servers=http://127.0.0.1:%d", c.etcd), "--cert-dir="+c.path("certs"),
		"--token-auth-file="+c.path("tokens.csv"), "--authorization-mode=Node,RBAC", "--allow-privileged=true",
		"--service-account-issuer=https://kubernetes.default.svc", "--service-account-key-file="+c.path("accounts.key"),
		"--service-account-signing-key-file="+c.path("accounts.key"),
		"--service-cluster-ip-range=10.96.0.0/16", "--endpoint-reconciler-type=none", "--profiling=false",
		"--shutdown-delay-duration=0s")
	if err != nil {
		return err
	}
	var cert []byte
	err = c.until(60*time.Second, func(context.Context) (err error) {
		cert, err = os.ReadFile(c.path("certs/apiserver.crt"))
		if err == nil && !bytes.Contains(cert, []byte("END CERTIFICATE")) {
			err = fs.ErrNotExist
		}
		return err
	})
	if err != nil {
		return err
	}
	if err := c.writeKubeconfig(cert); err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(cert)
	client := &http.Client{Transport: bearer{c.token, &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}}
	defer client.CloseIdleConnections()
	return c.healthy(fmt.Sprintf("https://127.0.0.1:%d/readyz", c.apiserver), client)
}

type bearer struct {
	token string
	next  http.RoundTripper
}

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+b.token)
	return b.next.RoundTrip(r)
}

func (c *Cluster) writeKubeconfig(cert []byte) error {
	c.Kubeconfig = c.path("kubeconfig")
	text := fmt.Sprintf(`apiVersion: v1
kind: Config
current-context: test
clusters: [{name: test, cluster: {server: "https://127.0.0.1:%d", certificate-authority-data: %s}}]
users: [{name: admin, user: {token: %s}}]
contexts: [{name: test, context: {cluster: test, user: admin}}]
`, c.apiserver, base64.StdEncoding.EncodeToString(cert), c.token)
	return os.WriteFile(c.Kubeconfig, []byte(text), 0o600)
}

func (c *Cluster) healthy(url string, client *http.Client) error {
	return c.until(60*time.Second, func(ctx context.Context) error {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		answer, err := client.Do(r)
		if err != nil {
			return err
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			return errors.New(answer.Status)
		}
		return nil
	})
}

func (c *Cluster) startControllers() error {
	return c.launch("kube-controller-manager", "--kubeconfig="+c.Kubeconfig, "--leader-elect=false",
		"--secure-port=0", "--profiling=false", "--use-service-account-credentials=false",
		"--service-account-private-key-file="+c.path("accounts.key"), "--root-ca-file="+c.path("certs/apiserver.crt"),
		"--kube-api-qps=300", "--kube-api-burst=600")
}

func (c *Cluster) startScheduler() error {
	return c.launch("kube-scheduler", "--kubeconfig="+c.Kubeconfig, "--leader-elect=false",
		"--secure-port=0", "--profiling=false", "--kube-api-qps=300", "--kube-api-burst=600")
}
