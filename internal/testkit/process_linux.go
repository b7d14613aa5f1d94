package testkit

import (
	"os/exec"
	"syscall"
)

// dieWithParent has the kernel kill the process when the test binary is killed, which runs no cleanup.
func dieWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
