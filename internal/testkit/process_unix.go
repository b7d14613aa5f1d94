//go:build unix

package testkit

import (
	"syscall"
	"testing"
)

// Pause stops the process, as if its machine stood still, and Resume lets it go on. Its connections stay open meanwhile.
func (p *Process) Pause(t testing.TB) { p.signal(t, syscall.SIGSTOP) }

// Resume lets a process go on that was paused.
func (p *Process) Resume(t testing.TB) { p.signal(t, syscall.SIGCONT) }

func (p *Process) signal(t testing.TB, s syscall.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		t.Fatalf("send %s %v: %v", p.name, s, err)
	}
}
