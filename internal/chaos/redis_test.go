package chaos_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub/internal/testkit"
)

// redis is a Redis server, or a Sentinel, that is started again and again. Its methods may be called concurrently.
type redis struct {
	t         *testing.T
	addr, dir string
	args      []string

	mu      sync.Mutex
	cmd     *exec.Cmd
	process *testkit.Process // runs cmd
}

// newRedis starts a server with further arguments.
func newRedis(t *testing.T, args ...string) *redis {
	t.Helper()
	r := &redis{t: t, addr: freeAddr(t, redisPorts), dir: t.TempDir(), args: args}
	r.start()
	testkit.Listening(t, r.addr, r.process)
	return r
}

// start starts the server, with what it has in its directory.
func (r *redis) start() {
	r.mu.Lock()
	defer r.mu.Unlock()
	host, port, _ := strings.Cut(r.addr, ":")
	args := append([]string{"--bind", host, "--port", port, "--dir", r.dir, "--save", "", "--daemonize", "no",
		"--repl-diskless-sync-delay", "0"}, r.args...)
	if r.sentinel() {
		args = []string{filepath.Join(r.dir, "sentinel.conf"), "--sentinel"}
	}
	r.cmd = exec.Command(testkit.Program(r.t, "redis-server", "/usr/bin/redis-server"), args...)
	r.process = testkit.Start(r.t, r.cmd)
}

// sentinel tells whether it is one: it has a file of settings, in which it writes what it finds out.
func (r *redis) sentinel() bool {
	_, err := os.Stat(filepath.Join(r.dir, "sentinel.conf"))
	return err == nil
}

// newSentinel starts a Sentinel that watches the master at addr.
func newSentinel(t *testing.T, addr string) *redis {
	t.Helper()
	r := &redis{t: t, addr: freeAddr(t, redisPorts), dir: t.TempDir()}
	_, port, _ := strings.Cut(r.addr, ":")
	host, masterPort, _ := strings.Cut(addr, ":")
	conf := fmt.Sprintf("bind 127.0.0.1\nport %s\ndir %s\nsentinel monitor hubbub %s %s 2\nsentinel down-after-milliseconds hubbub 1000\n"+
		"sentinel failover-timeout hubbub 3000\n", port, r.dir, host, masterPort)
	if err := os.WriteFile(filepath.Join(r.dir, "sentinel.conf"), []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	r.start()
	testkit.Listening(t, r.addr, r.process)
	return r
}

func (r *redis) kill() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.process.Kill()
}

// empty removes what the server has on its disk, but not who it is in a cluster.
func (r *redis) empty() {
	if err := os.RemoveAll(filepath.Join(r.dir, "appendonlydir")); err != nil {
		r.t.Error(err)
	}
}

func (r *redis) signal(s syscall.Signal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.cmd.Process.Signal(s); err != nil {
		r.t.Errorf("signal Redis: %v", err)
	}
}

// ask runs a command of Redis, or of its tool, and returns what it says; "" if it does not answer.
func (r *redis) ask(args ...string) string {
	host, port, _ := strings.Cut(r.addr, ":")
	ctx, stop := context.WithTimeout(r.t.Context(), 2*time.Second)
	defer stop()
	out, err := exec.CommandContext(ctx, testkit.Program(r.t, "redis-cli", "/usr/bin/redis-cli"),
		append([]string{"-h", host, "-p", port}, args...)...).Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

// says tells whether what a command answers has all of these words.
func (r *redis) says(command string, words ...string) bool {
	answer := r.ask(strings.Fields(command)...)
	for _, word := range words {
		if !strings.Contains(answer, word) {
			return false
		}
	}
	return true
}
