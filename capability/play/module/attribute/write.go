package attribute

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"garboard.dev/garboard/capability/play/module"
	"garboard.dev/garboard/capability/play/module/execute"
)

// Stage is new content for a file: a temporary file beside it. It takes the
// file's place with Commit, and goes away with Discard.
type Stage struct {
	Path   string // of the temporary file
	target string
	done   bool
}

// NewStage writes content to a temporary file beside target, readable by its
// owner alone. Where the folder cannot be written and the task allows unsafe
// writes, the file lies in the call's own folder for temporary files.
func NewStage(c *module.Call, target string, content io.Reader) (*Stage, error) {
	dir := filepath.Dir(target)
	f, err := os.CreateTemp(dir, ".ansible_tmp*"+filepath.Base(target))
	if err != nil && c.Args.Bool("unsafe_writes") {
		f, err = os.CreateTemp(c.Machine.Temp, ".ansible_tmp*"+filepath.Base(target))
	}
	if err != nil {
		return nil, &module.Failure{Message: fmt.Sprintf(
			"The destination directory (%s) is not writable by the current user. Error was: %s", dir, Reason(err, true))}
	}
	s := &Stage{Path: f.Name(), target: target}
	_, err = io.Copy(f, content)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, errors.Join(err, s.Discard())
	}
	return s, nil
}

// Discard removes the temporary file where it has not been committed.
func (s *Stage) Discard() error {
	if s.done {
		return nil
	}
	s.done = true
	return os.Remove(s.Path)
}

// Commit puts the new content in the target's place in one step. The new file
// keeps owner, mode and extended attributes (ACLs with them) of the one that it
// replaces; a file that is new gets 0666 less the umask.
func (s *Stage) Commit(c *module.Call) error {
	var old syscall.Stat_t
	err := syscall.Stat(s.target, &old)
	if err == nil {
		err = s.inherit(old)
	} else {
		err = syscall.Chmod(s.Path, 0o666&^Umask())
	}
	if err != nil {
		return err
	}
	err = os.Rename(s.Path, s.target)
	if err == nil {
		s.done = true
		return nil
	}
	if c.Args.Bool("unsafe_writes") && anyOf(err, syscall.EBUSY, syscall.EPERM, syscall.EACCES, syscall.EXDEV, syscall.ETXTBSY) {
		return errors.Join(overwrite(s.Path, s.target), s.Discard())
	}
	return &module.Failure{Message: fmt.Sprintf("Unable to make %s into to %s, failed final rename from %s: %s",
		s.Path, s.target, "b'"+s.Path+"'", Reason(err, true))}
}

func anyOf(err error, numbers ...syscall.Errno) bool {
	for _, n := range numbers {
		if errors.Is(err, n) {
			return true
		}
	}
	return false
}

// inherit gives the temporary file what the target has. Who may not give files
// away keeps them.
func (s *Stage) inherit(old syscall.Stat_t) error {
	if err := os.Chown(s.Path, int(old.Uid), int(old.Gid)); err != nil && !errors.Is(err, syscall.EPERM) {
		return err
	}
	if err := CopyXattrs(s.target, s.Path); err != nil {
		return err
	}
	return syscall.Chmod(s.Path, old.Mode&Permissions) // last: a change of owner clears set-user-id
}

// overwrite writes over a file in place, for files that cannot be replaced,
// such as one that is mounted into a container.
func overwrite(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_TRUNC|os.O_CREATE, 0o600)
	if err != nil {
		return errors.Join(err, in.Close())
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close(), in.Close())
}

// Write gives a file new content in one step, with owner, mode and extended
// attributes kept. A symbolic link is followed.
func Write(c *module.Call, path string, content io.Reader) error {
	s, err := NewStage(c, RealPath(path), content)
	if err != nil {
		return err
	}
	if err := s.Commit(c); err != nil {
		return errors.Join(err, s.Discard())
	}
	return nil
}

// WriteValidated is Write with a command in front that may refuse the content;
// "" asks no one. It is what lineinfile, replace and blockinfile do.
func WriteValidated(ctx context.Context, c *module.Call, path, content, command string) error {
	s, err := NewStage(c, RealPath(path), strings.NewReader(content))
	if err != nil {
		return err
	}
	if command != "" {
		out, err := Validate(ctx, c, command, s.Path)
		if err == nil && out.Code != 0 {
			err = &module.Failure{Message: fmt.Sprintf("failed to validate: rc:%d error:%s", out.Code, out.Stderr)}
		}
		if err != nil {
			return errors.Join(err, s.Discard())
		}
	}
	if err := s.Commit(c); err != nil {
		return errors.Join(err, s.Discard())
	}
	return nil
}

// Validate runs a command that has %s where the path of the new content goes.
func Validate(ctx context.Context, c *module.Call, command, path string) (execute.Output, error) {
	if !strings.Contains(command, "%s") {
		return execute.Output{}, &module.Failure{Message: "validate must contain %s: " + command}
	}
	line := strings.ReplaceAll(strings.ReplaceAll(command, "%s", path), "%%", "%")
	words, err := execute.Words(c, line)
	if err != nil {
		return execute.Output{}, err
	}
	return execute.Run(ctx, c, execute.Program{Argv: words})
}
