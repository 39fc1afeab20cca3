package attribute

import (
	"context"
	"os/user"
	"strconv"
	"strings"

	"garboard.dev/garboard/capability/play/module"
	"garboard.dev/garboard/capability/play/module/execute"
)

// UserID gives the number of a user: a number is itself, a name is looked up,
// also where only the machine's name service knows it.
func UserID(ctx context.Context, c *module.Call, name string) (int64, bool) {
	if n, err := strconv.ParseInt(strings.TrimSpace(name), 10, 64); err == nil {
		return n, true
	}
	if u, err := user.Lookup(name); err == nil {
		return number(u.Uid)
	}
	return getent(ctx, c, "passwd", name)
}

// GroupID gives the number of a group, as UserID does for users.
func GroupID(ctx context.Context, c *module.Call, name string) (int64, bool) {
	if n, err := strconv.ParseInt(strings.TrimSpace(name), 10, 64); err == nil {
		return n, true
	}
	if g, err := user.LookupGroup(name); err == nil {
		return number(g.Gid)
	}
	return getent(ctx, c, "group", name)
}

// getent asks the machine's name service, which may know more than the files
// in /etc: directories in the network.
func getent(ctx context.Context, c *module.Call, database, name string) (int64, bool) {
	out, err := execute.Run(ctx, c, execute.Program{Argv: []string{"getent", database, name}})
	if err != nil || out.Code != 0 {
		return 0, false
	}
	fields := strings.Split(strings.TrimSpace(out.Stdout), ":")
	if len(fields) < 3 {
		return 0, false
	}
	return number(fields[2])
}

func number(text string) (int64, bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil
}

// UserName is the name of a user's number, or the number where it has none.
func UserName(uid uint32) string {
	id := strconv.FormatUint(uint64(uid), 10)
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return id
}

// GroupName is the name of a group's number, or the number where it has none.
func GroupName(gid uint32) string {
	id := strconv.FormatUint(uint64(gid), 10)
	if g, err := user.LookupGroupId(id); err == nil {
		return g.Name
	}
	return id
}
