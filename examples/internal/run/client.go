package run

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"reflect"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub/ws"
)

// Client is a conn of a test, read step by step.
type Client struct {
	*ws.Conn
	messages chan ws.Message
	closed   chan ws.CloseInfo
}

// Dial connects and fails the test when that is refused. The conn is dropped at the end of the test.
func Dial(t testing.TB, url string, o ws.DialOptions) *Client {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn, err := ws.Dial(ctx, url, o)
	if err != nil {
		t.Fatalf("dial %s: %v", url, err)
	}
	c := &Client{Conn: conn, messages: make(chan ws.Message, 1024), closed: make(chan ws.CloseInfo, 1)}
	conn.OnMessage(func(m ws.Message) { c.messages <- m })
	conn.OnClose(func(why ws.CloseInfo) { c.closed <- why })
	t.Cleanup(conn.Terminate)
	return c
}

// Refused dials and expects an HTTP answer instead of a conn.
func Refused(t testing.TB, url string, o ws.DialOptions) *ws.HandshakeError {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn, err := ws.Dial(ctx, url, o)
	if err == nil {
		conn.Terminate()
		t.Fatalf("dial %s: connected, want a refusal", url)
	}
	var refused *ws.HandshakeError
	if !errors.As(err, &refused) {
		t.Fatalf("dial %s: %v, want a *ws.HandshakeError", url, err)
	}
	return refused
}

// Next is the next message.
func (c *Client) Next(t testing.TB) ws.Message {
	t.Helper()
	select {
	case m := <-c.messages:
		return m
	case <-time.After(patience):
		t.Fatal("no message came")
		return ws.Message{}
	}
}

// NextOrClosed is the next message, or nil and why the conn ended without one.
func (c *Client) NextOrClosed(t testing.TB) (*ws.Message, ws.CloseInfo) {
	t.Helper()
	select {
	case m := <-c.messages:
		return &m, ws.CloseInfo{}
	case why := <-c.closed:
		return nil, why
	case <-time.After(patience):
		t.Fatal("neither a message nor a close came")
		return nil, ws.CloseInfo{}
	}
}

// Want expects the next message to be this text.
func (c *Client) Want(t testing.TB, text string) {
	t.Helper()
	if m := c.Next(t); m.Binary || string(m.Data) != text {
		t.Fatalf("got %q (binary %v), want the text %q", m.Data, m.Binary, text)
	}
}

// WantJSON expects the next message to be the same JSON value.
func (c *Client) WantJSON(t testing.TB, want string) {
	t.Helper()
	m := c.Next(t)
	var a, b any
	if err := json.Unmarshal([]byte(want), &b); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(m.Data, &a); err != nil || !reflect.DeepEqual(a, b) {
		t.Fatalf("got %s, want %s (%v)", m.Data, want, err)
	}
}

// Say sends a text message.
func (c *Client) Say(t testing.TB, text string) {
	t.Helper()
	if err := c.Send(ws.Text(text)); err != nil {
		t.Fatalf("send %q: %v", text, err)
	}
}

// Closed waits for the conn to end.
func (c *Client) Closed(t testing.TB) ws.CloseInfo {
	t.Helper()
	select {
	case why := <-c.closed:
		return why
	case <-time.After(patience):
		t.Fatal("the conn was not closed")
		return ws.CloseInfo{}
	}
}

// Do makes an HTTP request and returns the answer with its whole body.
func Do(t testing.TB, method, url string, body io.Reader, header http.Header) (*http.Response, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range header {
		req.Header[name] = values
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(text)
}

// Get is Do for the most common case.
func Get(t testing.TB, url string) (int, string) {
	t.Helper()
	resp, body := Do(t, http.MethodGet, url, nil, nil)
	return resp.StatusCode, body
}
