package process

import (
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// pidfdInfo is the first version of struct pidfd_info of linux/pidfd.h: 64 bytes.
type pidfdInfo struct {
	mask     uint64
	cgroupID uint64
	_        [11]uint32 // pid, tgid, ppid and the eight user and group ids
	exitCode int32
}

// pidfdGetInfo is _IOWR(0xFF, 11, struct pidfd_info) for that version; the
// kernel takes every version's size.
const pidfdGetInfo = 3<<30 | unix.PIDFD_INFO_SIZE_VER0<<16 | 0xFF<<8 | 11

// reaped is how long a parent may take to collect an ended child before its exit
// status counts as unknown: the kernel tells it only after that.
const reaped = 250 * time.Millisecond

// exitInfo asks the kernel how the ended process behind a pidfd ended. Kernels
// before 6.15 do not tell.
func exitInfo(fd uintptr) Exit {
	for waited := time.Duration(0); waited < reaped && polled(fd, 0)&unix.POLLHUP == 0; waited += time.Millisecond {
		time.Sleep(time.Millisecond)
	}
	info := pidfdInfo{mask: unix.PIDFD_INFO_EXIT}
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, fd, pidfdGetInfo, uintptr(unsafe.Pointer(&info)))
	if errno != 0 || info.mask&unix.PIDFD_INFO_EXIT == 0 {
		return Exit{}
	}
	return exitOf(syscall.WaitStatus(info.exitCode))
}
