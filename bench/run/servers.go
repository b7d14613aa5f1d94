package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// server is one of bench/servers.
type server struct {
	name    string
	label   string
	dir     string   // below servers/
	kind    kind     // how it is built and started
	proto   string   // of the load generator, for plain conns; "" if it has none
	chat    string   // the same for people who sign in and chat
	special bool     // only for scenarios that name it
	shared  bool     // several may run on one Redis
	lasts   bool     // needs PostgreSQL
	tls     bool     // has -tls and /memstats
	from    []string // npm packages or Go modules whose versions the page names
}

type kind int

const (
	goProgram kind = iota
	cProgram
	nodeProgram
	product // cmd/hubbub with servers/DIR/hubbub.yaml
)

func allServers() []server {
	return []server{
		{name: "hubbub", label: "hubbub", dir: "hubbub", proto: "ws", tls: true},
		{name: "gateway", label: "hubbub gateway", dir: "gateway", kind: product, chat: "hubbub.v1"},
		{name: "live", label: "hubbub gateway, without a store", dir: "live", kind: product, chat: "hubbub.v1"},
		{name: "single", label: "the same, one commit for each message", dir: "single", kind: product, chat: "hubbub.v1", special: true},
		{name: "services", label: "hubbub gateway, before services", dir: "services", kind: product, chat: "hubbub.v1", special: true},
		{name: "express", label: "Node `express` + `ws`", dir: "express", kind: nodeProgram, chat: "hubbub.v1", special: true,
			from: []string{"express", "ws"}},
		{name: "fleet", label: "hubbub gateway, several on one Redis", dir: "fleet", kind: product, chat: "hubbub.v1", special: true, shared: true},
		{name: "lasting", label: "hubbub gateway, several on one Redis and PostgreSQL", dir: "lasting", kind: product, chat: "hubbub.v1", special: true,
			shared: true, lasts: true},
		{name: "floor", label: "C epoll loop (the floor)", dir: "floor-c", kind: cProgram, proto: "ws"},
		{name: "ws", label: "Node `ws`", dir: "node-ws", kind: nodeProgram, proto: "ws", from: []string{"ws", "bufferutil"}},
		{name: "gws", label: "gws", dir: "gws", proto: "ws", from: []string{"github.com/lxzan/gws"}},
		{name: "gorilla", label: "gorilla, a writer goroutine per conn", dir: "gorilla", proto: "ws",
			from: []string{"github.com/gorilla/websocket"}},
		{name: "coder", label: "coder/websocket", dir: "coder", proto: "ws", from: []string{"github.com/coder/websocket"}},
		{name: "socketio", label: "Socket.IO", dir: "socketio", kind: nodeProgram, proto: "socketio", chat: "socketio",
			from: []string{"socket.io", "jsonwebtoken"}},
		{name: "socketio-redis", label: "Socket.IO with its Redis Streams adapter", dir: "socketio", kind: nodeProgram, chat: "socketio", special: true,
			shared: true, from: []string{"@socket.io/redis-streams-adapter", "redis"}},
	}
}

// build makes the load generator and the servers, into bin/.
func build(ctx context.Context, servers []server) error {
	if err := command(ctx, ".", "go", "build", "-o", "bin/load", "./load"); err != nil {
		return err
	}
	if err := makeKey(); err != nil {
		return fmt.Errorf("make a key for tokens: %w", err)
	}
	for _, s := range servers {
		fmt.Fprintln(os.Stderr, "build", s.name)
		var err error
		switch s.kind {
		case goProgram:
			err = command(ctx, ".", "go", "build", "-o", s.binary(), "./servers/"+s.dir)
		case cProgram:
			err = command(ctx, ".", "cc", "-O2", "-o", s.binary(), "servers/"+s.dir+"/server.c")
		case nodeProgram:
			err = command(ctx, filepath.Join("servers", s.dir), "npm", "ci", "--no-audit", "--no-fund", "--loglevel=error")
		case product:
			err = buildProduct(ctx, s)
		}
		if err != nil {
			return fmt.Errorf("build %s: %w", s.name, err)
		}
	}
	return nil
}

// buildProduct builds what users get, and the benchmarks that it has in its tests.
func buildProduct(ctx context.Context, s server) error {
	if err := command(ctx, "..", "go", "build", "-o", filepath.Join("bench", s.binary()), "./cmd/hubbub"); err != nil {
		return err
	}
	for _, pkg := range []string{"", "inbox"} {
		if err := command(ctx, "..", "go", "test", "-c", "-o", filepath.Join("bench", s.benchmarks(pkg)), "./"+pkg); err != nil {
			return err
		}
	}
	return nil
}

// makeKey makes the key pair of the tokens, which the load generator signs and the servers verify.
func makeKey() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join("bin", "es256.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600)
}

func command(ctx context.Context, dir, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	return nil
}

func (s server) binary() string { return filepath.Join("bin", s.dir) }

// benchmarks is the test program of a package of the module.
func (s server) benchmarks(pkg string) string { return s.binary() + pkg + ".test" }

// store is the file that servers/DIR/hubbub.yaml names.
func (s server) store() string { return s.binary() + ".db" }

// forget removes what an earlier run has stored.
func (s server) forget() error {
	for _, end := range []string{"", "-wal", "-shm", ".lock"} {
		if err := os.Remove(s.store() + end); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func (s server) args() []string {
	switch s.kind {
	case nodeProgram:
		return []string{"node", filepath.Join("servers", s.dir, "server.js"), "--addr"}
	case product:
		return []string{s.binary(), "serve", "--config", filepath.Join("servers", s.dir, "hubbub.yaml"), "--addr"}
	}
	return []string{s.binary(), "-addr"}
}

// process is a running server, pinned to the first CPU.
type process struct {
	cmd  *exec.Cmd
	addr string
	log  string
	done chan struct{}
}

// start runs the server and waits until it accepts connections. Each start gets a port of its own, so that nothing of an
// earlier one (a listener, a socket in TIME_WAIT) is in its way.
func (s server) start(ctx context.Context, cpus string, port int, more ...string) (*process, error) {
	if err := s.forget(); err != nil {
		return nil, err
	}
	addr := fmt.Sprintf("127.0.0.1:%d", port)
	p, err := launch(ctx, cpus, s.name, addr, append(append(s.args(), addr), more...))
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", s.name, err)
	}
	return p, nil
}

// launch starts a program on some CPUs and waits until it accepts connections at addr.
func launch(ctx context.Context, cpus, name, addr string, args []string) (*process, error) {
	p := &process{addr: addr, done: make(chan struct{})}
	p.log = filepath.Join("bin", name+".log")
	out, err := os.Create(p.log)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	p.cmd = exec.Command("taskset", append([]string{"-c", cpus}, args...)...)
	p.cmd.Stdout, p.cmd.Stderr = out, out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.cmd.Wait()
		close(p.done)
	}()
	if err := p.ready(ctx); err != nil {
		p.stop()
		return nil, fmt.Errorf("%w%s", err, p.tail())
	}
	return p, nil
}

func (p *process) ready(ctx context.Context) error {
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
		if c, err := net.Dial("tcp", p.addr); err == nil {
			return c.Close()
		}
		select {
		case <-p.done:
			return fmt.Errorf("it ended at once: %s", p.cmd.ProcessState)
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
	return fmt.Errorf("nothing listens on %s after 10 s", p.addr)
}

// stop asks the server to end, and makes it.
func (p *process) stop() {
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(10 * time.Second):
		p.cmd.Process.Kill()
		<-p.done
	}
}

// tail is the end of what the server printed.
func (p *process) tail() string {
	b, err := os.ReadFile(p.log)
	if err != nil || len(b) == 0 {
		return ""
	}
	return "\nthe server printed:\n" + string(b[max(0, len(b)-2000):])
}
