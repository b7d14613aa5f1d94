package ws_test

import (
	"bufio"
	"context"
	"crypto/sha1"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub/ws"
)

// noLeaks fails the test if it leaves goroutines behind. It is to be called first, so that it looks last.
func noLeaks(t *testing.T) {
	t.Helper()
	before := runtime.NumGoroutine()
	t.Cleanup(func() {
		late := time.After(10 * time.Second)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for runtime.NumGoroutine() > before {
			select {
			case <-tick.C:
			case <-late:
				stacks := make([]byte, 1<<20)
				t.Errorf("%d goroutines were there before, now:\n%s", before, stacks[:runtime.Stack(stacks, true)])
				return
			}
		}
	})
}

// byHand is a server that answers one request with the bytes that reply returns for the right Sec-WebSocket-Accept, and then says nothing
// until the test ends.
func byHand(t *testing.T, reply func(accept string) string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		nc, err := l.Accept()
		if err != nil {
			return
		}
		defer nc.Close()
		if req, err := http.ReadRequest(bufio.NewReader(nc)); err == nil {
			io.WriteString(nc, reply(acceptFor(req)))
		}
		io.Copy(io.Discard, nc) // until the client has hung up
	}()
	t.Cleanup(func() {
		l.Close()
		<-served
	})
	return "ws://" + l.Addr().String()
}

// acceptFor is the answer to the request's key (RFC 6455, section 4.2.2).
func acceptFor(req *http.Request) string {
	sum := sha1.Sum([]byte(req.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// switching is a correct answer, with more header lines and with what follows the header.
func switching(accept string, lines string, rest ...byte) string {
	return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + accept + "\r\n" +
		lines + "\r\n" + string(rest)
}

func TestDialTellsWhatWasAgreed(t *testing.T) {
	noLeaks(t)
	var seen *http.Request
	srv := ws.NewServer(ws.Options{Subprotocols: []string{"chat"}, Compression: ws.Compression{Mode: ws.CompressionShared}})
	hs := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = r.Clone(context.Background())
		srv.Upgrade(w, r)
	}))
	t.Cleanup(hs.Close)
	addr := strings.TrimPrefix(hs.URL, "http://")
	c, err := ws.Dial(t.Context(), "http://ann:s%3Acret@"+addr+"/a%20b?x=1", ws.DialOptions{
		Header:       http.Header{"Host": {"chat.example"}, "origin": {"http://chat.example"}, "Cookie": {"a=1"}},
		Subprotocols: []string{"other", "chat"},
		Compression:  ws.Compression{Mode: ws.CompressionTakeover},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := c.URL().String(), "ws://"+addr+"/a%20b?x=1"; got != want || c.Query().Get("x") != "1" {
		t.Errorf("URL %s, want %s", got, want)
	}
	if c.RemoteAddr().String() != addr || c.TLS() != nil || c.State() != ws.Open || c.ID() == 0 {
		t.Errorf("remote %v, TLS %v, state %v, id %d", c.RemoteAddr(), c.TLS(), c.State(), c.ID())
	}
	if c.Subprotocol() != "chat" || !strings.HasPrefix(c.Extensions(), "permessage-deflate;") {
		t.Errorf("subprotocol %q, extensions %q", c.Subprotocol(), c.Extensions())
	}
	user, password, _ := seen.BasicAuth()
	if seen.Host != "chat.example" || user != "ann" || password != "s:cret" || seen.Header.Get("Cookie") != "a=1" || seen.RequestURI != "/a%20b?x=1" {
		t.Errorf("server saw %s %s with %v", seen.Host, seen.RequestURI, seen.Header)
	}
	end(t, srv)
	<-c.Context().Done()
}

// end shuts a server down.
func end(t *testing.T, srv *ws.Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := srv.Shutdown(ctx); err != nil {
		t.Error(err)
	}
}

// secure serves a router over TLS, with event loops or with goroutines, and returns the address and the roots that know it.
func secure(t *testing.T, wrap func(net.Listener) net.Listener) (addr string, roots *x509.CertPool) {
	t.Helper()
	srv := ws.NewServer(ws.Options{})
	router := ws.NewRouter(srv)
	router.Handle("/", func(c *ws.Conn) {
		c.OnMessage(func(m ws.Message) { c.Send(m) })
	})
	hs := httptest.NewUnstartedServer(router)
	hs.Config.ErrorLog = log.New(io.Discard, "", 0)
	hs.Listener = wrap(hs.Listener)
	hs.EnableHTTP2 = true
	hs.TLS = &tls.Config{NextProtos: []string{"h2", "http/1.1"}} // Dial must not let itself be drawn into HTTP/2
	hs.StartTLS()
	t.Cleanup(hs.Close)
	t.Cleanup(func() { end(t, srv) })
	roots = x509.NewCertPool()
	roots.AddCert(hs.Certificate())
	return strings.TrimPrefix(hs.URL, "https://"), roots
}

func TestDialTLS(t *testing.T) {
	for name, wrap := range map[string]func(net.Listener) net.Listener{
		"on the loop":     ws.Listen,
		"with goroutines": func(l net.Listener) net.Listener { return l },
	} {
		t.Run(name, func(t *testing.T) {
			noLeaks(t)
			addr, roots := secure(t, wrap)
			for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
				c, err := ws.Dial(t.Context(), "wss://"+addr, ws.DialOptions{TLS: &tls.Config{
					RootCAs: roots, MinVersion: version, MaxVersion: version, NextProtos: []string{"h2"},
				}})
				if err != nil {
					t.Fatal(err)
				}
				if state := c.TLS(); state == nil || state.Version != version || state.NegotiatedProtocol != "http/1.1" {
					t.Errorf("TLS state %+v", state)
				}
				echoes(t, c)
			}
		})
	}
}

// echoes sends small and large messages to an echo and closes.
func echoes(t *testing.T, c *ws.Conn) {
	t.Helper()
	got, closed := make(chan string, 4), make(chan ws.CloseInfo, 1)
	c.OnMessage(func(m ws.Message) { got <- m.String() })
	c.OnClose(func(why ws.CloseInfo) { closed <- why })
	for _, text := range []string{"small", strings.Repeat("large ", 100_000), ""} {
		if err := c.Send(ws.Text(text)); err != nil {
			t.Fatal(err)
		}
		if echo := within(t, got); echo != text {
			t.Errorf("%d bytes came back of %d", len(echo), len(text))
		}
	}
	c.Close(ws.CodeNormal, "done")
	if why := within(t, closed); why.Code != ws.CodeNormal || why.Reason != "done" || why.Err != nil {
		t.Errorf("closed with %v", why)
	}
}

// within receives, but not for ever.
func within[T any](t *testing.T, from <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-from:
	case <-time.After(10 * time.Second):
		t.Fatal("waited in vain")
	}
	return v
}

func TestDialRefusesAWrongCertificate(t *testing.T) {
	noLeaks(t)
	addr, roots := secure(t, ws.Listen)
	_, port, _ := net.SplitHostPort(addr)
	for name, config := range map[string]*tls.Config{
		"unknown authority": nil,
		"other name":        {RootCAs: roots, ServerName: "other.invalid"},
	} {
		_, err := ws.Dial(t.Context(), "wss://127.0.0.1:"+port, ws.DialOptions{TLS: config})
		var wrong *tls.CertificateVerificationError
		if !errors.As(err, &wrong) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

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

// Frames that came in one packet with the handshake are not lost, and wait for their handler; so does the end.
func TestDialKeepsWhatCameWithTheHandshake(t *testing.T) {
	for _, setLate := range []bool{false, true} {
		t.Run(fmt.Sprint(setLate), func(t *testing.T) {
			noLeaks(t)
			frames := []byte("\x81\x05hello\x01\x02wo\x80\x03rld\x88\x05\x03\xe8bye")
			c, err := ws.Dial(t.Context(), byHand(t, func(accept string) string {
				return "HTTP/1.1 103 Early Hints\r\n\r\n" + switching(accept, "", frames...)
			}), ws.DialOptions{CloseTimeout: 50 * time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			if setLate {
				<-c.Context().Done()
			}
			got, closed := make(chan string, 4), make(chan ws.CloseInfo, 1)
			c.OnMessage(func(m ws.Message) { got <- m.String() })
			c.OnClose(func(why ws.CloseInfo) { closed <- why })
			if first, second := within(t, got), within(t, got); first != "hello" || second != "world" {
				t.Errorf("received %q and %q", first, second)
			}
			if why := within(t, closed); why.Code != ws.CodeNormal || why.Reason != "bye" {
				t.Errorf("closed with %v", why)
			}
		})
	}
}

// Who only wants to know of the end is told, also when messages have come that nobody asked for.
func TestDialedConnTellsItsEndWithoutMessageHandler(t *testing.T) {
	noLeaks(t)
	c, err := ws.Dial(t.Context(), byHand(t, func(accept string) string {
		return switching(accept, "", []byte("\x81\x05hello\x88\x00")...)
	}), ws.DialOptions{CloseTimeout: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	closed := make(chan ws.CloseInfo, 1)
	c.OnClose(func(why ws.CloseInfo) { closed <- why })
	if why := within(t, closed); why.Code != ws.CodeNoStatus {
		t.Errorf("closed with %v", why)
	}
}

func TestDialContext(t *testing.T) {
	enough := errors.New("enough")
	silent := func(string) string { return "" }
	half := func(string) string { return "HTTP/1.1 101 Switching Protocols\r\nUpg" }
	for name, tt := range map[string]struct {
		reply   func(string) string
		scheme  string
		options ws.DialOptions
		limit   func(context.Context) (context.Context, context.CancelFunc)
		want    error
	}{
		"deadline, no answer":   {reply: silent, limit: deadline, want: context.DeadlineExceeded},
		"deadline, half header": {reply: half, limit: deadline, want: context.DeadlineExceeded},
		"deadline in TLS":       {reply: silent, scheme: "wss", limit: deadline, want: context.DeadlineExceeded},
		"timeout":               {reply: half, options: ws.DialOptions{Timeout: 50 * time.Millisecond}, limit: context.WithCancel, want: context.DeadlineExceeded},
		"cancelled before": {reply: silent, want: enough, limit: func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancelCause(ctx)
			cancel(enough)
			return ctx, func() {}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			noLeaks(t)
			ctx, cancel := tt.limit(t.Context())
			defer cancel()
			address := byHand(t, tt.reply)
			if tt.scheme != "" {
				address = tt.scheme + strings.TrimPrefix(address, "ws")
			}
			c, err := ws.Dial(ctx, address, tt.options)
			if c != nil || !errors.Is(err, tt.want) {
				t.Errorf("Dial: %v, want %v", err, tt.want)
			}
		})
	}
}

func deadline(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, 50*time.Millisecond)
}

// The server dribbles for as long as it is let, and each byte is in time.
func TestDialContextAgainstADribble(t *testing.T) {
	noLeaks(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	served := make(chan struct{})
	_, err := ws.Dial(ctx, "ws://dribble.invalid", ws.DialOptions{NetDial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go func() {
			defer close(served)
			defer server.Close()
			http.ReadRequest(bufio.NewReader(server))
			text := switching("", strings.Repeat("A: b\r\n", 1000))
			for i := range len(text) {
				if i == 200 {
					cancel(enough)
				}
				if _, err := io.WriteString(server, text[i:i+1]); err != nil {
					return
				}
			}
		}()
		return client, nil
	}})
	if !errors.Is(err, enough) {
		t.Errorf("Dial: %v", err)
	}
	<-served
}

func TestDialContextDoesNotMatterAfterwards(t *testing.T) {
	noLeaks(t)
	addr, roots := secure(t, ws.Listen)
	ctx, cancel := context.WithCancel(t.Context())
	c, err := ws.Dial(ctx, "wss://"+addr, ws.DialOptions{TLS: &tls.Config{RootCAs: roots}, Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	echoes(t, c)
}

// A URL that is read from a conn is the caller's.
func TestDialedURLCanBeChanged(t *testing.T) {
	noLeaks(t)
	address := byHand(t, func(accept string) string { return switching(accept, "") })
	c, err := ws.Dial(t.Context(), address+"/a", ws.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	c.URL().Host = "changed"
	if want, _ := url.Parse(address + "/a"); *c.URL() != *want {
		t.Errorf("URL %v, want %v", c.URL(), want)
	}
	c.Terminate()
	<-c.Context().Done()
}
