//go:build linux && !portable && race

package reactor

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The race detector takes it that what happens before bytes are written happens before they are read, in the same process too, but only for the
// calls of package syscall. Without them it would report races in users' tests that have both ends in one process.

func recvNow(fd int32, p []byte) (int, syscall.Errno) { return result(syscall.Read(int(fd), p)) }

func sendNow(fd int32, b []byte) (int, syscall.Errno) { return result(syscall.Write(int(fd), b)) }

func sendmsgNow(fd int32, _ *unix.Msghdr, iov []unix.Iovec) (int, syscall.Errno) {
	sent := 0
	for _, v := range iov {
		n, errno := sendNow(fd, unsafe.Slice(v.Base, v.Len))
		if errno != 0 && sent > 0 {
			break
		}
		if errno != 0 {
			return 0, errno
		}
		if sent += n; uint64(n) < v.Len {
			break
		}
	}
	return sent, 0
}

func result(n int, err error) (int, syscall.Errno) {
	errno, _ := err.(syscall.Errno)
	return n, errno
}
