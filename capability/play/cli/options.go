package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/pflag"
)

// options are those that Ansible's commands share.
type options struct {
	inventories, extra, tags, skip, vaultIDs, vaultFiles, modulePath []string
	limit                                                            string
	check, diff, syntax, listHosts, listTasks, listTags, step        bool
	flush, forceHandlers, become, askPass, askBecome, askVault, lint bool
	progress                                                         bool
	startAt, user, connection, privateKey, timeout                   string
	becomeMethod, becomeUser, becomePasswordFile, passwordFile       string
	sshCommon, sshExtra, sftpExtra, scpExtra                         string
	forks, verbose                                                   int
	version                                                          bool
}

// bind names the options as ansible-playbook does.
func (o *options) bind(f *pflag.FlagSet) {
	f.StringArrayVarP(&o.inventories, "inventory", "i", nil, "inventory `HOSTS`, a file, a folder or names with commas")
	f.StringVarP(&o.limit, "limit", "l", "", "limit the hosts to a `PATTERN`")
	f.StringArrayVarP(&o.extra, "extra-vars", "e", nil, "variables as key=value, YAML, JSON or @FILE")
	f.IntVarP(&o.forks, "forks", "f", 0, "how many hosts at once")
	f.CountVarP(&o.verbose, "verbose", "v", "say more, up to -vvvv")
	f.BoolVarP(&o.check, "check", "C", false, "change nothing, say what would change")
	f.BoolVarP(&o.diff, "diff", "D", false, "show what changes in files")
	f.StringVarP(&o.connection, "connection", "c", "", "how hosts are reached: ssh, local, ...")
	f.StringVarP(&o.timeout, "timeout", "T", "", "seconds to wait for a connection")
	f.StringVarP(&o.user, "user", "u", "", "connect as this `USER`")
	f.StringVar(&o.privateKey, "private-key", "", "authenticate with this `FILE`")
	f.StringVar(&o.privateKey, "key-file", "", "the same as --private-key")
	f.BoolVarP(&o.askPass, "ask-pass", "k", false, "ask for the password of connections")
	f.StringVar(&o.passwordFile, "connection-password-file", "", "the `FILE` with that password")
	f.StringVar(&o.passwordFile, "conn-pass-file", "", "the same as --connection-password-file")
	f.BoolVarP(&o.become, "become", "b", false, "become another user")
	f.StringVar(&o.becomeMethod, "become-method", "", "how: sudo, su, doas, runuser")
	f.StringVar(&o.becomeUser, "become-user", "", "which user")
	f.BoolVarP(&o.askBecome, "ask-become-pass", "K", false, "ask for the password of become")
	f.StringVar(&o.becomePasswordFile, "become-password-file", "", "the `FILE` with that password")
	f.StringVar(&o.becomePasswordFile, "become-pass-file", "", "the same as --become-password-file")
	f.StringArrayVar(&o.vaultIDs, "vault-id", nil, "a vault's identity: LABEL@FILE or LABEL@prompt")
	f.StringArrayVar(&o.vaultFiles, "vault-password-file", nil, "the `FILE` with a vault's password")
	f.StringArrayVar(&o.vaultFiles, "vault-pass-file", nil, "the same as --vault-password-file")
	f.BoolVarP(&o.askVault, "ask-vault-password", "J", false, "ask for a vault's password")
	f.BoolVar(&o.askVault, "ask-vault-pass", false, "the same as --ask-vault-password")
	f.StringArrayVarP(&o.modulePath, "module-path", "M", nil, "further folders with modules")
	f.BoolVar(&o.listHosts, "list-hosts", false, "list the hosts and do nothing else")
	f.StringVar(&o.sshCommon, "ssh-common-args", "", "arguments for ssh")
	f.StringVar(&o.sshExtra, "ssh-extra-args", "", "arguments for ssh")
	f.StringVar(&o.sftpExtra, "sftp-extra-args", "", "accepted and not needed")
	f.StringVar(&o.scpExtra, "scp-extra-args", "", "accepted and not needed")
	f.BoolVar(&o.version, "version", false, "print the version")
}

// bindPlaybook names the options that only ansible-playbook has.
func (o *options) bindPlaybook(f *pflag.FlagSet) {
	f.StringArrayVarP(&o.tags, "tags", "t", nil, "only what has one of these tags")
	f.StringArrayVar(&o.skip, "skip-tags", nil, "nothing that has one of these tags")
	f.StringVar(&o.startAt, "start-at-task", "", "begin at the task of this `NAME`")
	f.BoolVar(&o.syntax, "syntax-check", false, "read the playbook and do nothing else")
	f.BoolVar(&o.listTasks, "list-tasks", false, "list the tasks and do nothing else")
	f.BoolVar(&o.listTags, "list-tags", false, "list the tags and do nothing else")
	f.BoolVar(&o.step, "step", false, "ask before each task")
	f.BoolVar(&o.flush, "flush-cache", false, "forget cached facts")
	f.BoolVar(&o.forceHandlers, "force-handlers", false, "run handlers even where a task failed")
	f.BoolVar(&o.lint, "lint", false, "say where the content will break under ansible-core 2.19")
	f.BoolVar(&o.progress, "progress", false, "show hosts and tasks live on a terminal")
}

// parse reads the command line of one of Ansible's commands.
func parse(name string, args []string, bind ...func(*pflag.FlagSet)) (*pflag.FlagSet, error) {
	f := pflag.NewFlagSet(name, pflag.ContinueOnError)
	f.SortFlags = true
	f.Usage = func() {}
	for _, b := range bind {
		b(f)
	}
	if err := f.Parse(args); err != nil {
		if errors.Is(err, pflag.ErrHelp) {
			return f, err
		}
		return f, fmt.Errorf("%w", err)
	}
	return f, nil
}

// words splits options that may be given often and with commas.
func words(lists []string) []string {
	var out []string
	for _, l := range lists {
		for w := range strings.SplitSeq(l, ",") {
			if w = strings.TrimSpace(w); w != "" {
				out = append(out, w)
			}
		}
	}
	return out
}
