package cli

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/spf13/pflag"
	corev1 "k8s.io/api/core/v1"
	//lint:ignore SA1019 client-go v0.36 takes no other type
	"k8s.io/apimachinery/pkg/util/httpstream"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/util/exec"
	"k8s.io/kubectl/pkg/util/term"

	"garboard.dev/garboard/capability/app/explain"
	"garboard.dev/garboard/command"
	"garboard.dev/garboard/fault"
	"garboard.dev/garboard/kube"
)

type execOptions struct {
	place
	container string
	stdin     bool
	tty       bool
}

func execCommand(env *command.Env) *command.Command {
	var o execOptions
	return &command.Command{
		Name: "exec", Args: "[-it] POD|KIND/NAME [-c CONTAINER] -- COMMAND [ARGUMENT...]", Summary: "Run a command in a container",
		Help: "The exit code is the command's. Of a workload one running pod is chosen.",
		Examples: `
			garboard exec -it deployment/web -- sh
			garboard exec db-0 -c mariadb -- mariadb-dump --all-databases > dump.sql`,
		ExitCodes: map[int]string{int(fault.NotFound): "no such pod (or the command's own)", int(fault.Unavailable): "the cluster does not answer (or the command's own)"},
		Flags: func(f *pflag.FlagSet) {
			o.place.bind(f)
			f.StringVarP(&o.container, "container", "c", "", "the `CONTAINER` (default: the pod's first)")
			f.BoolVarP(&o.stdin, "stdin", "i", false, "pass standard input on")
			f.BoolVarP(&o.tty, "tty", "t", false, "give the command a terminal")
		},
		Complete:      completePods(env, &o.place),
		CompleteFlags: map[string]completer{"namespace": completeNamespaces(env), "container": completeContainers(env, &o.place)},
		Run: func(ctx context.Context, args []string) error {
			if len(args) < 2 {
				return fault.Usage("garboard exec -it POD -- sh", "exec needs a pod and a command")
			}
			return withCluster(env, o.namespace, "run the command", func(c *kube.Cluster) error {
				return runExec(ctx, env, o, c, args[0], args[1:])
			})
		},
	}
}

func runExec(ctx context.Context, env *command.Env, o execOptions, c *kube.Cluster, target string, words []string) error {
	pod, err := onePod(ctx, c, target)
	if err != nil {
		return err
	}
	s := session{cluster: c, pod: pod, container: o.container, words: words, out: env.Out, err: env.Err, tty: o.tty}
	if o.stdin {
		s.in = env.In
	}
	if !o.tty {
		return s.run(ctx)
	}
	t := term.TTY{In: env.In, Out: env.Out, Raw: true}
	if !t.IsTerminalIn() {
		return fault.Usage("leave -t out where input or output is no terminal", "-t needs a terminal, and standard input is none")
	}
	s.err = nil // a terminal has one stream
	s.resize = sizes{t.MonitorSize(t.GetSize())}
	return t.Safe(func() error { return s.run(ctx) })
}

// sizes passes the terminal's sizes on in the form that the stream takes.
type sizes struct{ queue term.TerminalSizeQueue }

func (s sizes) Next() *remotecommand.TerminalSize {
	if s.queue == nil {
		return nil
	}
	size := s.queue.Next()
	if size == nil {
		return nil
	}
	return &remotecommand.TerminalSize{Width: size.Width, Height: size.Height}
}

// session is one command in one container.
type session struct {
	cluster   *kube.Cluster
	pod       *corev1.Pod
	container string
	words     []string
	in        io.Reader
	out, err  io.Writer
	tty       bool
	resize    remotecommand.TerminalSizeQueue
}

// run runs the command to its end. An exit code other than 0 is a
// fault.ExitStatus.
func (s session) run(ctx context.Context) error {
	if err := s.check(); err != nil {
		return err
	}
	request := s.cluster.Client.CoreV1().RESTClient().Post().Resource("pods").Namespace(s.pod.Namespace).Name(s.pod.Name).SubResource("exec").
		VersionedParams(&corev1.PodExecOptions{
			Container: s.container, Command: s.words, TTY: s.tty,
			Stdin: s.in != nil, Stdout: s.out != nil, Stderr: s.err != nil,
		}, scheme.ParameterCodec)
	websocket, err := remotecommand.NewWebSocketExecutor(s.cluster.Config, "GET", request.URL().String())
	if err != nil {
		return err
	}
	spdy, err := remotecommand.NewSPDYExecutor(s.cluster.Config, "POST", request.URL())
	if err != nil {
		return err
	}
	both, err := remotecommand.NewFallbackExecutor(websocket, spdy, func(err error) bool {
		return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
	})
	if err != nil {
		return err
	}
	err = both.StreamWithContext(ctx, remotecommand.StreamOptions{
		Stdin: s.in, Stdout: s.out, Stderr: s.err, Tty: s.tty, TerminalSizeQueue: s.resize,
	})
	var ended exec.CodeExitError
	if errors.As(err, &ended) {
		return fault.ExitStatus(ended.Code)
	}
	if err != nil && strings.Contains(err.Error(), "executable file not found") {
		return fault.New(fault.NotFound, "run "+s.words[0], "run what the image has; many have no shell", "container %s of pod %s has no such program", s.container, s.pod.Name)
	}
	return err
}

// check chooses the container, and says why the pod does not run if it does not.
func (s *session) check() error {
	if s.container == "" {
		s.container = s.pod.Annotations["kubectl.kubernetes.io/default-container"]
	}
	if s.container == "" && len(s.pod.Spec.Containers) > 0 {
		s.container = s.pod.Spec.Containers[0].Name
	}
	if err := checkContainer([]corev1.Pod{*s.pod}, s.container); err != nil {
		return err
	}
	if s.pod.Status.Phase == corev1.PodRunning {
		return nil
	}
	for _, status := range s.pod.Status.InitContainerStatuses {
		if status.Name == s.container && status.State.Running != nil {
			return nil
		}
	}
	why := explain.Pod(s.pod, explain.Around{})
	if why.OK() {
		why.Sentence = "it is " + strings.ToLower(string(s.pod.Status.Phase))
	}
	hint := why.Fix
	if hint == "" {
		hint = "garboard describe pod " + s.pod.Name + " -n " + s.pod.Namespace
	}
	return fault.New(fault.Unavailable, "run a command in pod "+s.pod.Name, hint, "%s", why.Sentence)
}
