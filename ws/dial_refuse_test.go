package ws_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/hubbub-dev/hubbub/ws"
)

func TestDialUsage(t *testing.T) {
	header := func(name, value string) ws.DialOptions { return ws.DialOptions{Header: http.Header{name: {value}}} }
	for _, tt := range []struct {
		url  string
		o    ws.DialOptions
		want string
	}{
		{"ftp://h/", ws.DialOptions{}, "use ws:// or wss://"},
		{"/chat", ws.DialOptions{}, "use ws:// or wss://"},
		{"", ws.DialOptions{}, "use ws:// or wss://"},
		{"localhost:80", ws.DialOptions{}, "use ws:// or wss://"},
		{"ws:///chat", ws.DialOptions{}, "without a host"},
		{"ws:chat", ws.DialOptions{}, "without a host"},
		{"ws://h/#top", ws.DialOptions{}, "escape # as %23"},
		{"ws://u:secret@h:port/", ws.DialOptions{}, "malformed URL"},
		{"ws://h/", ws.DialOptions{Subprotocols: []string{"a b"}}, "not a token"},
		{"ws://h/", ws.DialOptions{Subprotocols: []string{""}}, "not a token"},
		{"ws://h/", ws.DialOptions{Subprotocols: []string{"a", "b", "a"}}, "offered twice"},
		{"ws://h/", header("upgrade", "h2c"), "leave it out"},
		{"ws://h/", header("Connection", "close"), "leave it out"},
		{"ws://h/", header("sec-websocket-KEY", "x"), "leave it out"},
		{"ws://h/", header("Sec-WebSocket-Version", "8"), "leave it out"},
		{"ws://h/", header("Content-Length", "1"), "leave it out"},
		{"ws://h/", header("Transfer-Encoding", "chunked"), "leave it out"},
		{"ws://h/", header("Sec-WebSocket-Protocol", "x"), "DialOptions.Subprotocols"},
		{"ws://h/", header("Sec-WebSocket-Extensions", "x"), "DialOptions.Compression"},
		{"ws://h/", header("A B", "x"), "malformed name"},
		{"ws://h/", header("Cookie", "a\r\nHost: b"), "line break"},
	} {
		tt.o.NetDial = func(context.Context, string, string) (net.Conn, error) {
			t.Errorf("%s: was dialed", tt.url)
			return nil, io.EOF
		}
		_, err := ws.Dial(t.Context(), tt.url, tt.o)
		if err == nil || !strings.HasPrefix(err.Error(), "ws: dial: ") || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Dial(%q, %v): %v, want something with %q", tt.url, tt.o.Header, err, tt.want)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("the error tells a password: %v", err)
		}
	}
}

func TestDialAddresses(t *testing.T) {
	for given, want := range map[string]string{
		"ws://example.com":        "example.com:80",
		"http://example.com/":     "example.com:80",
		"wss://example.com?a=b":   "example.com:443",
		"https://example.com":     "example.com:443",
		"WSS://example.com:8443/": "example.com:8443",
		"ws://[::1]/":             "[::1]:80",
		"ws://[::1]:81/":          "[::1]:81",
		"ws://example.com:/":      "example.com:80",
	} {
		got := ""
		_, err := ws.Dial(t.Context(), given, ws.DialOptions{NetDial: func(_ context.Context, network, addr string) (net.Conn, error) {
			got = addr
			return nil, io.EOF
		}})
		if got != want || !errors.Is(err, io.EOF) {
			t.Errorf("Dial(%q) connects to %q, want %q: %v", given, got, want, err)
		}
	}
}

// A server that does not speak the protocol rightly is refused, and the error tells why.
func TestDialRefusesWrongHandshakes(t *testing.T) {
	for name, tt := range map[string]struct {
		reply  func(accept string) string
		o      ws.DialOptions
		status int // of the HandshakeError; 0 means another error
		want   string
	}{
		"accept of another key": {
			reply:  func(string) string { return switching("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "") },
			status: 101, want: "Sec-WebSocket-Accept does not answer",
		},
		"no accept":   {reply: func(string) string { return switching("", "") }, status: 101, want: "Sec-WebSocket-Accept"},
		"two accepts": {reply: func(a string) string { return switching(a, "Sec-WebSocket-Accept: "+a+"\r\n") }, status: 101, want: "Accept"},
		"no upgrade": {
			reply:  func(a string) string { return strings.Replace(switching(a, ""), "Upgrade: websocket\r\n", "", 1) },
			status: 101, want: "Upgrade: websocket",
		},
		"other upgrade": {
			reply:  func(a string) string { return strings.Replace(switching(a, ""), ": websocket", ": h2c", 1) },
			status: 101, want: "h2c",
		},
		"no connection": {
			reply:  func(a string) string { return strings.Replace(switching(a, ""), "Connection: Upgrade\r\n", "", 1) },
			status: 101, want: "Connection: Upgrade",
		},
		"HTTP/1.0": {
			reply:  func(a string) string { return strings.Replace(switching(a, ""), "HTTP/1.1", "HTTP/1.0", 1) },
			status: 101, want: "HTTP/1.0",
		},
		"subprotocol not offered": {
			reply:  func(a string) string { return switching(a, "Sec-WebSocket-Protocol: chat\r\n") },
			status: 101, want: "not offered",
		},
		"other subprotocol": {
			reply:  func(a string) string { return switching(a, "Sec-WebSocket-Protocol: Chat\r\n") },
			o:      ws.DialOptions{Subprotocols: []string{"chat"}},
			status: 101, want: "not offered",
		},
		"no subprotocol": {
			reply:  func(a string) string { return switching(a, "") },
			o:      ws.DialOptions{Subprotocols: []string{"chat"}},
			status: 101, want: "none of the offered",
		},
		"two subprotocols": {
			reply: func(a string) string {
				return switching(a, "Sec-WebSocket-Protocol: a\r\nSec-WebSocket-Protocol: b\r\n")
			},
			o:      ws.DialOptions{Subprotocols: []string{"a", "b"}},
			status: 101, want: "several",
		},
		"extension not offered": {
			reply:  func(a string) string { return switching(a, "Sec-WebSocket-Extensions: permessage-deflate\r\n") },
			status: 101, want: "none was offered",
		},
		"other extension": {
			reply:  func(a string) string { return switching(a, "Sec-WebSocket-Extensions: bzip\r\n") },
			o:      ws.DialOptions{Compression: ws.Compression{Mode: ws.CompressionShared}},
			status: 101, want: "unknown extension",
		},
		"redirect": {
			reply: func(string) string {
				return "HTTP/1.1 301 Moved Permanently\r\nLocation: wss://b.example/\r\nContent-Length: 0\r\n\r\n"
			},
			status: 301, want: `to "wss://b.example/"; redirects are not followed`,
		},
		"web page": {
			reply:  func(string) string { return "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi" },
			status: 200, want: "no WebSocket",
		},
		"refusal": {
			reply:  func(string) string { return "HTTP/1.1 401 Unauthorized\r\nContent-Length: 15\r\n\r\ntoken expired\r\n" },
			status: 401, want: `401 Unauthorized: "token expired"`,
		},
		"huge header": {
			reply: func(a string) string {
				return switching(a, strings.Repeat("A: "+strings.Repeat("b", 1000)+"\r\n", 100))
			},
			want: "more than 65536 bytes",
		},
		"huge line":   {reply: func(string) string { return strings.Repeat("H", 100_000) }, want: "more than 65536 bytes"},
		"other words": {reply: func(string) string { return "SSH-2.0-OpenSSH_9.2\r\n\r\n" }, want: "malformed HTTP"},
		"endless interim responses": {
			reply: func(string) string { return strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", 100) },
			want:  "interim responses",
		},
	} {
		t.Run(name, func(t *testing.T) {
			noLeaks(t)
			_, err := ws.Dial(t.Context(), byHand(t, tt.reply)+"/?token=secret", tt.o)
			if err == nil {
				t.Fatal("was accepted")
			}
			if !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "secret") || strings.Count(err.Error(), "ws: ") != 1 {
				t.Errorf("error %q, want one with %q", err, tt.want)
			}
			var answered *ws.HandshakeError
			if errors.As(err, &answered) != (tt.status != 0) || answered != nil && answered.Status != tt.status {
				t.Errorf("%#v, want one with status %d", answered, tt.status)
			}
		})
	}
}

func TestDialKeepsTheBeginningOfARefusal(t *testing.T) {
	noLeaks(t)
	page := strings.Repeat("0123456789abcdef", 1<<12)
	hs := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusServiceUnavailable)
		w.(http.Flusher).Flush() // so that it is chunked
		io.WriteString(w, page)
	}))
	t.Cleanup(hs.Close)
	_, err := ws.Dial(t.Context(), hs.URL, ws.DialOptions{})
	var refused *ws.HandshakeError
	if !errors.As(err, &refused) {
		t.Fatal(err)
	}
	if refused.Header.Get("Retry-After") != "7" || string(refused.Body) != page[:4<<10] {
		t.Errorf("header %v, %d bytes of body", refused.Header, len(refused.Body))
	}
}
