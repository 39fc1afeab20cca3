package cli

import (
	"context"
	"fmt"
	"hash/fnv"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/term"
	corev1 "k8s.io/api/core/v1"

	"garboard.dev/garboard/capability/app/explain"
	"garboard.dev/garboard/capability/app/follow"
	"garboard.dev/garboard/capability/platform"
	"garboard.dev/garboard/capability/platform/journal"
	"garboard.dev/garboard/command"
	"garboard.dev/garboard/fault"
	"garboard.dev/garboard/kube"
)

type logsOptions struct {
	place
	follow     bool
	previous   bool
	timestamps bool
	init       bool
	noPrefix   bool
	container  string
	selector   string
	since      time.Duration
	tail       int64
	colour     string
}

func logsCommand(env *command.Env) *command.Command {
	var o logsOptions
	return &command.Command{
		Name: "logs", Args: "[flags] POD | KIND/NAME | COMPONENT", Summary: "Show what pods, or the platform's components, have said",
		Help: `Reads all containers of all pods that are meant. With -f it takes up pods that come later and reads on after
a restart. With more than one container each line begins with its pod and container, in a colour of its own.
The name of a component of the platform (kubelet, etcd, ...) shows that component's log; write pod/NAME for a pod
of the same name.`,
		Examples: `
			garboard logs -f deployment/web
			garboard logs -l app=web --since 10m
			garboard logs --previous web-7d9 -c web
			garboard logs kubelet`,
		Flags: o.bind,
		Complete: func(ctx context.Context, args []string, word string) []string {
			return append(withPrefix(journal.Names(), word), completePods(env, &o.place)(ctx, args, word)...)
		},
		CompleteFlags: map[string]completer{"namespace": completeNamespaces(env), "container": completeContainers(env, &o.place)},
		Run:           func(ctx context.Context, args []string) error { return runLogs(ctx, env, o, args) },
	}
}

func (o *logsOptions) bind(f *pflag.FlagSet) {
	o.place.bind(f)
	f.BoolVarP(&o.follow, "follow", "f", false, "go on with what is said from now on")
	f.BoolVarP(&o.previous, "previous", "p", false, "the run before the last restart")
	f.BoolVar(&o.timestamps, "timestamps", false, "begin each line with its time")
	f.BoolVar(&o.init, "init", false, "init containers too")
	f.BoolVar(&o.noPrefix, "no-prefix", false, "do not say whose line it is")
	f.StringVarP(&o.container, "container", "c", "", "this `CONTAINER` of each pod only")
	f.StringVarP(&o.selector, "selector", "l", "", "of the pods with these labels, as `KEY=VALUE,...`")
	f.DurationVar(&o.since, "since", 0, "not older than this, as 10m")
	f.Int64Var(&o.tail, "tail", -2, "begin with this many `LINES` of each container; -1 for all (default: all of one container, 10 of several)")
	f.StringVar(&o.colour, "color", "auto", "auto, always or never")
}

func runLogs(ctx context.Context, env *command.Env, o logsOptions, args []string) error {
	switch {
	case len(args) > 2 || len(args) > 0 && o.selector != "" || len(args) == 0 && o.selector == "":
		return fault.Usage("garboard logs POD, garboard logs deployment/NAME or garboard logs -l KEY=VALUE", "logs needs one name or a selector")
	case o.previous && o.follow:
		return fault.Usage("leave one of the two out", "--previous is of a run that has ended: there is nothing to follow")
	case !slices.Contains([]string{"auto", "always", "never"}, o.colour):
		return fault.Usage("auto, always or never", "--color %s is unknown", o.colour)
	}
	if len(args) == 1 && isComponent(env, args[0]) {
		tail := int(o.tail)
		if tail == -2 {
			tail = 200
		}
		return journal.Show(ctx, env.Out, platform.LayoutOf(env.Global.StateDir), args[0], tail, o.follow)
	}
	return withCluster(env, o.namespace, "read the logs", func(c *kube.Cluster) error { return podLogs(ctx, env, o, c, args) })
}

// isComponent says whether name means a component of this machine's platform;
// another cluster's components have no logs here.
func isComponent(env *command.Env, name string) bool {
	return env.Global.Kubeconfig == "" && slices.Contains(journal.Names(), name)
}

func podLogs(ctx context.Context, env *command.Env, o logsOptions, c *kube.Cluster, args []string) error {
	match, err := matcher(ctx, c, args, o.selector)
	if err != nil {
		return err
	}
	list, err := c.Client.CoreV1().Pods(c.Namespace).List(ctx, match)
	if err != nil {
		return err
	}
	if len(list.Items) == 0 && !o.follow {
		return fault.New(fault.NotFound, "read the logs", "garboard get pods -n "+c.Namespace, "no pod of %s%s exists", strings.Join(args, " "), o.selector)
	}
	if err := checkContainer(list.Items, o.container); err != nil {
		return err
	}
	several := o.follow && match.FieldSelector == "" || countContainers(list.Items, o) > 1
	if o.tail == -2 {
		o.tail = -1
		if several && countContainers(list.Items, o) > 1 {
			o.tail = 10
		}
	}
	f := &follow.Follower{
		Client: c.Client,
		Options: follow.Options{
			Namespace: c.Namespace, Match: match, Container: o.container, Init: o.init, Previous: o.previous,
			Timestamps: o.timestamps, Since: o.since, Tail: o.tail,
		},
		Sink: newLineWriter(env, o, several).write,
		Note: func(text string) {
			if !env.Global.Quiet {
				fmt.Fprintln(env.Err, text)
			}
		},
	}
	for i := range list.Items {
		if note := notStarted(&list.Items[i]); note != "" {
			f.Note(note)
		}
	}
	if !o.follow {
		return f.Once(ctx)
	}
	if err := f.Follow(ctx); err != nil && ctx.Err() == nil {
		return err
	}
	return nil // Ctrl-C is how following ends
}

// notStarted says of a pod that logs nothing yet why it does not run.
func notStarted(p *corev1.Pod) string {
	if p.Status.Phase != corev1.PodPending {
		return ""
	}
	return explain.Pod(p, explain.Around{}).Sentence
}

// checkContainer refuses a container's name that no pod has.
func checkContainer(pods []corev1.Pod, name string) error {
	if name == "" || len(pods) == 0 {
		return nil
	}
	var all []string
	for i := range pods {
		all = append(all, containerNames(&pods[i])...)
	}
	if slices.Contains(all, name) {
		return nil
	}
	slices.Sort(all)
	return fault.New(fault.NotFound, "find the container "+name, "one of "+strings.Join(slices.Compact(all), ", "), "pod %s has no container of that name", pods[0].Name)
}

func countContainers(pods []corev1.Pod, o logsOptions) int {
	n := 0
	for i := range pods {
		switch {
		case o.container != "":
			n++
		case o.init:
			n += len(pods[i].Spec.InitContainers) + len(pods[i].Spec.Containers)
		default:
			n += len(pods[i].Spec.Containers)
		}
	}
	return n
}

// lineWriter writes lines, each with whose it is where there are several.
type lineWriter struct {
	env    *command.Env
	prefix bool
	colour bool
}

func newLineWriter(env *command.Env, o logsOptions, several bool) lineWriter {
	out, isFile := env.Out.(*os.File)
	colour := o.colour == "always" || o.colour == "auto" && env.Getenv("NO_COLOR") == "" && isFile && term.IsTerminal(int(out.Fd()))
	return lineWriter{env: env, prefix: several && !o.noPrefix, colour: colour}
}

// palette are colours that can be read on light and on dark ground.
var palette = []int{31, 32, 33, 34, 35, 36, 91, 92, 94, 95, 96}

func (w lineWriter) write(l follow.Line) error {
	line := make([]byte, 0, len(l.Text)+len(l.Pod)+len(l.Container)+20)
	if w.prefix {
		name := l.Pod + " " + l.Container
		if w.colour {
			hash := fnv.New32a()
			hash.Write([]byte(l.Pod))
			line = fmt.Appendf(line, "\x1b[%dm%s\x1b[0m | ", palette[hash.Sum32()%uint32(len(palette))], name)
		} else {
			line = fmt.Appendf(line, "%s | ", name)
		}
	}
	line = append(line, l.Text...)
	_, err := w.env.Out.Write(append(line, '\n'))
	return err
}
