package testkit

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// Process is a running program of a test. Its methods may be called concurrently.
type Process struct {
	name string
	cmd  *exec.Cmd
	done chan struct{} // closed when the program has ended
	err  error         // valid after done: what Wait of the command returned

	mu     sync.Mutex
	output bytes.Buffer // standard output and error, in the order of their arrival; as long as the program's life
}

// Start starts a command. At the end of the test the process is killed if it still runs, and its output is logged if the
// test failed.
func Start(t testing.TB, cmd *exec.Cmd) *Process {
	t.Helper()
	p := &Process{name: filepath.Base(cmd.Path), cmd: cmd, done: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = p, p // one writer: os/exec then makes one pipe and one goroutine
	cmd.WaitDelay = 5 * time.Second
	dieWithParent(cmd)
	if err := cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", p.name, err)
	}
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(func() {
		p.Kill()
		if t.Failed() {
			t.Logf("output of %s:\n%s", cmd, p.Output())
		}
	})
	return p
}

// Write takes the process's output.
func (p *Process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.output.Write(b)
}

// Output returns what the process has printed so far.
func (p *Process) Output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.output.String()
}

// Ended reports whether the process has ended.
func (p *Process) Ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// Kill ends the process, if it still runs, and returns when it is gone.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill() // fails when it has ended, which is what we want
	<-p.done
}

// Succeed waits until the process ends by itself, with status 0, and fails the test otherwise or after [Patience].
func (p *Process) Succeed(t testing.TB) {
	t.Helper()
	select {
	case <-p.done:
	case <-time.After(Patience):
		t.Fatalf("%s does not end; it printed:\n%s", p.cmd, p.Output())
	}
	if p.err != nil {
		t.Fatalf("%s: %v; it printed:\n%s", p.cmd, p.err, p.Output())
	}
}

// Line waits until the process has printed a whole line that begins with prefix and returns what follows the prefix in the
// first such line. It fails the test when the process ends without one.
func (p *Process) Line(t testing.TB, prefix string) string {
	t.Helper()
	var found string
	Eventually(t, p.name+" to print "+prefix, func() bool {
		ended := p.Ended() // asked first: then the output below is all of it
		for line := range strings.Lines(p.Output()) {
			rest, ok := strings.CutPrefix(line, prefix)
			if ok && strings.HasSuffix(line, "\n") {
				found = strings.TrimRight(rest, "\r\n")
				return true
			}
		}
		if ended {
			t.Fatalf("%s ended without printing %q; it printed:\n%s", p.name, prefix, p.Output())
		}
		return false
	})
	return found
}

// Program returns the path of an installed program. More places than one may be given, for programs that are not in every
// user's PATH; the first that there is counts.
func Program(t testing.TB, names ...string) string {
	t.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatalf("%s is not installed: run make test, which installs it", names[0])
	return ""
}

// Node starts a script with Node, in dir, where its node_modules are.
func Node(t testing.TB, dir, script string, args ...string) *Process {
	t.Helper()
	if _, err := os.Stat(filepath.Join(dir, "node_modules")); err != nil {
		t.Fatalf("the npm packages of %s are not installed: run make test, which installs them", dir)
	}
	read(t, filepath.Join(dir, script))
	cmd := exec.Command(Program(t, "node"), append([]string{script}, args...)...)
	cmd.Dir = dir
	return Start(t, cmd)
}

// Python starts a script with Debian's own Python, the one that Debian's Python packages belong to.
func Python(t testing.TB, script string, args ...string) *Process {
	t.Helper()
	read(t, script)
	cmd := exec.Command(Program(t, "/usr/bin/python3"), append([]string{"-u", script}, args...)...)
	return Start(t, cmd)
}

// read reads a script that another program will run, so that go test, which caches results by the files that the test itself
// opened, runs the test again when the script has changed.
func read(t testing.TB, script string) {
	t.Helper()
	if _, err := os.ReadFile(script); err != nil {
		t.Fatal(err)
	}
}
