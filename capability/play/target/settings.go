package target

// Settings say how one machine is reached, and as whom. Equal settings
// mean the same connection.
type Settings struct {
	Host       string // its inventory name
	Kind       string // local, ssh, container ...
	Address    string
	Port       int
	User       string
	Password   string
	PrivateKey string
	Timeout    int // seconds
	SSHArgs    string
	Executable string // the shell of bare commands
	HostKeys   bool   // host keys are checked
	Python     string // the interpreter that the user chose, for modules that are not ours

	Become         bool
	BecomeMethod   string
	BecomeUser     string
	BecomePassword string
	BecomeFlags    string
	BecomeExe      string
}
