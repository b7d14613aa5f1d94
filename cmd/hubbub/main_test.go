package main_test

import (
	"errors"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/hubbub-dev/hubbub/internal/testkit"
	"github.com/hubbub-dev/hubbub/ws"
)

// build builds the command and returns its path.
func build(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "hubbub")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", path, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return path
}

// refused runs the command, which must fail, and returns what it prints.
func refused(t *testing.T, path string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), path, args...).CombinedOutput()
	if failed, ok := errors.AsType[*exec.ExitError](err); !ok || failed.ExitCode() <= 0 {
		t.Fatalf("hubbub %s ends with %v and prints\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func TestCommand(t *testing.T) {
	hubbub := build(t)

	out, err := exec.CommandContext(t.Context(), hubbub, "version").Output()
	if err != nil || !strings.HasPrefix(string(out), "hubbub ") || strings.Count(string(out), "\n") != 1 {
		t.Errorf("version prints %q, %v", out, err)
	}
	if out := refused(t, hubbub, "serve"); !strings.Contains(out, "hubbub serve --dev") {
		t.Errorf("serve without --dev does not say what to do:\n%s", out)
	}
	if out := refused(t, hubbub, "serve", "--dev", "--addr", "8080"); !strings.Contains(out, ":8080") {
		t.Errorf("a wrong address is not explained:\n%s", out)
	}

	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(signal.String(), func(t *testing.T) { serve(t, hubbub, signal) })
	}
}

// serve runs the server with a conn and ends it with a signal.
func serve(t *testing.T, hubbub string, signal syscall.Signal) {
	cmd := exec.Command(hubbub, "serve", "--dev", "--addr", ":0")
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
	if out := refused(t, hubbub, "serve", "--dev", "--addr", addr); !strings.Contains(out, "in use") ||
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
	if why := testkit.Receive(t, "the close", closed); why.Code != 4003 {
		t.Errorf("closed with %+v", why)
	}
	p.Succeed(t)
}
