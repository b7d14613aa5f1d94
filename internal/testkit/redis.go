package testkit

import (
	"bufio"
	"errors"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
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
	Eventually(t, p.name+" to have loaded what it keeps", func() bool { return loaded(addr) })
	return p
}

// loaded tells whether a server answers something else than that it is loading its data. One that speaks TLS hangs up.
func loaded(addr string) bool {
	conn, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return false
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Second)) // fails as what follows does
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		return false
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	return !errors.Is(err, os.ErrDeadlineExceeded) && !strings.HasPrefix(line, "-LOADING")
}
