package wstest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hubbub-dev/hubbub/ws"
	"github.com/hubbub-dev/hubbub/ws/wstest"
)

func TestPairCarriesMessagesBothWays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := wstest.Pair(t, wstest.Options{})
		server.OnMessage(func(m ws.Message) { server.Send(m) })
		var got []string
		client.OnMessage(func(m ws.Message) { got = append(got, m.String()) })
		for i := range 3 {
			if err := client.Send(ws.Text(fmt.Sprint(i))); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if strings.Join(got, "") != "012" {
			t.Errorf("echoed %q", got)
		}
	})
}

func TestPairWithOptions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		compression := ws.Compression{Mode: ws.CompressionTakeover}
		server, client := wstest.Pair(t, wstest.Options{
			Server: ws.Options{Subprotocols: []string{"b", "a"}, Compression: compression},
			Client: ws.DialOptions{Subprotocols: []string{"a", "b"}, Compression: compression},
		})
		if server.Subprotocol() != "b" || client.Subprotocol() != "b" {
			t.Errorf("selected %q and %q, want b", server.Subprotocol(), client.Subprotocol())
		}
		if server.Extensions() == "" || client.Extensions() != server.Extensions() {
			t.Errorf("extensions %q and %q", server.Extensions(), client.Extensions())
		}
		text := strings.Repeat("hubbub ", 100_000)
		var got string
		client.OnMessage(func(m ws.Message) { got = m.String() })
		server.Send(ws.Text(text))
		synctest.Wait()
		if got != text {
			t.Errorf("received %d bytes, want %d", len(got), len(text))
		}
	})
}

// A conn that says nothing is pinged, which nobody but the clock sees.
func TestHeartbeatInFakeTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := wstest.Pair(t, wstest.Options{Client: ws.DialOptions{Ping: -1}})
		start := time.Now()
		time.Sleep(10 * time.Hour)
		if server.State() != ws.Open || client.State() != ws.Open {
			t.Fatalf("after %v: server %v, client %v", time.Since(start), server.State(), client.State())
		}
	})
}

// silentConn drops what is written once it is mute, as the network does behind a laptop that was closed.
type silentConn struct {
	net.Conn
	mute chan struct{}
	seen chan byte
}

func (c *silentConn) Write(p []byte) (int, error) {
	select {
	case <-c.mute:
		return len(p), nil
	default:
		return c.Conn.Write(p)
	}
}

func (c *silentConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	select {
	case <-c.mute:
		if n > 0 {
			c.seen <- p[0]
		}
	default:
	}
	return n, err
}

func TestDeadPeerInFakeTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := ws.NewServer(ws.Options{})
		router := ws.NewRouter(srv)
		var why ws.CloseInfo
		var ended time.Time
		router.Handle("/", func(c *ws.Conn) {
			c.OnClose(func(info ws.CloseInfo) { why, ended = info, time.Now() })
		})
		s := wstest.NewServer(t, router)
		nc, err := s.NetDial(t.Context(), "tcp", "")
		if err != nil {
			t.Fatal(err)
		}
		silent := &silentConn{nc, make(chan struct{}), make(chan byte, 16)}
		start := time.Now()
		c := dialOver(t, s, silent)
		close(silent.mute)

		const grain = 20 * time.Millisecond
		if first := <-silent.seen; first != 0x89 { // a ping, with FIN set
			t.Errorf("first byte after the silence is %#x, want a ping", first)
		}
		if passed := time.Since(start); passed < 25*time.Second || passed > 25*time.Second+grain {
			t.Errorf("pinged after %v, want 25 s", passed)
		}
		<-c.Context().Done()
		synctest.Wait()
		if why.Code != ws.CodeHeartbeat || !errors.Is(why, ws.ErrHeartbeat) {
			t.Errorf("server's conn ended with %v", why)
		}
		if passed := ended.Sub(start); passed < 35*time.Second || passed > 35*time.Second+3*grain {
			t.Errorf("ended after %v, want 35 s", passed)
		}
		if err := srv.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func dialOver(t *testing.T, s *wstest.Server, nc net.Conn) *ws.Conn {
	t.Helper()
	c, err := ws.Dial(t.Context(), s.URL, ws.DialOptions{Ping: -1, NetDial: func(context.Context, string, string) (net.Conn, error) { return nc, nil }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Terminate)
	return c
}

func TestServerServesHTTPToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := wstest.NewServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Host) }))
		client := http.Client{Transport: &http.Transport{DialContext: s.NetDial, DisableKeepAlives: true}}
		res, err := client.Get("http://anywhere.example/")
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if body, _ := io.ReadAll(res.Body); string(body) != "anywhere.example" {
			t.Errorf("answered %q", body)
		}
	})
}

// The end of a test ends what the code under test has left open. A goroutine that stays would make the bubble fail.
func TestServerEndsWithItsTest(t *testing.T) {
	var client, server ws.CloseInfo
	synctest.Test(t, func(t *testing.T) {
		srv := ws.NewServer(ws.Options{})
		router := ws.NewRouter(srv)
		router.Handle("/", func(c *ws.Conn) { c.OnClose(func(info ws.CloseInfo) { server = info }) })
		s := wstest.NewServer(t, router)
		c, err := ws.Dial(t.Context(), s.URL, ws.DialOptions{NetDial: s.NetDial})
		if err != nil {
			t.Fatal(err)
		}
		c.OnClose(func(info ws.CloseInfo) { client = info })
	})
	if client.Code != ws.CodeAbnormal || server.Code != ws.CodeAbnormal {
		t.Errorf("client ended with %v, server with %v", client, server)
	}
}
