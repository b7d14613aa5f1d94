package gateway_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway"
	"github.com/hubbub-dev/hubbub/gateway/auth"
	"github.com/hubbub-dev/hubbub/internal/testkit"
	"github.com/hubbub-dev/hubbub/ws"
)

const (
	tokenKey = "a-secret-of-the-login-of-32-bytes-or-more"
	apiKey   = "hub_KEYOFABACKENDKEYOFABACKEND"
)

// production is a config without development mode: it takes tokens, and a backend may do everything.
func production() gateway.Config {
	return gateway.Config{
		Auth:     gateway.AuthConfig{Config: auth.Config{Keys: []auth.Key{{Secret: tokenKey}}}},
		API:      gateway.APIConfig{Keys: []gateway.APIKeyConfig{{Name: "backend", Key: apiKey}}},
		Limits:   gateway.LimitsConfig{HandshakesPerAddress: gateway.RateConfig{PerSecond: -1}},
		Shutdown: gateway.ShutdownConfig{Window: -1},
		Logger:   slog.New(slog.DiscardHandler),
	}
}

// sign makes the token that the login of a production config would.
func sign(t *testing.T, id hubbub.Identity, ttl time.Duration) string {
	t.Helper()
	return signBy(t, tokenKey, id, ttl)
}

func signBy(t *testing.T, key string, id hubbub.Identity, ttl time.Duration) string {
	t.Helper()
	token, err := auth.Sign(auth.Config{Keys: []auth.Key{{Secret: key}}}, id, ttl)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func tokenOf(t *testing.T, user string) string {
	return sign(t, hubbub.Identity{User: user}, time.Hour)
}

// passwordFile is an htpasswd file with one user.
func passwordFile(t *testing.T, user, password string) string {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "users")
	if err := os.WriteFile(name, fmt.Appendf(nil, "%s:%s\n", user, hash), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// plainLog logs everything, without the net that hides secrets.
func plainLog(b *buffer) *slog.Logger {
	return slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// api calls the HTTP API as the backend and returns the body of its answer.
func (r running) api(t *testing.T, method, path, body string) json.RawMessage {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, r.url("http", "/api/v1"+path), strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+apiKey)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode/100 != 2 {
		t.Fatalf("%s %s answers %s %s (%v)", method, path, res.Status, answer, err)
	}
	return answer
}

// ticketFor takes a ticket out.
func (r running) ticketFor(t *testing.T, user string) string {
	t.Helper()
	return decode[struct{ Ticket string }](t, r.api(t, "POST", "/tickets", `{"user":"`+user+`"}`)).Ticket
}

// sessionsOf are the devices of a user's open sessions, as a backend sees them.
func (r running) sessionsOf(t *testing.T, user string) []string {
	t.Helper()
	var devices []string
	for _, s := range decode[struct{ Sessions []struct{ Device string } }](t, r.api(t, "GET", "/users/"+user, "")).Sessions {
		devices = append(devices, s.Device)
	}
	return devices
}

// figures are what /metrics says.
func (r running) figures(t *testing.T) string {
	t.Helper()
	_, text := get(t, r.Handler(), "/metrics")
	return text
}

// creds is what a client brings to a handshake.
type creds struct {
	query  string
	header http.Header
	offers []string // subprotocols
}

func bearer(token string) creds {
	return creds{header: http.Header{"Authorization": {"Bearer " + token}}}
}

// with adds a header.
func (c creds) with(name, value string) creds {
	c.header = c.header.Clone()
	if c.header == nil {
		c.header = http.Header{}
	}
	c.header.Set(name, value)
	return c
}

// enter signs in.
func (r running) enter(t *testing.T, c creds) (*peer, error) {
	t.Helper()
	return r.dial(t, c.query, ws.DialOptions{Header: c.header, Subprotocols: c.offers})
}

// as signs in with a token, and takes the welcome.
func (r running) as(t *testing.T, token, query string) *peer {
	t.Helper()
	p, err := r.enter(t, creds{query: query, header: http.Header{"Authorization": {"Bearer " + token}}})
	if err != nil {
		t.Fatal(err)
	}
	p.expect(t, "welcome")
	return p
}

// outcome is how a handshake or a plain GET ended.
type outcome struct {
	status               int // 101 for a handshake that was accepted
	user, detail, reason string
	challenges           []string
}

func (o outcome) String() string {
	return fmt.Sprintf("%d %s%s %q %q", o.status, o.user, o.reason, o.detail, o.challenges)
}

func refusedAs(status int, h http.Header, body []byte) outcome {
	o := outcome{status: status, challenges: h["Www-Authenticate"], detail: string(body)}
	var p struct{ Detail, Reason string }
	if h.Get("Content-Type") == "application/problem+json" && json.Unmarshal(body, &p) == nil {
		o.detail, o.reason = p.Detail, p.Reason
	}
	return o
}

// handshake tells how signing in ends.
func (r running) handshake(t *testing.T, c creds) outcome {
	t.Helper()
	p, err := r.enter(t, c)
	if refused, ok := errors.AsType[*ws.HandshakeError](err); ok {
		return refusedAs(refused.Status, refused.Header, refused.Body)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer p.conn.Terminate()
	return outcome{status: 101, user: decode[struct{ User string }](t, p.expect(t, "welcome").Params).User}
}

// diagnose asks by a plain GET how signing in would end.
func (r running) diagnose(t *testing.T, c creds) outcome {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", r.url("http", "/ws?"+c.query), nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range c.header {
		req.Header[name] = values
	}
	if len(c.offers) > 0 {
		req.Header.Set("Sec-WebSocket-Protocol", strings.Join(c.offers, ", "))
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != 200 {
		return refusedAs(res.StatusCode, res.Header, text)
	}
	return outcome{status: 101, user: decode[struct{ User string }](t, text).User}
}

// numbers may differ from one moment to the next, as in "has expired 3 s ago".
var numbers = regexp.MustCompile(`[0-9]+`)

// ends signs in both ways, which must end alike, and tells how. Each way gets credentials of its own, since a ticket is
// good once.
func (r running) ends(t *testing.T, name string, c func() creds) outcome {
	t.Helper()
	met, told := r.handshake(t, c()), r.diagnose(t, c())
	same := met.status == told.status && numbers.ReplaceAllString(met.String(), "") == numbers.ReplaceAllString(told.String(), "")
	if !same && !strings.HasPrefix(met.user, "anon-") {
		t.Errorf("%s: the handshake ends with %v, a plain GET with %v", name, met, told)
	}
	return met
}

// rawHandshake opens a WebSocket by hand and returns the bare socket. The lines are header lines.
func (r running) rawHandshake(t *testing.T, path string, lines ...string) (net.Conn, *bufio.Reader, *http.Response) {
	t.Helper()
	c := r.socket(t, "")
	var req bytes.Buffer
	fmt.Fprintf(&req, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", path, r.addr)
	for _, line := range lines {
		req.WriteString(line + "\r\n")
	}
	req.WriteString("\r\n")
	if _, err := c.Write(req.Bytes()); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(c)
	res, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c, in, res
}

// socket opens a TCP connection from an address of this machine, "" for any, that gives up when nothing comes for too long.
func (r running) socket(t *testing.T, from string) net.Conn {
	t.Helper()
	c, err := dialFrom(from)(t.Context(), "tcp", r.addr.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(testkit.Patience)); err != nil {
		t.Fatal(err)
	}
	return c
}

// dialFrom dials from another address of this machine.
func dialFrom(ip string) func(context.Context, string, string) (net.Conn, error) {
	var d net.Dialer
	if ip != "" {
		d.LocalAddr = &net.TCPAddr{IP: net.ParseIP(ip)}
	}
	return d.DialContext
}

// closes waits for the close with a code and word.
func (p *peer) closes(t *testing.T, code ws.Code, word string) {
	t.Helper()
	if why := testkit.Receive(t, fmt.Sprint("the close with ", code), p.closed); why.Code != code || why.Reason != word {
		t.Errorf("closed with %d %q, want %d %q", why.Code, why.Reason, code, word)
	}
}

// refused is try for what must fail, with a reason.
func (p *peer) refused(t *testing.T, reason, method, params string) frame {
	t.Helper()
	f := p.try(t, method, params)
	if f.Error == nil || f.Error.Data.Reason != reason || f.Error.Message == "" {
		t.Errorf("%s %.100s: %v, want %s", method, params, f, reason)
	}
	return f
}
