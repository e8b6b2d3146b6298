package devcluster

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// user is the user that the task runs as: the command's user or the framework's.
func (x *run) user() string {
	if c := x.commandInfo(); c.GetUser() != "" {
		return c.GetUser()
	}
	return x.framework.User
}

// credential looks a user up. It is nil if no switch is needed, or possible: only root can switch users, so a dev
// cluster of anybody else behaves as mesos-agent --no-switch_user.
func credential(name string) (*syscall.Credential, error) {
	if os.Geteuid() != 0 || name == "" {
		return nil, nil
	}
	u, err := user.Lookup(name)
	if err != nil {
		return nil, said(fmt.Sprintf("No such user '%s'", name))
	}
	uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
	if err1 != nil || err2 != nil {
		return nil, fmt.Errorf("user '%s' has no numeric ids", name)
	}
	if uid == 0 {
		return nil, nil
	}
	cred := &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	groups, err := u.GroupIds()
	if err != nil {
		return nil, fmt.Errorf("groups of user '%s': %w", name, err)
	}
	for _, g := range groups {
		if id, err := strconv.ParseUint(g, 10, 32); err == nil {
			cred.Groups = append(cred.Groups, uint32(id))
		}
	}
	return cred, nil
}
