package cli

import (
	"bytes"
	"context"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/rest"
	"k8s.io/kubectl/pkg/cmd"

	"garboard.dev/garboard/capability/platform"
	"garboard.dev/garboard/command"
	"garboard.dev/garboard/kube"
)

func kubectlCommand(env *command.Env) *command.Command {
	return &command.Command{
		Name: "kubectl", Links: []string{"kubectl"}, Args: "[kubectl's own arguments]", Raw: true,
		Summary: "Run kubectl, which is built in, against the platform",
		Help: `Takes every argument that kubectl takes. Without --kubeconfig and $KUBECONFIG it talks to the platform of this
machine. It is the kubectl of the platform's own Kubernetes version. A link to this program that is called kubectl is
kubectl.`,
		Examples: `garboard kubectl get pods -A
			garboard kubectl explain deployment.spec`,
		Complete: func(ctx context.Context, args []string, word string) []string {
			return kubectlCompletions(ctx, env, append(args, word))
		},
		Run: func(ctx context.Context, args []string) error { return kubectl(env, args).ExecuteContext(ctx) },
	}
}

// kubectl is kubectl's own tree. As kubectl does, it ends the process itself
// where a command fails. --state-dir, which stands before the word kubectl, is
// Garboard's own and taken out.
func kubectl(env *command.Env, args []string) *cobra.Command {
	dir, args := cutStateDir(env.Global.StateDir, args)
	flags := genericclioptions.NewConfigFlags(true).WithDeprecatedPasswordFlag().WithDiscoveryBurst(300).WithDiscoveryQPS(50)
	// The server takes the field manager from here, and tells kubectl's changes
	// from those of garboard apply by it.
	flags.WrapConfigFn = func(c *rest.Config) *rest.Config {
		_, version, _ := strings.Cut(rest.DefaultKubernetesUserAgent(), "/")
		c.UserAgent = "kubectl/" + version
		return c
	}
	if env.Getenv("KUBECONFIG") == "" {
		path := platform.LayoutOf(dir).AdminKubeconfig()
		if _, err := kube.Connect(kube.Options{Default: path}); err == nil {
			flags.KubeConfig = &path
		}
	}
	root := cmd.NewDefaultKubectlCommandWithArgs(cmd.KubectlOptions{
		PluginHandler: cmd.NewDefaultPluginHandler([]string{"kubectl"}),
		Arguments:     append([]string{"kubectl"}, args...),
		ConfigFlags:   flags,
		IOStreams:     genericiooptions.IOStreams{In: env.In, Out: env.Out, ErrOut: env.Err},
	})
	root.SetArgs(args)
	return root
}

// cutStateDir takes --state-dir off the front of args: a command whose flags
// are not parsed gets those, too, that stood before its name.
func cutStateDir(dir string, args []string) (string, []string) {
	const flag = "--state-dir"
	if len(args) == 0 {
		return dir, args
	}
	if value, found := strings.CutPrefix(args[0], flag+"="); found {
		return value, args[1:]
	}
	if args[0] == flag && len(args) > 1 {
		return args[1], args[2:]
	}
	return dir, args
}

// kubectlCompletions asks kubectl's own completion, which prints one value a
// line, a description behind a tab, and a directive for the shell at the end.
func kubectlCompletions(ctx context.Context, env *command.Env, args []string) []string {
	var said bytes.Buffer
	inner := *env
	inner.Out, inner.Err = &said, io.Discard
	root := kubectl(&inner, append([]string{cobra.ShellCompNoDescRequestCmd}, args...))
	root.SetOut(&said)
	root.SetErr(io.Discard)
	if err := root.ExecuteContext(ctx); err != nil {
		return nil
	}
	var out []string
	for line := range strings.Lines(said.String()) {
		if line = strings.TrimSpace(line); line != "" && line[0] != ':' {
			out = append(out, line)
		}
	}
	return out
}
