// Package cluster gives tests a real Kubernetes API: etcd and kube-apiserver,
// and where asked for the controller manager and the scheduler, from
// bin/engine, on free ports of the loopback interface, with everything they
// write in a temporary directory. It needs no root, no network namespace and
// no container runtime; nothing plays the kubelet unless a test calls PlayNode.
//
// A test package starts it lazily and once:
//
//	func TestMain(m *testing.M) { os.Exit(cluster.Main(m, cluster.Options{Controllers: true})) }
//
//	func TestX(t *testing.T) {
//		c := cluster.Get(t) // skips, and says so, where the engine is not built
//		namespace := c.Namespace(t)
//	}
package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// Options say what runs beside etcd and the API server.
type Options struct {
	Controllers bool // kube-controller-manager
	Scheduler   bool // kube-scheduler
}

// Cluster is one that runs.
type Cluster struct {
	Config     *rest.Config
	Client     kubernetes.Interface
	Kubeconfig string // a file; its user may do everything
	Dir        string // logs and data; gone after Stop

	options   Options
	engine    string
	token     string
	etcd      int // ports
	apiserver int
	parts     []*part // in the order of their start
}

// ErrNoEngine says that bin/engine has not been built.
var ErrNoEngine = errors.New("bin/engine is missing: make engine builds it")

var shared struct {
	sync.Mutex
	options Options
	ready   bool // Main was called
	cluster *Cluster
	err     error
}

// Main runs m's tests, stops the cluster that Get started, if any, and returns
// the exit code.
func Main(m *testing.M, o Options) int {
	shared.options, shared.ready = o, true
	code := m.Run()
	shared.Lock()
	defer shared.Unlock()
	if shared.cluster != nil {
		shared.cluster.Stop()
	}
	return code
}

// Get returns the package's one cluster and starts it first where it does not
// run yet. Without an engine the test is skipped.
func Get(t testing.TB) *Cluster {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if !shared.ready {
		t.Fatal("cluster.Get needs a TestMain that calls cluster.Main")
	}
	if shared.cluster == nil && shared.err == nil {
		shared.cluster, shared.err = Start(shared.options)
	}
	if errors.Is(shared.err, ErrNoEngine) {
		t.Skipf("SKIPPED, NOTHING WAS TESTED: %v", shared.err)
	}
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.cluster
}

// Start starts a cluster. The caller stops it; processes that a killed test
// leaves behind are killed by the kernel.
func Start(o Options) (*Cluster, error) {
	engine, err := findEngine()
	if err != nil {
		return nil, err
	}
	// A free port may be taken by someone else before it is used: try again.
	for attempt := 0; ; attempt++ {
		c, err := start(o, engine)
		if err == nil || attempt == 2 {
			return c, err
		}
	}
}

func start(o Options, engine string) (*Cluster, error) {
	dir, err := os.MkdirTemp("", "garboard-cluster-")
	if err != nil {
		return nil, err
	}
	c := &Cluster{options: o, engine: engine, Dir: dir}
	if err = c.prepare(); err == nil {
		err = c.run()
	}
	if err != nil {
		c.Stop()
		return nil, err
	}
	return c, nil
}

func findEngine() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "engine", "versions")); err == nil {
			break
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("not inside the repository")
		}
		dir = parent
	}
	engine := filepath.Join(dir, "bin", "engine")
	for _, name := range []string{"etcd", "kube-apiserver"} {
		if _, err := os.Stat(filepath.Join(engine, name)); err != nil {
			return "", ErrNoEngine
		}
	}
	return engine, nil
}

// run starts the parts, each once the one before it is healthy.
func (c *Cluster) run() error {
	if err := c.startEtcd(); err != nil {
		return err
	}
	if err := c.startAPIServer(); err != nil {
		return err
	}
	if err := c.connect(); err != nil {
		return err
	}
	if c.options.Controllers {
		if err := c.startControllers(); err != nil {
			return err
		}
	}
	if c.options.Scheduler {
		if err := c.startScheduler(); err != nil {
			return err
		}
	}
	return c.waitUsable()
}

func (c *Cluster) connect() error {
	config, err := clientcmd.BuildConfigFromFlags("", c.Kubeconfig)
	if err != nil {
		return err
	}
	config.QPS, config.Burst = 300, 600
	c.Config = config
	c.Client, err = kubernetes.NewForConfig(config)
	return err
}

// waitUsable waits for the default namespace and, where controllers run, for
// its service account, without which no pod is admitted.
func (c *Cluster) waitUsable() error {
	return c.until(60*time.Second, func(ctx context.Context) error {
		if _, err := c.Client.CoreV1().Namespaces().Get(ctx, "default", metav1.GetOptions{}); err != nil {
			return err
		}
		if !c.options.Controllers {
			return nil
		}
		_, err := c.Client.CoreV1().ServiceAccounts("default").Get(ctx, "default", metav1.GetOptions{})
		return err
	})
}

// until asks until it gets no error; a part that has ended ends the wait.
func (c *Cluster) until(limit time.Duration, ask func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	for {
		err := ask(ctx)
		if err == nil {
			return nil
		}
		for _, p := range c.parts {
			if p.ended() {
				return fmt.Errorf("%s ended: %s", p.name, p.said())
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not ready after %s: %w", limit, err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Stop stops everything, the API server before etcd, and removes Dir.
func (c *Cluster) Stop() {
	for i := len(c.parts) - 1; i >= 0; i-- {
		c.parts[i].stop()
	}
	os.RemoveAll(c.Dir)
}

// Namespace makes a namespace of the test's own, deleted after it, and waits
// for its service account where controllers run.
func (c *Cluster) Namespace(t testing.TB) string {
	t.Helper()
	made, err := c.Client.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Client.CoreV1().Namespaces().Delete(context.Background(), made.Name, metav1.DeleteOptions{}); err != nil {
			t.Log(err)
		}
	})
	if c.options.Controllers {
		err := c.until(20*time.Second, func(ctx context.Context) error {
			_, err := c.Client.CoreV1().ServiceAccounts(made.Name).Get(ctx, "default", metav1.GetOptions{})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return made.Name
}

// KubeconfigIn writes a kubeconfig to path whose context is in namespace.
func (c *Cluster) KubeconfigIn(namespace, path string) error {
	config, err := clientcmd.LoadFromFile(c.Kubeconfig)
	if err != nil {
		return err
	}
	config.Contexts[config.CurrentContext].Namespace = namespace
	return clientcmd.WriteToFile(*config, path)
}
