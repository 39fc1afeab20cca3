package cli

import (
	"context"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/kubectl/pkg/cmd"

	"garboard.dev/garboard/capability/platform"
	"garboard.dev/garboard/command"
	"garboard.dev/garboard/kube"
)

func kubectlCommand(env *command.Env) *command.Command {
	return &command.Command{
		Name: "kubectl", Args: "[kubectl's own arguments]", Everyday: true, Raw: true,
		Summary: "Run kubectl, which is built in, against the platform",
		Help: `Takes every argument that kubectl takes. Without --kubeconfig and $KUBECONFIG it talks to the platform of this
machine. It is the kubectl of the platform's own Kubernetes version.`,
		Examples: `garboard kubectl get pods -A
			garboard kubectl explain deployment.spec`,
		Run: func(ctx context.Context, args []string) error { return Kubectl(ctx, env, args) },
	}
}

// Kubectl runs kubectl with args, the program's name left out. As kubectl does,
// it ends the process itself where a command fails.
func Kubectl(ctx context.Context, env *command.Env, args []string) error {
	return kubectl(env, args).ExecuteContext(ctx)
}

func kubectl(env *command.Env, args []string) *cobra.Command {
	flags := genericclioptions.NewConfigFlags(true).WithDeprecatedPasswordFlag().WithDiscoveryBurst(300).WithDiscoveryQPS(50)
	if env.Getenv("KUBECONFIG") == "" {
		path := platform.LayoutOf(stateDir(env)).AdminKubeconfig()
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

// stateDir is the platform's, also where the flags have not been parsed.
func stateDir(env *command.Env) string {
	for _, dir := range []string{env.Global.StateDir, env.Getenv("GARBOARD_STATE_DIR")} {
		if dir != "" {
			return dir
		}
	}
	return platform.DefaultStateDir
}
