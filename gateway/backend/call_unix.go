//go:build unix && (!linux || race)

package backend

import "syscall"

// These are for other systems, and for the race detector, which knows only the calls of package syscall.

func recvNow(fd uintptr, b []byte) (int, error) {
	n, err := syscall.Read(int(fd), b)
	return max(n, 0), err
}

func sendNow(fd uintptr, b []byte) (int, error) {
	n, err := syscall.Write(int(fd), b)
	return max(n, 0), err
}
