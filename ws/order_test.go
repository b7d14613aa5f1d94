package ws_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub/ws"
)

// transport is how a test's conns are carried.
type transport int

const (
	overTCP        transport = iota
	overTLS                  // on a listener made by ws.Listen
	overForeignTLS           // on any other listener
)

// pairs starts a server and n conns of it, and returns both ends of each.
func pairs(t *testing.T, n int, o ws.Options) (srv *ws.Server, near, far []*ws.Conn) {
	t.Helper()
	return pairsOver(t, overTCP, n, o)
}

func pairsOver(t *testing.T, over transport, n int, o ws.Options) (srv *ws.Server, near, far []*ws.Conn) {
	t.Helper()
	srv = ws.NewServer(o)
	accepted := make(chan *ws.Conn)
	hs := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, err := srv.Upgrade(w, r); err == nil {
			accepted <- c
		}
	}))
	dial := ws.DialOptions{Compression: o.Compression}
	switch over {
	case overTCP:
		hs.Start()
	case overTLS:
		hs.Listener = ws.Listen(hs.Listener)
		fallthrough
	case overForeignTLS:
		hs.StartTLS()
		dial.TLS = hs.Client().Transport.(*http.Transport).TLSClientConfig
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := srv.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		hs.Close()
	})
	for range n {
		c, err := ws.Dial(t.Context(), "ws"+strings.TrimPrefix(hs.URL, "http"), dial)
		if err != nil {
			t.Fatalf("Dial: %v", err)
		}
		t.Cleanup(c.Terminate)
		far = append(far, c)
		near = append(near, <-accepted)
	}
	return srv, near, far
}

// actor is one goroutine that uses the server, and knows what each conn must get from it.
type actor struct {
	name   string
	srv    *ws.Server
	conns  []*ws.Conn
	groups []*ws.Group
	inside []map[int]bool // by group: its members
	rand   *rand.Rand
	count  int
	expect [][]string // by conn
}

func newActor(name string, seed uint64, srv *ws.Server, conns []*ws.Conn) *actor {
	a := &actor{name: name, srv: srv, conns: conns, rand: rand.New(rand.NewPCG(seed, 1)), expect: make([][]string, len(conns))}
	for i := range 4 {
		a.groups = append(a.groups, srv.Group(fmt.Sprintf("%s:%d", name, i)))
		a.inside = append(a.inside, make(map[int]bool))
	}
	return a
}

// message is the next one, of a random size, and the word that names it.
func (a *actor) message() (ws.Message, string) {
	a.count++
	word := fmt.Sprintf("%s#%d", a.name, a.count)
	return ws.Text(word + " " + strings.Repeat("x", a.rand.IntN(2000))), word
}

func (a *actor) act() error {
	i, g := a.rand.IntN(len(a.conns)), a.rand.IntN(len(a.groups))
	switch k := a.rand.IntN(10); {
	case k < 3:
		m, word := a.message()
		a.expect[i] = append(a.expect[i], word)
		return a.conns[i].Send(m)
	case k < 6:
		return a.broadcast(g)
	case k == 6:
		m, word := a.message()
		for j := range a.conns {
			a.expect[j] = append(a.expect[j], word)
		}
		return a.srv.Broadcast(m)
	case k < 9:
		a.inside[g][i] = true
		return a.groups[g].Add(a.conns[i])
	}
	delete(a.inside[g], i)
	a.groups[g].Remove(a.conns[i])
	if got := a.groups[g].Len(); got != len(a.inside[g]) {
		return fmt.Errorf("group has %d members, want %d", got, len(a.inside[g]))
	}
	return nil
}

func (a *actor) broadcast(g int) error {
	m, word := a.message()
	var except []*ws.Conn
	left := a.rand.IntN(2 * len(a.conns)) // often nobody
	if left < len(a.conns) {
		except = append(except, a.conns[left])
	}
	for j := range a.inside[g] {
		if j != left {
			a.expect[j] = append(a.expect[j], word)
		}
	}
	return a.groups[g].Broadcast(m, except...)
}

// TestOrder checks, with several goroutines at work on the same conns, that each conn gets from each goroutine exactly what the order of
// that goroutine's calls says. Some clients read slowly, so that messages go through pending lists as well.
func TestOrder(t *testing.T) {
	for name, test := range map[string]struct {
		over transport
		mode ws.CompressionMode
	}{
		"plain":       {overTCP, ws.CompressionOff},
		"shared":      {overTCP, ws.CompressionShared},
		"takeover":    {overTCP, ws.CompressionTakeover},
		"tls":         {overTLS, ws.CompressionOff},
		"foreign tls": {overForeignTLS, ws.CompressionOff},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testOrder(t, test.over, ws.Options{Loops: 3, MaxPending: 64 << 20, Compression: ws.Compression{Mode: test.mode, Threshold: 1000}})
		})
	}
}

func testOrder(t *testing.T, over transport, o ws.Options) {
	const conns, steps = 9, 1500
	srv, near, far := pairsOver(t, over, conns, o)
	gate := make(chan struct{})
	got := make([]map[string][]string, conns)
	var read sync.WaitGroup
	for i, c := range far {
		got[i] = make(map[string][]string)
		read.Add(1)
		c.OnMessage(func(m ws.Message) {
			if i%3 == 0 {
				<-gate
			}
			word, _, _ := strings.Cut(m.String(), " ")
			who, _, _ := strings.Cut(word, "#")
			got[i][who] = append(got[i][who], word)
		})
		c.OnClose(func(ws.CloseInfo) { read.Done() })
	}
	actors := []*actor{newActor("ann", 1, srv, near), newActor("bob", 2, srv, near), newActor("cid", 3, srv, near)}
	var acting sync.WaitGroup
	for _, a := range actors {
		acting.Go(func() {
			for range steps {
				if err := a.act(); err != nil {
					t.Errorf("%s: %v", a.name, err)
					return
				}
			}
		})
	}
	acting.Wait()
	for _, c := range near {
		c.Close(ws.CodeNormal, "")
	}
	close(gate)
	read.Wait()
	for i := range far {
		for _, a := range actors {
			if !slices.Equal(got[i][a.name], a.expect[i]) {
				t.Errorf("conn %d got from %s %s", i, a.name, difference(got[i][a.name], a.expect[i]))
			}
		}
	}
}

// difference describes where two lists part.
func difference(got, want []string) string {
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			return fmt.Sprintf("at %d %q, want %q (of %d, want %d)", i, got[i], want[i], len(got), len(want))
		}
	}
	return fmt.Sprintf("%d messages, want %d", len(got), len(want))
}
