package main_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hubbub-dev/hubbub/client"
	"github.com/hubbub-dev/hubbub/internal/testkit"
	"github.com/hubbub-dev/hubbub/ws"
)

// shell runs commands against a gateway in development mode.
type shell struct {
	hubbub string // the program
	addr   string // of the gateway
	key    string // for its HTTP API
}

func newShell(t *testing.T) *shell {
	s := &shell{hubbub: build(t), key: "a key for these tests"}
	config := filepath.Join(t.TempDir(), "hubbub.yaml")
	if err := os.WriteFile(config, []byte("api:\n  keys:\n    - name: tests\n      key: "+s.key+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	serve := exec.Command(s.hubbub, "serve", "--dev", "--addr", "127.0.0.1:0", "--config", config)
	serve.Dir = t.TempDir()
	p := testkit.Start(t, serve)
	s.addr = strings.TrimSuffix(strings.TrimPrefix(p.Line(t, "  Open  "), "http://"), "/")
	return s
}

// command prepares one; HUBBUB_URL and HUBBUB_API_KEY are set.
func (s *shell) command(t *testing.T, input string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(t.Context(), s.hubbub, args...)
	cmd.Env = append(os.Environ(), "HUBBUB_URL=http://"+s.addr, "HUBBUB_API_KEY="+s.key)
	cmd.Stdin = strings.NewReader(input)
	return cmd
}

// run runs one to its end.
func (s *shell) run(t *testing.T, input string, args ...string) (out, aside string, code int) {
	t.Helper()
	cmd := s.command(t, input, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		code = failed.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	return stdout.String(), stderr.String(), code
}

// as is the gateway's URL for a user of development mode.
func (s *shell) as(user string) string { return s.addr + "/?user=" + user }

func TestConnectAndPublish(t *testing.T) {
	s := newShell(t)
	t.Run("connect", s.connect)
	t.Run("publish", s.publish)
	t.Run("any server", s.anyServer)
}

func (s *shell) connect(t *testing.T) {
	nobody := testkit.FreeAddr(t)
	for _, c := range []struct {
		name, input string
		args        string
		code        int
		out, aside  string // what is printed, at least
		echo        string // what is printed, or nothing: it comes while the command ends
	}{
		{name: "chat", args: "--room chat --send hi --send {\"x\":1} --count 2 " + s.as("ann"), out: "#chat ann: hi\n#chat ann: {\"x\":1}\n", aside: "* connected as ann"},
		{name: "piped chat", input: "one\n//two\n", args: "--room piped --count 2 " + s.as("ann"), out: "#piped ann: one\n#piped ann: /two\n"},
		{name: "private", args: "--user bob --send psst --count 1 " + s.as("ann"), out: "@bob ann: psst\n"},
		{name: "quit", input: "/quit\nnever\n", args: "--room quit --count 1 " + s.as("ann")},
		{name: "only sent", args: "--room later --send hi " + s.as("ann"), echo: "#later ann: hi\n"},
		{name: "history", args: "--room later --history 5 --count 1 " + s.as("ann"), out: "#later ann: hi\n"},
		{name: "no history", args: "--room later --wait 1ms " + s.as("ann"), out: ""},
		{name: "by hand", input: `{"id":7,"method":"ping"}`, args: "--count 2 " + s.addr + "/ws?user=ann", out: `"id":7,"result":{"time":`},
		{name: "by hand in JSON", input: `{"id":7,"method":"x"}`, args: "--json --count 2 " + s.addr + "/ws?user=ann", out: `"event":"message"`},
		{name: "nobody listens", args: "--send hi " + nobody, code: 2, aside: "nothing listens there: is the server running"},
		{name: "no TLS", args: "--send hi wss://" + s.addr + "/ws?user=ann", code: 2, aside: "try ws://"},
		{name: "no WebSocket", args: "--send hi " + s.addr + "/nowhere", code: 3, aside: "404"},
		{name: "bad token", args: "--room chat --token x " + s.as("ann"), code: 3, aside: "401"},
		{name: "bad name", args: "--room chat " + s.as("a%20b"), code: 3, aside: "user"},
		{name: "bad room", args: "--room { --send x " + s.as("ann"), code: 1, aside: "join the room"},
		{name: "too few", args: "--room few --wait 1ms --count 1 " + s.as("ann"), code: 5, aside: "0 of 1"},
		{name: "bad URL", args: "ws://", code: 1, aside: "localhost:8080/ws"},
		{name: "bad header", args: "--header nonsense " + s.as("ann"), code: 1, aside: "colon"},
		{name: "bad flag", args: "--bogus x", code: 80, aside: "bogus"},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, aside, code := s.run(t, c.input, append([]string{"connect"}, strings.Fields(c.args)...)...)
			if code != c.code || !strings.Contains(out, c.out) || !strings.Contains(aside, c.aside) || c.out == "" && c.code == 0 && out != "" && out != c.echo {
				t.Errorf("connect %s ends with %d, want %d, and prints\n%s\nand aside\n%s", c.args, code, c.code, out, aside)
			}
		})
	}
}

func (s *shell) publish(t *testing.T) {
	listener := testkit.Start(t, s.command(t, "", "connect", "--room", "lobby", "--json", "--count", "3", "--device", "d1", s.as("ann")))
	api := client.API{URL: "http://" + s.addr, Key: s.key}
	testkit.Eventually(t, "ann to be in the lobby", func() bool {
		room, err := api.Room(t.Context(), "lobby", "", 0)
		return err == nil && len(room.Users) == 1
	})

	keyFile := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(keyFile, []byte(s.key+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"--room", "lobby", "--key", "k", `{"text":"room"}`},
		{"--user", "ann", "--device", "d1", `"user"`},
		{"--all", "--api-key-file", keyFile},
	} {
		out, aside, code := s.run(t, "[\"all\"]\n", append([]string{"publish"}, args...)...)
		var sent client.Published
		if err := json.Unmarshal([]byte(out), &sent); code != 0 || err != nil || sent.ID == "" {
			t.Errorf("publish %v ends with %d and prints\n%s%s", args, code, out, aside)
		}
	}
	listener.Succeed(t)
	for _, want := range []string{`"event":"room.message"`, `"data":{"text":"room"}`, `"event":"user.message"`, `"data":"user"`,
		`"event":"broadcast"`, `"data":["all"]`} {
		if !strings.Contains(listener.Output(), want) {
			t.Errorf("the listener does not print %s, but\n%s", want, listener.Output())
		}
	}

	for _, c := range []struct {
		args  []string
		code  int
		aside string
	}{
		{[]string{"--room", "lobby", "hi"}, 1, "not JSON"},
		{[]string{"--room", "lobby", "--device", "d1", "1"}, 1, "--user"},
		{[]string{"--user", "ann", "--collapse", "k", "1"}, 1, "--room"},
		{[]string{"1"}, 80, "--room"},
		{[]string{"--user", "nobody", "1"}, 3, "not_found"},
		{[]string{"--all", "--url", "http://" + testkit.FreeAddr(t), "1"}, 2, "nothing listens there: is the server running"},
		{[]string{"--all", "--url", "https://" + s.addr, "1"}, 2, "no TLS"},
	} {
		if _, aside, code := s.run(t, "", append([]string{"publish"}, c.args...)...); code != c.code || !strings.Contains(aside, c.aside) {
			t.Errorf("publish %v ends with %d, want %d, and says\n%s", c.args, code, c.code, aside)
		}
	}
}

// anyServer is one that knows nothing of hubbub.
func (s *shell) anyServer(t *testing.T) {
	srv := ws.NewServer(ws.Options{Subprotocols: []string{"echo.v1"}, Headers: []string{"X-Who", "Authorization"}, Logger: slog.New(slog.DiscardHandler)})
	t.Cleanup(func() {
		if err := srv.Shutdown(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	router := ws.NewRouter(srv)
	router.Handle("/echo", func(c *ws.Conn) {
		_ = c.Send(ws.Text(c.Header("X-Who") + " " + c.Header("Authorization") + " " + c.Subprotocol()))
		c.OnMessage(func(m ws.Message) { _ = c.Send(m) })
	})
	router.Handle("/bye/{code}", func(c *ws.Conn) {
		code := map[string]ws.Code{"1000": 1000, "4001": 4001}[c.PathValue("code")]
		_ = c.Close(code, "enough")
	})
	server := httptest.NewUnstartedServer(http.Handler(router))
	certificate := testkit.SelfSigned(t)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate.TLS}}
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of the client that does not trust it
	server.StartTLS()
	t.Cleanup(server.Close)
	url := "wss" + strings.TrimPrefix(server.URL, "https")

	for _, c := range []struct {
		args  []string
		code  int
		out   string
		aside string
	}{
		{[]string{"--ca", certificate.CertFile, "-H", "X-Who: me", "--token", "t", "--subprotocol", "echo.v1", "--send", "hi", "--count", "2",
			url + "/echo"}, 0, "me Bearer t echo.v1\nhi\n", "echo.v1"},
		{[]string{"--insecure", "--send", "hi", "--count", "2", url + "/echo"}, 0, "hi\n", "connected"},
		{[]string{"--send", "hi", url + "/echo"}, 2, "", "certificate"},
		{[]string{"--insecure", "--count", "1", url + "/bye/1000"}, 0, "", ""},
		{[]string{"--insecure", "--count", "1", url + "/bye/4001"}, 4, "", "enough"},
	} {
		out, aside, code := s.run(t, "", append([]string{"connect"}, c.args...)...)
		if code != c.code || !strings.HasSuffix(out, c.out) || !strings.Contains(aside, c.aside) {
			t.Errorf("connect %v ends with %d, want %d, and prints\n%s\nand aside\n%s", c.args, code, c.code, out, aside)
		}
	}
}
