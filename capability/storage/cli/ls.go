package cli

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"garboard.dev/garboard/capability/storage"
	"garboard.dev/garboard/command"
	"garboard.dev/garboard/command/output"
	"garboard.dev/garboard/fault"
)

// volume is one row of ls.
type volume struct {
	Name      string `json:"name"`
	Claim     string `json:"claim"` // as "shop/data"
	State     string `json:"state"` // as "bound" or "released"
	Asked     int64  `json:"asked"` // in bytes
	Used      *int64 `json:"used"`  // in bytes; null: not measured yet
	OnRelease string `json:"onRelease"`
	Class     string `json:"class"`
	Path      string `json:"path"`
}

func listCommand(env *command.Env) *command.Command {
	var format output.Format
	var namespace string
	return &command.Command{
		Name: "ls", Summary: "List the directories that claims have, and what they take",
		Help: `What a directory takes is measured every five minutes, in the background. The size that a claim asks for is not
enforced. A volume that is "released" has lost its claim and is kept with its data: garboard storage rm removes it.`,
		Examples:  "garboard storage ls\ngarboard storage ls -n shop -o wide",
		ExitCodes: exitCodes,
		Flags: func(f *pflag.FlagSet) {
			format.Bind(f)
			f.StringVarP(&namespace, "namespace", "n", "", "only claims of this namespace")
		},
		Run: func(ctx context.Context, args []string) error {
			if len(args) > 0 {
				return fault.Usage("garboard storage ls --help shows its flags", "ls takes no arguments")
			}
			c, err := connect(env)
			if err != nil {
				return err
			}
			all, err := volumes(ctx, c)
			if err != nil {
				return err
			}
			return format.Print(env.Out, list(all, namespace))
		},
	}
}

// list makes the rows, by claim and then by name.
func list(all []corev1.PersistentVolume, namespace string) output.List {
	rows := []volume{}
	for _, v := range all {
		row := rowOf(&v)
		if ns, _, _ := strings.Cut(row.Claim, "/"); namespace == "" || ns == namespace {
			rows = append(rows, row)
		}
	}
	slices.SortFunc(rows, func(a, b volume) int { return cmp.Or(cmp.Compare(a.Claim, b.Claim), cmp.Compare(a.Name, b.Name)) })
	out := output.List{
		Columns: []output.Column{{Title: "claim"}, {Title: "state"}, {Title: "asked", Right: true}, {Title: "used", Right: true},
			{Title: "on release"}, {Title: "volume"}, {Title: "class", Wide: true}, {Title: "path", Wide: true}},
		Objects: rows,
	}
	for _, r := range rows {
		used := "-"
		if r.Used != nil {
			used = human(*r.Used)
		}
		out.Rows = append(out.Rows, []string{r.Claim, r.State, human(r.Asked), used, r.OnRelease, r.Name, r.Class, r.Path})
		out.Names = append(out.Names, r.Name)
	}
	return out
}

func rowOf(v *corev1.PersistentVolume) volume {
	size := v.Spec.Capacity[corev1.ResourceStorage]
	row := volume{
		Name: v.Name, State: strings.ToLower(string(v.Status.Phase)), Asked: size.Value(), Class: v.Spec.StorageClassName,
		OnRelease: strings.ToLower(string(v.Spec.PersistentVolumeReclaimPolicy)), Path: v.Spec.Local.Path,
	}
	if c := v.Spec.ClaimRef; c != nil {
		row.Claim = c.Namespace + "/" + c.Name
	}
	if used, err := strconv.ParseInt(v.Annotations[storage.AnnotationUsed], 10, 64); err == nil {
		row.Used = &used
	}
	return row
}

// human writes a number of bytes in the units that claims are written in,
// rounded to what tells something.
func human(bytes int64) string {
	unit := int64(1)
	for bytes/unit >= 10<<10 {
		unit <<= 10
	}
	return resource.NewQuantity(bytes/unit*unit, resource.BinarySI).String()
}
