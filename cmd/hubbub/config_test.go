package main_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/auth"
	"github.com/hubbub-dev/hubbub/internal/testkit"
	"github.com/hubbub-dev/hubbub/ws"
)

// put writes a file into a directory and returns its path.
func put(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestConfigCommands(t *testing.T) {
	text := printed(t, command(t, "config", "default"))
	check := command(t, "config", "check")
	put(t, check.Dir, "hubbub.yaml", text)
	if out := fails(t, check); !strings.Contains(out, "auth.keys") {
		t.Errorf("the defaults let nobody in, and check says\n%s", out)
	}
	check = command(t, "config", "check", "--set", "auth.anonymous=true")
	put(t, check.Dir, "hubbub.yaml", text)
	if out := printed(t, check); out != "ok\n" {
		t.Errorf("check prints %q", out)
	}
	check = command(t, "config", "check", "--dev")
	check.Env = append(check.Env, "HUBBUB_LOG_LEVLE=debug")
	file := put(t, check.Dir, "hubbub.yaml", "adr: x\nlimits:\n  frames: 0\n")
	out := fails(t, check)
	for _, want := range []string{"hubbub.yaml:1: adr: there is no such setting; did you mean addr?", "hubbub.yaml:3: limits.frames: ",
		"HUBBUB_LOG_LEVLE: there is no such variable; did you mean HUBBUB_LOG_LEVEL?"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}

	show := command(t, "config", "show", "--set", "log.format=json", "--addr", ":9")
	show.Env = append(show.Env, "HUBBUB_CONFIG="+file, "HUBBUB_API_KEYS=[{name: a, key: hunter2hunter2hunter2}]")
	put(t, filepath.Dir(file), "hubbub.yaml", "node: n1\n")
	out = printed(t, show)
	for _, want := range []string{"node: n1  # " + file + ":1\n", "addr: \":9\"  # --addr\n", "format: json  # --set log.format\n",
		"key: (hidden)", "ping: 25s\n", "keys:  # HUBBUB_API_KEYS\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if strings.Contains(out, "hunter2") {
		t.Errorf("a secret is shown:\n%s", out)
	}
}

// TestServeInProduction runs the server as an operator would: a file, a secret in another file, metrics apart, a log in JSON.
func TestServeInProduction(t *testing.T) {
	const secret = "0123456789abcdef0123456789abcdef"
	addr, figures := testkit.FreeAddr(t), testkit.FreeAddr(t)
	cmd := command(t, "serve")
	put(t, cmd.Dir, "secret", secret+"\n")
	put(t, cmd.Dir, "hubbub.yaml", "auth:\n  keys: [{secret_file: secret}]\nlog: {format: json, level: debug}\nshutdown: {window: 10ms}\n")
	cmd.Env = append(cmd.Env, "HUBBUB_ADDR="+addr, "HUBBUB_METRICS_ADDR="+figures)
	p := testkit.Start(t, cmd)
	testkit.Listening(t, addr, p)
	testkit.Listening(t, figures, p)

	health := command(t, "health", "--addr", addr)
	health.Dir = cmd.Dir
	if out := printed(t, health); out != "ok\n" {
		t.Errorf("health prints %q", out)
	}
	ready := command(t, "health", "--ready")
	ready.Dir, ready.Env = cmd.Dir, cmd.Env
	if out := printed(t, ready); out != "ready\n" {
		t.Errorf("health --ready prints %q", out)
	}

	_, err := ws.Dial(t.Context(), "ws://"+addr+"/ws?user=ann", ws.DialOptions{})
	if err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("anyone is let in: %v", err)
	}
	token, err := auth.Sign(auth.Config{Keys: []auth.Key{{Secret: secret}}}, hubbub.Identity{User: "ann"}, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := ws.Dial(t.Context(), "ws://"+addr+"/websocket?token="+token, ws.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	welcome, closed := make(chan ws.Message, 10), make(chan ws.CloseInfo, 1)
	conn.OnMessage(func(m ws.Message) { welcome <- m })
	conn.OnClose(func(why ws.CloseInfo) { closed <- why })
	testkit.Receive(t, "the welcome", welcome)
	res, err := http.Get("http://" + figures + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 200 {
		t.Errorf("the figures answer %d", res.StatusCode)
	}

	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if why := testkit.Receive(t, "the close", closed); why.Code != 4003 {
		t.Errorf("closed with %+v", why)
	}
	p.Succeed(t)
	fails(t, command(t, "health", "--addr", addr))
	for line := range strings.Lines(p.Output()) {
		if !json.Valid([]byte(line)) {
			t.Errorf("this is not JSON: %s", line)
		}
	}
	if out := p.Output(); strings.Contains(out, token) || strings.Contains(out, secret) || !strings.Contains(out, `"msg":"http"`) {
		t.Errorf("the log has a secret, or no accesses:\n%s", out)
	}
}
