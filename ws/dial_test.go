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

// byHand is a server that answers one request with the bytes that reply returns for the right Sec-WebSocket-Accept, and
// then says nothing until the test ends.
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

// secure serves a router over TLS, with event loops or with goroutines, and returns the address and the roots that know
// it.
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
