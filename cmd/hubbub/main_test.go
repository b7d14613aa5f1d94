package main_test

import (
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/hubbub-dev/hubbub/internal/testkit"
	"github.com/hubbub-dev/hubbub/ws"
)

// binary builds the command once for all tests, and gives the directory to remove.
var binary = sync.OnceValues(func() (dir string, err error) {
	dir, err = os.MkdirTemp("", "hubbub")
	if err != nil {
		return "", err
	}
	out, err := exec.Command("go", "build", "-o", filepath.Join(dir, "hubbub"), ".").CombinedOutput()
	if err != nil {
		err = errors.New(err.Error() + "\n" + string(out))
	}
	return dir, err
})

// TestMain removes what was built.
func TestMain(m *testing.M) {
	code := m.Run()
	if dir, _ := binary(); dir != "" {
		os.RemoveAll(dir)
	}
	os.Exit(code)
}

// build builds the command and returns its path.
func build(t *testing.T) string {
	t.Helper()
	dir, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "hubbub")
}

// command is the command in a directory of its own, without the variables of whoever runs the tests.
func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), build(t), args...)
	cmd.Dir = t.TempDir()
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "HUBBUB_") {
			cmd.Env = append(cmd.Env, e)
		}
	}
	return cmd
}

// printed runs a command, which must succeed, and returns what it prints.
func printed(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	out, err := cmd.Output()
	if err != nil {
		failed, _ := errors.AsType[*exec.ExitError](err)
		t.Fatalf("%v ends with %v\n%s%s", cmd.Args, err, out, failed.Stderr)
	}
	return string(out)
}

// refused runs the command at path, which must fail, and returns what it prints.
func refused(t *testing.T, path string, args ...string) string {
	t.Helper()
	return fails(t, exec.CommandContext(t.Context(), path, args...))
}

// fails runs a command, which must fail, and returns what it prints.
func fails(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	out, err := cmd.CombinedOutput()
	if failed, ok := errors.AsType[*exec.ExitError](err); !ok || failed.ExitCode() <= 0 {
		t.Fatalf("%v ends with %v and prints\n%s", cmd.Args, err, out)
	}
	return string(out)
}

func TestVersion(t *testing.T) {
	out := printed(t, command(t, "version"))
	if !strings.HasPrefix(out, "hubbub ") || strings.Count(out, "\n") != 1 {
		t.Errorf("version prints %q", out)
	}
}

func TestServeRefusesToStart(t *testing.T) {
	out := fails(t, command(t, "serve"))
	for _, want := range []string{"hubbub serve --dev", "auth.keys", "auth.basic.file", "auth.anonymous", "hubbub config default"} {
		if !strings.Contains(out, want) {
			t.Errorf("serve without keys does not say %q:\n%s", want, out)
		}
	}
	if out := fails(t, command(t, "serve", "--dev", "--addr", "8080")); !strings.Contains(out, "--addr: address") ||
		!strings.Contains(out, ":8080") {
		t.Errorf("a wrong address is not explained:\n%s", out)
	}
}

func TestServe(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(signal.String(), func(t *testing.T) { serve(t, signal) })
	}
}

// serve runs the server with a conn and ends it with a signal.
func serve(t *testing.T, signal syscall.Signal) {
	cmd := command(t, "serve", "--dev", "--addr", ":0")
	p := testkit.Start(t, cmd)
	url := p.Line(t, "  Open  ")
	if !strings.HasPrefix(url, "http://localhost:") || !strings.Contains(p.Output(), "DEVELOPMENT MODE") {
		t.Errorf("it says\n%s", p.Output())
	}
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 200 {
		t.Errorf("the page answers %d", res.StatusCode)
	}

	addr := strings.TrimSuffix(strings.TrimPrefix(url, "http://localhost"), "/")
	if out := fails(t, command(t, "serve", "--dev", "--addr", addr)); !strings.Contains(out, "in use") ||
		!strings.Contains(out, "--addr") {
		t.Errorf("a port in use is not explained:\n%s", out)
	}

	conn, err := ws.Dial(t.Context(), "ws"+strings.TrimPrefix(url, "http")+"ws?user=ann", ws.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	closed := make(chan ws.CloseInfo, 1)
	conn.OnClose(func(why ws.CloseInfo) { closed <- why })
	if err := cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	if why := testkit.Receive(t, "the close", closed); why.Code != 4003 || !strings.HasPrefix(why.Reason, "draining") {
		t.Errorf("closed with %+v", why)
	}
	p.Succeed(t)
}
