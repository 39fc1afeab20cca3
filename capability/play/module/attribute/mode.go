package attribute

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"garboard.dev/garboard/capability/play/value"
)

// Permissions are the bits of a mode that chmod sets.
const Permissions = 0o7777

// Mode reads a wanted mode: an integer as it is, text as an octal number or in
// chmod's symbolic form, which changes the mode now (with its file type) and
// heeds umask where no user class is named.
func Mode(wanted any, now, umask uint32) (uint32, error) {
	switch m := wanted.(type) {
	case int64:
		return uint32(m), nil
	case int:
		return uint32(m), nil
	case float64:
		return uint32(m), nil
	case json.Number:
		n, err := m.Int64()
		return uint32(n), err
	case string:
		text := strings.TrimSpace(m)
		text = strings.TrimPrefix(strings.TrimPrefix(text, "0o"), "0O")
		if n, err := strconv.ParseUint(text, 8, 31); err == nil {
			return uint32(n), nil
		}
		return symbolic(m, now, umask)
	}
	return 0, fmt.Errorf("a mode is a number or text, not %v", wanted)
}

// symbolic applies all comma-separated clauses to now. Each letter means what
// it means at the beginning: g=u takes the user's permissions from now.
func symbolic(text string, now, umask uint32) (uint32, error) {
	mode := now & Permissions
	for clause := range strings.SplitSeq(text, ",") {
		next, err := apply(clause, mode, now, umask)
		if err != nil {
			return 0, err
		}
		mode = next
	}
	return mode, nil
}

func apply(clause string, mode, now, umask uint32) (uint32, error) {
	at := strings.IndexAny(clause, "+-=")
	who, rest := clause, ""
	if at >= 0 {
		who, rest = clause[:at], clause[at:]
	}
	masked := who == ""
	if who == "" || who == "a" {
		who = "ugo"
	}
	bad := errors.New("bad symbolic permission for mode: " + clause)
	if !strings.ContainsRune("ugo", rune(who[0])) {
		return 0, bad
	}
	for rest != "" {
		operator, perms := rest[0], rest[1:]
		if at := strings.IndexAny(perms, "+-="); at >= 0 {
			perms, rest = perms[:at], perms[at:]
		} else {
			rest = ""
		}
		if perms != "" && !strings.ContainsRune("rwxXstugo", rune(perms[0])) {
			return 0, bad
		}
		for _, user := range who {
			bits, err := permissions(user, perms, now)
			if err != nil {
				return 0, err
			}
			if masked {
				bits &^= umask
			}
			mode = operate(operator, user, mode, bits)
		}
	}
	return mode, nil
}

func operate(operator byte, user rune, mode, bits uint32) uint32 {
	switch operator {
	case '+':
		return mode | bits
	case '-':
		return mode &^ bits
	}
	clear := map[rune]uint32{'u': 0o4700, 'g': 0o2070, 'o': 0o1007}[user]
	return mode&^clear | bits
}

// permissions gives the bits that letters mean for one class of users.
func permissions(user rune, letters string, now uint32) (uint32, error) {
	shift, known := map[rune]uint32{'u': 6, 'g': 3, 'o': 0}[user]
	if !known {
		return 0, errors.New(value.Repr(string(user)))
	}
	var bits uint32
	for _, letter := range letters {
		switch letter {
		case 'r':
			bits |= 4 << shift
		case 'w':
			bits |= 2 << shift
		case 'x':
			bits |= 1 << shift
		case 'X':
			if now&0o111 != 0 || now&syscall.S_IFMT == syscall.S_IFDIR {
				bits |= 1 << shift
			}
		case 's':
			bits |= map[rune]uint32{'u': 0o4000, 'g': 0o2000}[user]
		case 't':
			if user == 'o' {
				bits |= 0o1000
			}
		case 'u':
			bits |= now >> 6 & 7 << shift
		case 'g':
			bits |= now >> 3 & 7 << shift
		case 'o':
			bits |= now & 7 << shift
		default:
			return 0, errors.New(value.Repr(string(letter)))
		}
	}
	return bits, nil
}

// Umask is the process's umask. It is read, not set: setting it to learn it
// would race with other files that are made at the same time.
func Umask() uint32 {
	const usual = 0o022
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return usual
	}
	for line := range strings.SplitSeq(string(status), "\n") {
		if text, found := strings.CutPrefix(line, "Umask:"); found {
			if n, err := strconv.ParseUint(strings.TrimSpace(text), 8, 32); err == nil {
				return uint32(n)
			}
		}
	}
	return usual
}
