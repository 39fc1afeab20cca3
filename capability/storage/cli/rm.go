package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/pflag"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"garboard.dev/garboard/capability/storage"
	"garboard.dev/garboard/command"
	"garboard.dev/garboard/fault"
	"garboard.dev/garboard/kube"
)

func removeCommand(env *command.Env) *command.Command {
	var yes bool
	return &command.Command{
		Name: "rm", Args: "VOLUME...", Summary: "Remove released volumes with their data",
		Help: `A volume of the class local-retain stays when its claim goes. rm hands it to the provisioner, which removes the directory
and then the volume. A volume that is claimed is refused: delete its claim first.`,
		Examples:  "garboard storage rm pvc-0f3c --yes",
		ExitCodes: exitCodes,
		Flags:     func(f *pflag.FlagSet) { f.BoolVar(&yes, "yes", false, "do not ask") },
		Complete:  completeReleased(env),
		Run: func(ctx context.Context, args []string) error {
			if len(args) == 0 {
				return fault.Usage("garboard storage ls lists them", "rm takes the names of volumes")
			}
			return remove(ctx, env, args, yes)
		},
	}
}

func remove(ctx context.Context, env *command.Env, names []string, yes bool) error {
	c, err := connect(env)
	if err != nil {
		return err
	}
	var found []*corev1.PersistentVolume
	for _, name := range names { // all are looked at before the first is removed
		v, err := released(ctx, c, name)
		if err != nil {
			return err
		}
		found = append(found, v)
	}
	if !yes && !confirmed(env, found) {
		return fault.New(fault.Interrupted, "remove volumes", "--yes answers the question", "not confirmed")
	}
	var errs []error
	for _, v := range found {
		// The version makes sure that nobody has claimed it meanwhile.
		patch := fmt.Sprintf(`{"metadata":{"resourceVersion":%q},"spec":{"persistentVolumeReclaimPolicy":"Delete"}}`, v.ResourceVersion)
		_, err := c.Client.CoreV1().PersistentVolumes().Patch(ctx, v.Name, types.MergePatchType, []byte(patch), metav1.PatchOptions{FieldManager: "garboard"})
		if err != nil {
			errs = append(errs, c.Fault(err, "remove the volume "+v.Name))
			continue
		}
		fmt.Fprintln(env.Out, v.Name)
	}
	return errors.Join(errs...)
}

// released returns the volume name, which nobody may claim.
func released(ctx context.Context, c *kube.Cluster, name string) (*corev1.PersistentVolume, error) {
	op := "remove the volume " + name
	v, err := c.Client.CoreV1().PersistentVolumes().Get(ctx, name, metav1.GetOptions{})
	switch {
	case err != nil:
		return nil, c.Fault(err, op)
	case !storage.Ours(v):
		return nil, fault.New(fault.Conflict, op, "", "it was not made by %s", storage.Provisioner)
	case v.Status.Phase != corev1.VolumeReleased:
		hint := "wait until it is released"
		if r := v.Spec.ClaimRef; r != nil {
			hint = fmt.Sprintf("garboard kubectl delete pvc -n %s %s", r.Namespace, r.Name)
		}
		return nil, fault.New(fault.Conflict, op, hint, "it is %s", strings.ToLower(string(v.Status.Phase)))
	}
	return v, nil
}

func confirmed(env *command.Env, found []*corev1.PersistentVolume) bool {
	for _, v := range found {
		fmt.Fprintf(env.Err, "%s\t%s\n", v.Name, v.Spec.Local.Path)
	}
	fmt.Fprintf(env.Err, "Remove these %d volumes with their data? [y/N] ", len(found))
	line, err := bufio.NewReader(env.In).ReadString('\n')
	return err == nil && strings.HasPrefix(strings.ToLower(strings.TrimSpace(line)), "y")
}
