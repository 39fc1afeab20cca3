package main

import (
	"bufio"
	"context"
	"crypto"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/client-go/informers"

	"garboard.dev/garboard/capability/all"
	"garboard.dev/garboard/capability/platform"
	"garboard.dev/garboard/capability/platform/pki"
	"garboard.dev/garboard/command"
	"garboard.dev/garboard/console"
	"garboard.dev/garboard/fault"
	"garboard.dev/garboard/kube"
	"garboard.dev/garboard/loop"
)

// consoleCommand prints a link that logs in to the platform's console, or
// serves a console for another cluster.
func consoleCommand(env *command.Env) *command.Command {
	var listen string
	serve := &command.Command{
		Name: "serve", Args: "[flags]", Summary: "Serve the console for the cluster that --kubeconfig names, until interrupted",
		Help: `Whoever opens the link that is printed sees what the kubeconfig's user may see.
Press Enter for another link.`,
		Examples: "garboard console serve --kubeconfig ~/.kube/config",
		Flags: func(flags *pflag.FlagSet) {
			flags.StringVar(&listen, "listen", "127.0.0.1:8443", "the `ADDRESS` to listen on")
		},
		Run: func(ctx context.Context, _ []string) error { return serveConsole(ctx, env, listen) },
	}
	return &command.Command{
		Name: "console", Summary: "Print a link that logs in to the platform's console",
		Help: `The link works once, within five minutes. It takes root, as the platform does; others log in
with a token: garboard kubectl create token NAME.`,
		Examples: `garboard console
			garboard console serve --kubeconfig ~/.kube/config`,
		Sub: []*command.Command{serve},
		Run: func(_ context.Context, args []string) error {
			if len(args) > 0 {
				return fault.Usage("garboard console --help lists what there is", "garboard console has no command %q", args[0])
			}
			return printLink(env)
		},
	}
}

// consoleKey is where the key that signs links lies.
func consoleKey(layout platform.Layout) string {
	return filepath.Join(layout.StateDir, "console", "key")
}

func printLink(env *command.Env) error {
	const op = "make a link to the console"
	layout := platform.LayoutOf(env.Global.StateDir)
	settings, err := platform.ReadSettings(layout)
	if err != nil {
		return fault.Wrap(err, fault.KindOf(err), op, "")
	}
	key, err := console.LoadKey(consoleKey(layout))
	if errors.Is(err, fs.ErrPermission) {
		return fault.Wrap(err, fault.Denied, op, "run it as root, or log in at https://"+consoleAddress(settings)+" with a token: garboard kubectl create token NAME")
	}
	if err != nil {
		return fault.Wrap(err, fault.Failed, op, "")
	}
	fmt.Fprintln(env.Out, link(consoleAddress(settings), key.Code(env.Now())))
	return nil
}

func link(address, code string) string {
	return "https://" + address + "/login#code=" + url.QueryEscape(code)
}

// consoleAddress is where a browser on this machine finds the console.
func consoleAddress(s platform.Settings) string {
	host := s.Listen
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, strconv.Itoa(s.ConsolePort))
}

// consoleController serves the platform's console inside the agent.
func consoleController(env *command.Env, shell loop.Env, settings platform.Settings) loop.Controller {
	return loop.Controller{Name: "console", Run: func(ctx context.Context) error {
		layout := platform.LayoutOf(shell.StateDir)
		key, err := console.LoadKey(consoleKey(layout))
		if err != nil {
			return err
		}
		pages := console.Env{Log: shell.Log, Now: shell.Now, Client: shell.Client, Informers: shell.Informers, StateDir: shell.StateDir}
		server := console.New(pages, all.Pages(pages), console.Options{
			TLS: console.ServerTLS(shell.Now, issuer(layout, consoleHosts(settings))), Key: key,
			Authenticator: console.ClusterAuthenticator(shell.Config, shell.Now), Version: env.Version, Cluster: "this machine",
		})
		l, err := net.Listen("tcp", net.JoinHostPort(settings.Listen, strconv.Itoa(settings.ConsolePort)))
		if err != nil {
			return err
		}
		return server.Serve(ctx, l)
	}}
}

// consoleHosts are the names and addresses that the console is reached by.
func consoleHosts(s platform.Settings) []string {
	hosts := []string{"127.0.0.1", "::1", "localhost", s.NodeName, s.NodeIP}
	ip := net.ParseIP(s.Listen)
	if ip != nil && !ip.IsUnspecified() {
		return append(hosts, s.Listen)
	}
	addresses, err := net.InterfaceAddrs()
	if err != nil { // without them the certificate serves fewer names
		return hosts
	}
	for _, a := range addresses {
		if network, ok := a.(*net.IPNet); ok && network.IP.IsGlobalUnicast() {
			hosts = append(hosts, network.IP.String())
		}
	}
	return hosts
}

// issuer lets the platform's own authority sign the console's certificates.
func issuer(layout platform.Layout, hosts []string) console.Issue {
	return func(key crypto.Signer, now time.Time) ([][]byte, error) {
		authority, err := pki.LoadAuthority(layout.CACert(), layout.CAKey())
		if err != nil {
			return nil, err
		}
		der, err := authority.Issue(pki.Spec{CommonName: "garboard console", Hosts: hosts, Server: true}, key.Public(), now)
		return [][]byte{der, authority.Cert.Raw}, err
	}
}

// serveConsole serves a console for any cluster until ctx ends.
func serveConsole(ctx context.Context, env *command.Env, address string) error {
	layout := platform.LayoutOf(env.Global.StateDir)
	cluster, err := kube.Connect(kube.Options{Kubeconfig: env.Global.Kubeconfig, Context: env.Global.Context, Default: layout.AdminKubeconfig()})
	if err != nil {
		return err
	}
	pages := console.Env{Log: env.Log, Now: env.Now, Client: cluster.Client, Informers: informers.NewSharedInformerFactory(cluster.Client, 0)}
	if env.Global.Kubeconfig == "" {
		pages.StateDir = layout.StateDir
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return fault.Wrap(err, fault.Conflict, "serve the console", "is something else on that port? Choose another: --listen 127.0.0.1:9443")
	}
	host, _, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return err
	}
	key := console.NewKey()
	server := console.New(pages, all.Pages(pages), console.Options{
		TLS: console.ServerTLS(env.Now, console.SelfSigned("127.0.0.1", "::1", "localhost", host)), Key: key,
		Authenticator: console.ClusterAuthenticator(cluster.Config, env.Now), Version: env.Version, Cluster: cluster.Config.Host,
	})
	go offerLinks(env, key, l.Addr().String())
	return server.Serve(ctx, l)
}

// offerLinks prints a link, and another for each line that is entered.
func offerLinks(env *command.Env, key *console.Key, address string) {
	fmt.Fprintln(env.Out, link(address, key.Code(env.Now())))
	for lines := bufio.NewScanner(env.In); lines.Scan(); {
		fmt.Fprintln(env.Out, link(address, key.Code(env.Now())))
	}
}
