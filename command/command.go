// Package command is the command line's shell: what a command is (Command),
// what it may use of the outside (Env), and the tree that they form. It knows
// no capability; cmd/garboard hands it their groups.
package command

import (
	"context"
	"io"
	"log/slog"
	"time"

	"github.com/spf13/pflag"
)

// Env is all that a command may use of the outside. Standard output (Out) is
// the result, standard error (Err) the talk.
type Env struct {
	In         io.Reader
	Out, Err   io.Writer
	Getenv     func(string) string
	Now        func() time.Time
	Log        *slog.Logger // writes to Err; its level follows -q and -v
	Program    string       // the name the program was called by, without its folder
	Version    string       // of this program
	Executable string       // this program's file, to start it again
	Terminal   bool         // Err is a terminal: progress may redraw lines
	Width      int          // columns of that terminal; 80 elsewhere

	Global Global // filled while the command line is parsed
}

// Global are the flags that every command takes.
type Global struct {
	Quiet      bool
	Verbose    int
	Kubeconfig string // a cluster of the user's own instead of the platform's
	Context    string // the context in that kubeconfig
	StateDir   string // where the platform keeps what must survive
}

// Command is one verb. Flags binds the verb's flags to its options; Run does
// the work with what is left of the arguments.
type Command struct {
	Name     string // the verb, as "build"
	Args     string // what follows it in the usage line, as "[flags] DIR"
	Summary  string // one line, no full stop
	Help     string // paragraphs below the summary; may be empty
	Examples string // one command a line, comments with "#"
	Everyday bool   // stands at the top of the tree too, as "garboard up"
	Hidden   bool
	Raw      bool // flags are not parsed: Run gets every argument
	// Links are names of other programs: called through a link of such a name, this
	// program is this command.
	Links []string

	Flags    func(*pflag.FlagSet)
	Complete func(ctx context.Context, args []string, word string) []string
	// CompleteFlags gives values for the flags that it names, without dashes.
	CompleteFlags map[string]func(ctx context.Context, args []string, word string) []string
	Run           func(ctx context.Context, args []string) error
	Sub           []*Command

	ExitCodes map[int]string // beyond 0, 1 and 2, as the help shows them
}

// Group is one capability's commands: "garboard <Name> <verb>".
type Group struct {
	Name, Summary string
	Commands      []*Command
}
