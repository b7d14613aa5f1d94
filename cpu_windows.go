package hubbub

import (
	"syscall"
	"time"
)

// cpuTime is how long the process has kept cores busy since it began.
func cpuTime() time.Duration {
	self, err := syscall.GetCurrentProcess()
	if err != nil {
		return 0
	}
	var created, exited, kernel, user syscall.Filetime
	if err := syscall.GetProcessTimes(self, &created, &exited, &kernel, &user); err != nil {
		return 0
	}
	return took(kernel) + took(user)
}

// took is a span of time: a Filetime counts it in units of 100 ns.
func took(t syscall.Filetime) time.Duration {
	return time.Duration(int64(t.HighDateTime)<<32|int64(t.LowDateTime)) * 100
}
