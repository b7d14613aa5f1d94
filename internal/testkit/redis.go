package testkit

import (
	"net"
	"os/exec"
	"testing"
)

// Redis starts a Redis server with the further arguments on a free port of loopback and returns its address when it answers. It keeps
// its files in a directory of the test, and saves nothing there unless the arguments say so.
func Redis(t testing.TB, args ...string) (addr string, p *Process) {
	t.Helper()
	addr = FreeAddr(t)
	return addr, RedisAt(t, addr, t.TempDir(), args...)
}

// RedisAt starts a Redis server on addr, with its files in dir: again after it was killed, for example.
func RedisAt(t testing.TB, addr, dir string, args ...string) *Process {
	t.Helper()
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	all := append([]string{"--bind", host, "--port", port, "--dir", dir, "--save", "", "--daemonize", "no", "--loglevel", "notice"}, args...)
	p := Start(t, exec.Command(Program(t, "redis-server", "/usr/bin/redis-server"), all...))
	Listening(t, addr, p)
	return p
}
