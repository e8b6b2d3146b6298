package etcdtest

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// slowSync makes this process's fsync and fdatasync take longer. The kernel asks about each of them, by a seccomp filter with user
// notification (Linux 5.7, no privileges needed, see seccomp_unotify(2)), and carries it out when the answer comes. So
// what is slow is what a slow disk makes slow, for whatever code asks for it.
type slowSync struct {
	delay     atomic.Int64 // time.Duration
	installed bool
}

// set has each of them take so much longer from now on.
func (s *slowSync) set(delay time.Duration) error {
	s.delay.Store(int64(delay))
	if s.installed {
		return nil
	}
	listener, err := notifyOfSyncs()
	if err != nil {
		return fmt.Errorf("filter fsync: %w", err)
	}
	s.installed = true
	go s.serve(listener) // until the process ends
	return nil
}

// Of the kernel's seccomp.h; golang.org/x/sys/unix does not have them.
type (
	seccompNotif struct {
		id         uint64
		pid, flags uint32
		data       [64]byte
	}
	seccompResponse struct {
		id    uint64
		val   int64
		err   int32
		flags uint32
	}
)

func (s *slowSync) serve(listener uintptr) {
	for {
		var n seccompNotif
		if _, _, errno := unix.Syscall(unix.SYS_IOCTL, listener, unix.SECCOMP_IOCTL_NOTIF_RECV, uintptr(unsafe.Pointer(&n))); errno != 0 {
			if errors.Is(errno, unix.EINTR) || errors.Is(errno, unix.ENOENT) {
				continue // a signal came; it asks again
			}
			panic(errno) // else the process would stand still without a word
		}
		time.AfterFunc(time.Duration(s.delay.Load()), func() {
			r := seccompResponse{id: n.id, flags: unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE}
			// An error says that a signal has interrupted the call, which comes again.
			_, _, _ = unix.Syscall(unix.SYS_IOCTL, listener, unix.SECCOMP_IOCTL_NOTIF_SEND, uintptr(unsafe.Pointer(&r)))
		})
	}
}

// notifyOfSyncs has the kernel ask before any thread of this process carries out fsync or fdatasync.
func notifyOfSyncs() (listener uintptr, err error) {
	const load, equal, answer = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, unix.BPF_RET | unix.BPF_K
	program := []unix.SockFilter{
		{Code: load, K: 0}, // seccomp_data.nr
		{Code: equal, K: unix.SYS_FDATASYNC, Jt: 2},
		{Code: equal, K: unix.SYS_FSYNC, Jt: 1},
		{Code: answer, K: unix.SECCOMP_RET_ALLOW},
		{Code: answer, K: unix.SECCOMP_RET_USER_NOTIF},
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return 0, err
	}
	filter := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	const flags = unix.SECCOMP_FILTER_FLAG_NEW_LISTENER | unix.SECCOMP_FILTER_FLAG_TSYNC | unix.SECCOMP_FILTER_FLAG_TSYNC_ESRCH
	fd, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, flags, uintptr(unsafe.Pointer(&filter)))
	if errno != 0 {
		return 0, errno
	}
	return fd, nil
}
