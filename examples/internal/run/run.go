// Package run starts the programs of the examples as processes and talks to them, for their tests.
package run

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long a test waits for something that should happen at once on an idle machine.
const patience = 30 * time.Second

// Build compiles the main packages of the given directories and returns the directory that holds the programs, each named
// like its own directory. A test binary with the race detector builds programs with the race detector.
func Build(t testing.TB, dirs ...string) string {
	t.Helper()
	out := t.TempDir()
	args := []string{"build", "-o", out + string(filepath.Separator)}
	if raceEnabled() {
		args = append(args, "-race")
	}
	for _, dir := range dirs {
		args = append(args, "./"+filepath.ToSlash(dir))
	}
	if report, err := exec.CommandContext(t.Context(), "go", args...).CombinedOutput(); err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, report)
	}
	return out
}

func raceEnabled() bool {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return false
	}
	for _, setting := range info.Settings {
		if setting.Key == "-race" {
			return setting.Value == "true"
		}
	}
	return false
}

// Program is a running example.
type Program struct {
	Addr string // host and port that it listens on

	// Immutable after Start.
	cmd    *exec.Cmd
	input  io.WriteCloser
	output *output
	exited chan struct{}

	// Written before exited is closed.
	err error
}

// Start runs a program with -addr and a free port, waits until it accepts connections there, and ends it with the test.
func Start(t testing.TB, path string, args ...string) *Program {
	t.Helper()
	return Serve(t, func(addr string) *Program {
		return Launch(t, nil, path, append([]string{"-addr", addr}, args...)...)
	})
}

// Serve is Start for programs that are told their address in another way.
func Serve(t testing.TB, launch func(addr string) *Program) *Program {
	t.Helper()
	for range 5 {
		addr := FreeAddr(t)
		p := launch(addr)
		p.Addr = addr
		if p.accepts(t) {
			return p
		}
		if out := p.Output(); !strings.Contains(out, "address already in use") && !strings.Contains(out, "EADDRINUSE") {
			t.Fatalf("%s ended before it listened: %v\n%s", filepath.Base(p.cmd.Path), p.err, out)
		}
	}
	t.Fatal("the program found no free port")
	return nil
}

// Launch runs a program that is not waited for, with env beside the test's own environment, and ends it with the test.
func Launch(t testing.TB, env []string, path string, args ...string) *Program {
	t.Helper()
	p := &Program{cmd: exec.Command(path, args...), output: &output{}, exited: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = p.output, p.output
	input, err := p.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.input = input
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", path, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.exited)
	}()
	t.Cleanup(func() { p.end(t) })
	return p
}

// FreeAddr is a loopback address that nothing listens on at the moment.
func FreeAddr(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// accepts waits for the program to listen and is false when it ended instead.
func (p *Program) accepts(t testing.TB) bool {
	t.Helper()
	return Until(t, "listening on "+p.Addr, func() bool {
		c, err := net.DialTimeout("tcp", p.Addr, time.Second)
		if err == nil {
			c.Close()
		}
		return err == nil
	}, p.exited)
}

// Output is what the program has printed so far, to both streams.
func (p *Program) Output() string { return p.output.String() }

// Say writes a line to the program's standard input.
func (p *Program) Say(t testing.TB, line string) {
	t.Helper()
	if _, err := fmt.Fprintln(p.input, line); err != nil {
		t.Fatalf("write to the program: %v\n%s", err, p.Output())
	}
}

// CloseInput ends the program's standard input.
func (p *Program) CloseInput() { p.input.Close() }

// WaitOutput waits until the program has printed text.
func (p *Program) WaitOutput(t testing.TB, text string) {
	t.Helper()
	if !Until(t, fmt.Sprintf("output %q", text), func() bool { return strings.Contains(p.Output(), text) }, p.exited) {
		if !strings.Contains(p.Output(), text) {
			t.Fatalf("the program ended without printing %q:\n%s", text, p.Output())
		}
	}
}

// Interrupt asks the program to stop, as Ctrl-C does.
func (p *Program) Interrupt(t testing.TB) { p.signal(t, os.Interrupt) }

// Terminate asks the program to stop, as service managers do.
func (p *Program) Terminate(t testing.TB) { p.signal(t, syscall.SIGTERM) }

func (p *Program) signal(t testing.TB, s os.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		t.Fatalf("%v: %v", s, err)
	}
}

// Wait waits for the program to end and expects that it ended well.
func (p *Program) Wait(t testing.TB) {
	t.Helper()
	select {
	case <-p.exited:
	case <-time.After(patience):
		t.Fatalf("the program did not end:\n%s", p.Output())
	}
	if p.err != nil {
		t.Fatalf("the program ended with %v:\n%s", p.err, p.Output())
	}
}

// end stops the program at the end of its test, by force if it does not listen, and fails on what a reader should never see.
func (p *Program) end(t testing.TB) {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("stop: %v", err)
	}
	select {
	case <-p.exited:
	case <-time.After(patience):
		t.Errorf("killed, since it did not stop:\n%s", p.Output())
		p.cmd.Process.Kill()
		<-p.exited
	}
	for _, bad := range []string{"DATA RACE", "panic:", "hijacked connection", "superfluous"} {
		if strings.Contains(p.Output(), bad) {
			t.Errorf("the program printed %q:\n%s", bad, p.Output())
		}
	}
}

// Until polls until done is true. It is false when stop closes first, and fails the test when patience is over.
func Until(t testing.TB, what string, done func() bool, stop <-chan struct{}) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-stop:
			return false
		case <-ctx.Done():
			t.Fatalf("waited too long for %s", what)
		case <-tick.C:
		}
	}
	return true
}

// output collects what a process prints; it is safe for concurrent use.
type output struct {
	mu   sync.Mutex
	data bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.data.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.data.String()
}
