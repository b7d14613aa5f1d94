package webhook_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/webhook"
	"github.com/hubbub-dev/hubbub/internal/testkit"
)

// fails delivers one event to a target that must not take it, beside one that does, and returns the error that the outbox keeps.
func (r *rig) fails(target webhook.Target, resolver *net.Resolver) string {
	r.Helper()
	well := receive(r.T, nil)
	other := well.target()
	target.Name, target.RetryFor, target.Secrets = "bad", time.Millisecond, []string{secret}
	other.Name = "well"
	s, err := webhook.NewWithResolver(r.options(target, other), resolver)
	r.must(err)
	defer r.close(s)
	r.report(s, r.came("ann", "one"))
	r.clock.Advance(time.Second) // it is dead after one attempt
	s.Start()
	well.waitFor(1)
	var dead []hubbub.OutboxItem
	testkit.Eventually(r.T, "it to be given up", func() bool {
		dead, err = s.Dead(r.Context(), "bad", 0, 1)
		r.must(err)
		return len(dead) > 0
	})
	if len(dead[0].Error) > 300 || strings.Contains(dead[0].Error, "hidden") || strings.Contains(r.logs.String(), "hidden") {
		r.Errorf("the error is too long or shows what it must not: %s", dead[0].Error)
	}
	return dead[0].Error
}

func TestTargetsThatMisbehave(t *testing.T) {
	ended := make(chan struct{})
	defer close(ended)
	wait := func(r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // until then the server does not notice that the client has gone
		select {
		case <-r.Context().Done():
		case <-ended:
		}
	}
	raw := func(answer string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			fmt.Fprint(conn, answer)
			conn.Close()
		}
	}
	for what, bad := range map[string]struct {
		handler http.HandlerFunc
		want    string
	}{
		"hangs":        {func(w http.ResponseWriter, r *http.Request) { wait(r) }, "did not answer within 200ms"},
		"redirects":    {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/hidden", http.StatusFound) }, "redirects are not followed"},
		"breaks off":   {raw(""), "closed the connection"},
		"garbage":      {raw("hidden garbage\r\n\r\n"), "not HTTP"},
		"echoes":       {raw("POST /?token=hidden HTTP/1.1\r\n\r\n"), "not HTTP"},
		"long headers": {raw("HTTP/1.1 200 OK\r\nA: " + strings.Repeat("hidden", 100_000) + "\r\n\r\n"), ""},
		"odd status":   {raw("HTTP/1.1 799 hidden\r\nContent-Length: 0\r\n\r\n"), "the target answered 799"},
	} {
		t.Run(what, func(t *testing.T) {
			server := httptest.NewServer(bad.handler)
			defer server.Close()
			target := webhook.Target{URL: server.URL + "/?token=hidden", AllowPrivate: true,
				Headers: map[string]string{"Authorization": "hidden"}}
			if what == "hangs" {
				target.Timeout = 200 * time.Millisecond
			}
			if got := newRig(t).fails(target, nil); !strings.Contains(got, bad.want) {
				t.Errorf("the error is %q, want %q in it", got, bad.want)
			}
		})
	}
}

func TestTargetsThatCannotBeReached(t *testing.T) {
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	defer secure.Close()
	secure.Config.ErrorLog = nil
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	hanging, err := net.Listen("tcp4", "127.0.0.1:0") // nobody accepts
	if err != nil {
		t.Fatal(err)
	}
	defer hanging.Close()
	for what, bad := range map[string]struct{ url, want string }{
		"certificate": {secure.URL, "certificate"},
		"no TLS":      {"https" + strings.TrimPrefix(plain.URL, "http"), "does not speak TLS"},
		"refused":     {"http://" + testkit.FreeAddr(t), "refused"},
		"no accept":   {"http://" + hanging.Addr().String(), "did not answer within"},
	} {
		t.Run(what, func(t *testing.T) {
			target := webhook.Target{URL: bad.url + "/?token=hidden", AllowPrivate: true}
			if what == "no accept" {
				target.Timeout = 300 * time.Millisecond
			}
			if got := newRig(t).fails(target, nil); !strings.Contains(got, bad.want) {
				t.Errorf("the error is %q, want %q in it", got, bad.want)
			}
		})
	}
}

// TestNamesThatLeadInside has a name that somebody else decides about, and that leads to this machine.
func TestNamesThatLeadInside(t *testing.T) {
	var asked atomic.Int32
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer inside.Close()
	_, port, err := net.SplitHostPort(inside.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	resolver := resolve(t, [4]byte{127, 0, 0, 1})
	got := newRig(t).fails(webhook.Target{URL: "http://hooks.example.com:" + port + "/"}, resolver)
	if !strings.Contains(got, "127.0.0.1 is not a public address") || asked.Load() != 0 {
		t.Errorf("the error is %q, and the server inside was asked %d times", got, asked.Load())
	}
	// The same name is good where that is meant.
	r := newRig(t)
	s, err := webhook.NewWithResolver(r.options(webhook.Target{Name: "shop", URL: "http://hooks.example.com:" + port + "/",
		Secrets: []string{secret}, AllowPrivate: true}), resolver)
	r.must(err)
	s.Start()
	defer r.close(s)
	r.must(s.Test(t.Context(), "shop"))
	testkit.Eventually(t, "the server inside to be asked", func() bool { return asked.Load() == 1 })
}

// resolve makes a resolver that asks a server of this test, for which every name is at the same address.
func resolve(t *testing.T, at [4]byte) *net.Resolver {
	server, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	t.Cleanup(func() { server.Close(); <-ended })
	go func() {
		defer close(ended)
		for b := make([]byte, 1500); ; {
			n, from, err := server.ReadFrom(b)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(b[:n]) != nil || len(m.Questions) != 1 {
				continue
			}
			m.Response, m.Additionals = true, nil
			if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
				m.Answers = []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class},
					Body: &dnsmessage.AResource{A: at}}}
			}
			if answer, err := m.Pack(); err == nil {
				server.WriteTo(answer, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp4", server.LocalAddr().String())
	}}
}

// TestAnswersWithoutEnd has a target that takes what it gets and answers with gigabytes: they are not read.
func TestAnswersWithoutEnd(t *testing.T) {
	r := newRig(t)
	var written atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		chunk := make([]byte, 1<<20)
		for range 4096 {
			n, err := w.Write(chunk)
			written.Add(int64(n))
			if err != nil {
				return
			}
		}
	}))
	defer server.Close()
	target := webhook.Target{Name: "shop", URL: server.URL, Secrets: []string{secret}, AllowPrivate: true}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	s := r.start(target)
	for i := range 20 {
		r.report(s, r.came("ann", fmt.Sprint(i)))
	}
	testkit.Eventually(t, "all to be delivered", func() bool {
		backlogs, err := s.Backlogs(t.Context())
		r.must(err)
		return backlogs[0].Waiting == 0
	})
	runtime.ReadMemStats(&after)
	if n := written.Load(); n > 20*64<<20 {
		t.Errorf("%d bytes were read", n)
	}
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 64<<20 {
		t.Errorf("the heap has grown by %d bytes", grown)
	}
}
