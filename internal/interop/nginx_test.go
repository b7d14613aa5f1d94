package interop_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/hubbub-dev/hubbub/internal/testkit"
	"github.com/hubbub-dev/hubbub/ws"
)

// The nginx blocks of docs/nginx.md, in their order.
const (
	siteBlock = iota
	tlsBlock
	nodesBlock // which runs in the tests of the gateway
	eventsBlock
	plainBlock
	numBlocks
)

// block returns a code block of docs/nginx.md, so that the page cannot promise what does not run.
func block(t *testing.T, n int) string {
	t.Helper()
	blocks := codeBlocks(t, "../../docs/nginx.md", "nginx")
	if len(blocks) != numBlocks {
		t.Fatalf("docs/nginx.md has %d nginx blocks, and this test knows %d", len(blocks), numBlocks)
	}
	return blocks[n]
}

// codeBlocks returns the fenced blocks of a language in a Markdown file.
func codeBlocks(t *testing.T, file, language string) []string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var blocks []string
	for _, part := range strings.Split(string(text), "\n```"+language+"\n")[1:] {
		code, _, ok := strings.Cut(part, "\n```\n")
		if !ok {
			t.Fatalf("%s has a code block without end", file)
		}
		blocks = append(blocks, code+"\n")
	}
	return blocks
}

// adapt replaces what is different in a test, and fails when a text to replace is not there.
func adapt(t *testing.T, conf string, oldNew ...string) string {
	t.Helper()
	for i := 0; i < len(oldNew); i += 2 {
		if !strings.Contains(conf, oldNew[i]) {
			t.Fatalf("docs/nginx.md no longer has %q in\n%s", oldNew[i], conf)
		}
		conf = strings.ReplaceAll(conf, oldNew[i], oldNew[i+1])
	}
	return conf
}

// behindSite starts nginx with the documented site before s and returns nginx's address. More texts may be replaced.
func behindSite(t *testing.T, s *server, oldNew ...string) string {
	t.Helper()
	addr := testkit.FreeAddr(t)
	oldNew = append(oldNew, "127.0.0.1:8080", s.addr, "listen 80;", "listen "+addr+";")
	testkit.Nginx(t, addr, adapt(t, block(t, siteBlock), oldNew...))
	return addr
}

// behindTLSSite is [behindSite] with TLS at nginx.
func behindTLSSite(t *testing.T, s *server, cert testkit.Certificate, listen string) string {
	t.Helper()
	addr := testkit.FreeAddr(t)
	lines := adapt(t, block(t, tlsBlock), "listen 443 ssl;", "listen "+addr+" "+listen+";",
		"/etc/nginx/chat.example.com.pem", cert.CertFile, "/etc/nginx/chat.example.com.key", cert.KeyFile)
	testkit.Nginx(t, addr, adapt(t, block(t, siteBlock), "listen 80;", lines, "127.0.0.1:8080", s.addr))
	return addr
}

// behindPlain starts nginx with the block of the articles before s and returns nginx's address.
func behindPlain(t *testing.T, s *server, oldNew ...string) string {
	t.Helper()
	addr := testkit.FreeAddr(t)
	location := adapt(t, block(t, plainBlock), append(oldNew, "127.0.0.1:8080", s.addr)...)
	testkit.Nginx(t, addr, "server {\nlisten "+addr+";\n"+location+"}\n")
	return addr
}

// trusting are options that trust nginx, which connects from 127.0.0.1; clients of these tests have other addresses.
func trusting() ws.Options {
	return ws.Options{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, Subprotocols: []string{"hubbub.test"}}
}

func TestNginxSite(t *testing.T) {
	s := serve(t, trusting())
	addr := behindSite(t, s)
	talkThrough(t, s, "ws://"+addr, ws.DialOptions{NetDial: from("127.0.0.7")})

	t.Run("facts", func(t *testing.T) {
		header := http.Header{"Origin": {"http://" + addr}} // nginx listens on a port of its own, so $host would not do
		f := dial(t, "ws://"+addr+"/facts", ws.DialOptions{NetDial: from("127.0.0.7"), Header: header}).facts(t)
		if f.Remote != "127.0.0.7" || f.Host != addr {
			t.Errorf("server sees client %s and host %s, want 127.0.0.7 and %s", f.Remote, f.Host, addr)
		}
	})
	t.Run("forged", func(t *testing.T) {
		header := http.Header{
			"X-Forwarded-For":  {"6.6.6.6"},
			"X-Forwarded-Host": {"evil.example"},
			"Forwarded":        {"for=6.6.6.6;host=evil.example"},
		}
		o := ws.DialOptions{NetDial: from("127.0.0.7"), Header: header}
		if f := dial(t, "ws://"+addr+"/facts", o).facts(t); f.Remote != "127.0.0.7" {
			t.Errorf("server believes the client that it is %s", f.Remote)
		}
		header.Set("Origin", "http://evil.example")
		refused(t, "ws://"+addr+"/facts", o, http.StatusForbidden)
	})
	t.Run("other origin", func(t *testing.T) {
		body := refused(t, "ws://"+addr+"/echo", ws.DialOptions{Header: http.Header{"Origin": {"http://evil.example"}}}, http.StatusForbidden)
		if !strings.Contains(body, "Origins") || !strings.Contains(body, "http://evil.example") {
			t.Errorf("the body that came through nginx does not name the setting and the value: %q", body)
		}
	})
	t.Run("HTTP", func(t *testing.T) { expectPage(t, "http://"+addr+"/", nil) })
}

func TestNginxSiteWithTLS(t *testing.T) {
	cert, s := testkit.SelfSigned(t), serve(t, trusting())
	addr := behindTLSSite(t, s, cert, "ssl")
	o := ws.DialOptions{NetDial: from("127.0.0.7"), TLS: &tls.Config{RootCAs: cert.Roots}, Header: http.Header{"Origin": {"https://" + addr}}}
	talkThrough(t, s, "wss://"+addr, o)
	f := dial(t, "wss://"+addr+"/facts", o).facts(t)
	if f.Remote != "127.0.0.7" || f.Host != addr || f.TLS {
		t.Errorf("server sees %+v; want client 127.0.0.7, host %s and an unencrypted conn from nginx", f, addr)
	}
	expectPage(t, "https://"+addr+"/", o.TLS)
}

// TestNginxWithChromium has pages loaded by HTTP/2 and WebSockets opened by the same browser through the same nginx.
func TestNginxWithChromium(t *testing.T) {
	cert, s := testkit.SelfSigned(t), serve(t, trusting())
	addr := behindTLSSite(t, s, cert, "ssl http2")
	tab := testkit.Chromium(t, chromedp.IgnoreCertErrors)
	testkit.Do(t, tab, chromedp.Navigate("https://"+addr+"/"))
	if got := testkit.Evaluate[string](t, tab, `performance.getEntriesByType("navigation")[0].nextHopProtocol`); got != "h2" {
		t.Errorf("page was loaded by %q, want h2", got)
	}
	browserEcho(t, tab, "wss://"+addr+"/echo")
}

func TestNginxNeedsVersionAndHeaders(t *testing.T) {
	s := serve(t, trusting())
	for _, line := range []string{"proxy_http_version 1.1;", "proxy_set_header Upgrade $http_upgrade;", "proxy_set_header Connection $connection_upgrade;"} {
		t.Run(line, func(t *testing.T) {
			addr := behindSite(t, s, line, "")
			refused(t, "ws://"+addr+"/echo", ws.DialOptions{}, http.StatusUpgradeRequired)
		})
	}
}

// TestNginxIdle shortens nginx's timeout to a second and waits for events, not for time: pings keep the conn, and without them
// nginx cuts it.
func TestNginxIdle(t *testing.T) {
	for name, behind := range map[string]func(*testing.T, *server) string{
		"site": func(t *testing.T, s *server) string {
			return behindSite(t, s, "proxy_read_timeout 60s", "proxy_read_timeout 1s")
		},
		"plain": func(t *testing.T, s *server) string {
			return behindPlain(t, s, "proxy_pass", "proxy_read_timeout 1s; proxy_pass")
		},
	} {
		t.Run(name+" with heartbeat", func(t *testing.T) {
			s := serve(t, ws.Options{Ping: 200 * time.Millisecond})
			testkit.Node(t, "testdata/node", "client.mjs", "idle", "ws://"+behind(t, s)).Succeed(t) // ten pings, two seconds
		})
		t.Run(name+" without", func(t *testing.T) {
			s := serve(t, ws.Options{Ping: -1})
			p := dial(t, "ws://"+behind(t, s)+"/echo", ws.DialOptions{Ping: -1})
			if why := testkit.Receive(t, "nginx to cut the idle conn", p.closed); why.Code != ws.CodeAbnormal {
				t.Errorf("client saw code %d, want %d", why.Code, ws.CodeAbnormal)
			}
			testkit.Receive(t, "the server to see the cut", s.closed)
		})
	}
}

func TestNginxPlainBlock(t *testing.T) {
	s := serve(t, ws.Options{Subprotocols: []string{"hubbub.test"}})
	addr := behindPlain(t, s)
	talkThrough(t, s, "ws://"+addr, ws.DialOptions{NetDial: from("127.0.0.7")})

	f := dial(t, "ws://"+addr+"/facts", ws.DialOptions{NetDial: from("127.0.0.7")}).facts(t)
	if f.Remote != "127.0.0.1" || f.Host != s.addr {
		t.Errorf("server sees client %s and host %s; the page says nginx's address and %s", f.Remote, f.Host, s.addr)
	}
	browser := ws.DialOptions{Header: http.Header{"Origin": {"http://" + addr}}}
	body := refused(t, "ws://"+addr+"/echo", browser, http.StatusForbidden)
	if !strings.Contains(body, "http://"+addr) || !strings.Contains(body, "$http_host") {
		t.Errorf("the refusal does not say what to do: %q", body)
	}
	expectPage(t, "http://"+addr+"/", nil)

	t.Run("origin listed", func(t *testing.T) {
		s := serve(t, ws.Options{Origins: []string{"http://chat.example.com"}})
		o := ws.DialOptions{Header: http.Header{"Origin": {"http://chat.example.com"}}}
		dial(t, "ws://"+behindPlain(t, s)+"/echo", o).expectEcho(t, ws.Message{Data: []byte("hello")})
	})
	t.Run("host passed on", func(t *testing.T) {
		addr := behindPlain(t, s, "proxy_pass", "proxy_set_header Host $http_host; proxy_pass")
		o := ws.DialOptions{Header: http.Header{"Origin": {"http://" + addr}}}
		dial(t, "ws://"+addr+"/echo", o).expectEcho(t, ws.Message{Data: []byte("hello")})
	})
	t.Run("trusted nevertheless", func(t *testing.T) {
		s := serve(t, trusting())
		header := http.Header{"X-Forwarded-For": {"6.6.6.6"}, "X-Forwarded-Host": {"evil.example"}, "Origin": {"http://evil.example"}}
		if f := dial(t, "ws://"+behindPlain(t, s)+"/facts", ws.DialOptions{Header: header}).facts(t); f.Remote != "6.6.6.6" {
			t.Errorf("server sees client %s; the page warns that it would believe 6.6.6.6", f.Remote)
		}
	})
}

// talkThrough has a client of hubbub's and Node's ws talk to the server at base: what a proxy could break.
func talkThrough(t *testing.T, s *server, base string, o ws.DialOptions) {
	t.Helper()
	p := dial(t, base+"/echo", o)
	p.expectEcho(t, ws.Message{Data: []byte("häß")})
	p.expectEcho(t, ws.Message{Data: bytes.Repeat([]byte{0, 1, 2, 255}, 1<<18), Binary: true}) // 1 MiB
	p.Ping([]byte("abc"))
	if got := testkit.Receive(t, "the pong", p.pongs); string(got) != "abc" {
		t.Errorf("got pong %q", got)
	}
	p.Close(4321, "why not")
	s.expectClose(t, 4321, "why not")

	o.Subprotocols = []string{"hubbub.test"}
	p = dial(t, base+"/close/4400/enough", o)
	if why := testkit.Receive(t, "the close", p.closed); why.Code != 4400 || why.Reason != "enough" || p.Subprotocol() != "hubbub.test" {
		t.Errorf("client saw close %d %q, subprotocol %q", why.Code, why.Reason, p.Subprotocol())
	}
	testkit.Receive(t, "the server to see the close", s.closed)
}

// refused dials, expects the given status and returns the body.
func refused(t *testing.T, url string, o ws.DialOptions, status int) string {
	t.Helper()
	c, err := tryDial(t, url, o)
	if err == nil {
		c.Terminate()
		t.Fatalf("dialing %s worked, want status %d", url, status)
	}
	var refusal *ws.HandshakeError
	if !errors.As(err, &refusal) || refusal.Status != status {
		t.Fatalf("dialing %s: %v, want status %d", url, err, status)
	}
	return string(refusal.Body)
}

// expectPage gets a URL by HTTP and expects the page of testdata.
func expectPage(t *testing.T, url string, config *tls.Config) {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: config}
	defer transport.CloseIdleConnections()
	res, err := (&http.Client{Transport: transport, Timeout: testkit.Patience}).Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || !bytes.Contains(body, []byte("<title>interop</title>")) {
		t.Errorf("GET %s: status %d, error %v, body %q", url, res.StatusCode, err, body)
	}
}
