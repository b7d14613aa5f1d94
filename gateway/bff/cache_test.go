package bff_test

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/bff"
	"github.com/hubbub-dev/hubbub/internal/testkit"
)

// clock is a clock that is set.
type clock struct{ now atomic.Int64 }

func (c *clock) Now() time.Time        { return time.Unix(1e9, c.now.Load()) }
func (c *clock) pass(of time.Duration) { c.now.Add(int64(of)) }

// body is what somebody gets of a route.
func body(ctx context.Context, b *bff.BFF, who *hubbub.Identity, target string, header ...string) string {
	return compact(door(ctx, b, who, http.MethodGet, target, "", header...).Body.String())
}

func TestCache(t *testing.T) {
	var asked journal
	var c clock
	part := bff.Part{Name: "p", Backend: "b", Path: "/{params.id}", Headers: map[string]string{"X-H": "{params.h}"}}
	params := []bff.Param{{Name: "id", Default: "1"}, {Name: "h"}}
	b := open(t, bff.Options{Now: c.Now, Backends: serve(t, "b", asked.note), Routes: []bff.Route{
		{Name: "shared", Params: params, Auth: "optional", Headers: []string{"Accept-Language"}, Cache: bff.Cache{By: "shared", TTL: time.Minute}, Parts: []bff.Part{part}},
		{Name: "user", Params: params, Auth: "optional", Headers: []string{"accept"}, Cache: bff.Cache{By: "user", TTL: time.Second}, Parts: []bff.Part{part}},
		{Name: "none", Params: params, Parts: []bff.Part{part}},
	}})
	bob := hubbub.Identity{User: "bob", Attrs: ann.Attrs, Info: ann.Info, Platform: "web"}
	basic := ann
	basic.Attrs = map[string]string{"plan": "basic"}
	other := ann
	other.Device = "d2"
	n := 0
	step := func(fresh bool, who *hubbub.Identity, target string, header ...string) {
		t.Helper()
		if fresh {
			n++
		}
		got := body(t.Context(), b, who, target, header...)
		if all := asked.all(); len(all) != n || !strings.HasPrefix(got, `{"p":{"status":200,"data":{"n":`) {
			t.Errorf("%s: the backend was asked %d times, want %d: %s", target, len(all), n, got)
			n = len(all)
		}
	}
	step(true, &ann, "/bff/shared")
	step(false, &ann, "/bff/shared")
	step(false, &bob, "/bff/shared")
	step(false, nil, "/bff/shared?id=1")
	step(true, nil, "/bff/shared?id=2")
	step(true, &ann, "/bff/shared?h=1")
	step(true, &ann, "/bff/shared", "Accept-Language", "de")
	step(true, &ann, "/bff/user")
	step(false, &ann, "/bff/user")
	step(false, &other, "/bff/user")
	step(true, &bob, "/bff/user")
	step(true, &basic, "/bff/user")
	step(true, nil, "/bff/user")
	step(false, nil, "/bff/user")
	step(true, &ann, "/bff/user", "Accept", "text/x")
	step(true, &ann, "/bff/none")
	step(true, &ann, "/bff/none")
	c.pass(2 * time.Second)
	step(true, &ann, "/bff/user")
	step(false, &ann, "/bff/shared")
	c.pass(time.Minute)
	step(true, &ann, "/bff/shared")
	for i, line := range asked.all() {
		if strings.Contains(line, " ann") == (i < 4) && !strings.Contains(line, "bob") && i < 6 {
			t.Errorf("request %d: %s", i, line)
		}
	}
}

// TestOnlySuccessIsKept also shows that garbage and what jq cannot use are asked for again.
func TestOnlySuccessIsKept(t *testing.T) {
	var asked journal
	b := one(t, bff.Route{Name: "r", Cache: bff.Cache{By: "user", TTL: time.Hour}, Parts: []bff.Part{
		{Name: "status", Backend: "b", Path: "/404"}, {Name: "garbage", Backend: "b", Path: "/garbage"},
		{Name: "pick", Backend: "b", Path: "/pick", Pick: ".a.b"}, {Name: "fine", Backend: "b", Path: "/fine"},
		{Name: "post", Backend: "b", Path: "/post", Method: "POST"},
	}}, serve(t, "b", func(w http.ResponseWriter, r *http.Request) {
		asked.add(r.URL.Path)
		switch r.URL.Path {
		case "/404":
			http.NotFound(w, r)
		case "/garbage":
			answer(`{"a":`)(w, r)
		default:
			answer(`{"a":"secret"}`)(w, r)
		}
	}))
	for range 2 {
		got := partsOf(t, door(t.Context(), b, &ann, http.MethodPost, "/bff/r", "").Body.String())
		if got["status"].Status != 404 || got["garbage"].Status != 502 || got["pick"].Status != 502 || got["fine"].Status != 200 ||
			got["post"].Status != 200 {
			t.Errorf("%+v", got)
		}
		if m := got["pick"].Error.Message; m != "the answer of the backend b does not fit pick" {
			t.Error(m)
		}
	}
	all := asked.all()
	slices.Sort(all)
	if want := []string{"/404", "/404", "/fine", "/garbage", "/garbage", "/pick", "/pick", "/post", "/post"}; !slices.Equal(all, want) {
		t.Errorf("asked %q", all)
	}
}

// TestCacheIsBounded asks for more than there is room for.
func TestCacheIsBounded(t *testing.T) {
	var asked journal
	large := `"` + strings.Repeat("x", 1000) + `"`
	b := open(t, bff.Options{CacheSize: 10000, Backends: serve(t, "b", func(w http.ResponseWriter, r *http.Request) {
		asked.add(r.URL.Path)
		answer(large)(w, r)
	}), Routes: []bff.Route{{Name: "r", Params: []bff.Param{{Name: "id"}}, Cache: bff.Cache{By: "shared", TTL: time.Hour},
		Parts: []bff.Part{{Name: "p", Backend: "b", Path: "/{params.id}"}}}}})
	names := "abcdefghijklmnopqrstuvwxyz"
	for range 2 {
		for _, name := range names {
			get(t, b, "/bff/r?id="+string(name))
		}
	}
	if n := len(asked.all()); n < 2*len(names)-10 {
		t.Errorf("26 results of 1000 bytes were asked for twice, and only %d times from the backend, though 10,000 bytes may be kept", n)
	}
}

// gate is a backend that answers when it is opened.
type gate struct {
	journal
	left journal // requests that were given up
	open chan struct{}
}

func newGate() *gate { return &gate{open: make(chan struct{})} }

func (g *gate) serve(w http.ResponseWriter, r *http.Request) {
	g.add(r.Method + " " + r.RequestURI + " " + r.Header.Get("Hubbub-User"))
	select {
	case <-g.open:
		answer(`"`+r.Header.Get("Hubbub-User")+`"`)(w, r)
	case <-r.Context().Done():
		g.left.add(r.RequestURI)
	}
}

// calls makes calls beside each other.
func calls(n int, call func() string) <-chan string {
	replies := make(chan string, n)
	for range n {
		go func() { replies <- call() }()
	}
	return replies
}

// TestCoalesces counts at the backend. A call beside each shows that those who wait have begun to: it takes the next number.
func TestCoalesces(t *testing.T) {
	g := newGate()
	waiting := make(chan struct{}, 100)
	b := open(t, bff.Options{Backends: serve(t, "b", g.serve), Routes: []bff.Route{
		{Name: "shared", Cache: bff.Cache{By: "shared", TTL: time.Hour}, Budget: time.Minute, Parts: []bff.Part{{Name: "p", Backend: "b", Path: "/shared"}}},
		{Name: "mine", Budget: time.Minute, Parts: []bff.Part{{Name: "p", Backend: "b", Path: "/mine"}}},
		{Name: "post", Budget: time.Minute, Proxy: &bff.Part{Backend: "b", Path: "/post", Method: "POST"}},
	}})
	bob := hubbub.Identity{User: "bob"}
	call := func(who *hubbub.Identity, method, route string) func() string {
		return func() string {
			waiting <- struct{}{}
			return compact(door(t.Context(), b, who, method, "/bff/"+route, "").Body.String())
		}
	}
	replies := []<-chan string{calls(5, call(&ann, "GET", "shared")), calls(5, call(&bob, "GET", "shared")), calls(5, call(&ann, "GET", "mine")),
		calls(5, call(&bob, "GET", "mine")), calls(3, call(&ann, "POST", "post"))}
	for range 23 {
		<-waiting
	}
	testkit.Eventually(t, "the requests to come", func() bool { return len(g.all()) >= 6 && bff.Waiting(b) == 20 })
	close(g.open)
	wants := []string{`""`, `""`, `"ann"`, `"bob"`}
	for i, want := range wants {
		for range 5 {
			if got := testkit.Receive(t, "a reply", replies[i]); got != `{"p":{"status":200,"data":`+want+`}}` {
				t.Errorf("%d: got %s, want %s", i, got, want)
			}
		}
	}
	for range 3 {
		testkit.Receive(t, "a reply", replies[4])
	}
	all := g.all()
	slices.Sort(all)
	want := []string{"GET /mine ann", "GET /mine bob", "GET /shared ", "POST /post ann", "POST /post ann", "POST /post ann"}
	if !slices.Equal(all, want) {
		t.Errorf("asked %q", all)
	}
}

// TestOneWhoLeavesFailsNobody has the first of two callers give up, and then the second of two.
func TestOneWhoLeavesFailsNobody(t *testing.T) {
	for leaves := range 2 {
		g := newGate()
		b := one(t, bff.Route{Name: "r", Budget: time.Minute, Parts: []bff.Part{{Name: "p", Backend: "b", Path: "/"}, {Name: "q", Backend: "b",
			Path: "/q"}}}, serve(t, "b", g.serve))
		replies := make([]<-chan string, 2)
		gaveUp, leave := context.WithCancel(t.Context())
		for i := range 2 {
			ctx := t.Context()
			if i == leaves {
				ctx = gaveUp
			}
			replies[i] = calls(1, func() string { return body(ctx, b, &ann, "/bff/r") })
			testkit.Eventually(t, "the call to wait", func() bool { return bff.Waiting(b) == 2*(i+1) && len(g.all()) == 2 })
		}
		leave()
		if got := testkit.Receive(t, "the reply to who has left", replies[leaves]); strings.Contains(got, `"status":200`) {
			t.Errorf("who has left got %s", got)
		}
		testkit.Eventually(t, "one to be left", func() bool { return bff.Waiting(b) == 2 })
		close(g.open)
		if got := testkit.Receive(t, "the other reply", replies[1-leaves]); got != `{"p":{"status":200,"data":"ann"},"q":{"status":200,"data":"ann"}}` {
			t.Errorf("the other got %s", got)
		}
		if n := len(g.all()); n != 2 {
			t.Errorf("the backend was asked %d times", n)
		}
	}
}

// TestNobodyWaits has all callers leave: the backend sees it.
func TestNobodyWaits(t *testing.T) {
	g := newGate()
	b := one(t, bff.Route{Name: "r", Budget: time.Minute, Cache: bff.Cache{By: "user", TTL: time.Minute}, Proxy: &bff.Part{Backend: "b", Path: "/"}},
		serve(t, "b", g.serve))
	ctx, leave := context.WithCancel(t.Context())
	replies := calls(3, func() string { return body(ctx, b, &ann, "/bff/r") })
	testkit.Eventually(t, "all to wait", func() bool { return bff.Waiting(b) == 3 && len(g.all()) == 1 })
	leave()
	testkit.Eventually(t, "the backend to be left alone", func() bool { return len(g.left.all()) == 1 })
	for range 3 {
		testkit.Receive(t, "a reply", replies)
	}
	close(g.open)
	if got := body(t.Context(), b, &ann, "/bff/r"); got != `"ann"` {
		t.Errorf("the next got %s", got)
	}
}

// TestOwnChangesAreSeen shows that who has changed something does not get what was asked for before.
func TestOwnChangesAreSeen(t *testing.T) {
	g := newGate()
	var n atomic.Int64
	b := open(t, bff.Options{Backends: serve(t, "b", func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			return
		}
		if n.Add(1) == 1 {
			g.serve(w, r)
			return
		}
		answer(`"new"`)(w, r)
	}), Routes: []bff.Route{{Name: "read", Budget: time.Minute, Proxy: &bff.Part{Backend: "b", Path: "/"}},
		{Name: "write", Proxy: &bff.Part{Backend: "b", Path: "/", Method: "POST"}}}})
	before := calls(1, func() string { return body(t.Context(), b, &ann, "/bff/read") })
	testkit.Eventually(t, "the first to be asked for", func() bool { return len(g.all()) == 1 })
	if w := door(t.Context(), b, &ann, http.MethodPost, "/bff/write", "{}"); w.Code != 200 || w.Body.String() != "null" {
		t.Fatal(w.Code, w.Body)
	}
	if got := body(t.Context(), b, &ann, "/bff/read"); got != `"new"` {
		t.Errorf("got %s", got)
	}
	close(g.open)
	testkit.Receive(t, "the first", before)
}

// TestManyComeAndGo has callers join and leave flights at random. Those who stay get their answer, whoever leaves.
func TestManyComeAndGo(t *testing.T) {
	b := one(t, bff.Route{Name: "r", Budget: time.Minute, Params: []bff.Param{{Name: "id"}}, Proxy: &bff.Part{Backend: "b", Path: "/{params.id}"}},
		serve(t, "b", answer(`"x"`)))
	const callers, times = 16, 40
	replies := make(chan string, callers*times)
	for i := range callers {
		go func() {
			for n := range times {
				ctx, leave := context.WithCancel(t.Context())
				if i%2 == 0 {
					go leave()
				}
				got := body(ctx, b, &ann, "/bff/r?id="+strconv.Itoa(n%3+1))
				leave()
				if i%2 == 0 {
					got = `"x"` // or not
				}
				replies <- got
			}
		}()
	}
	for range callers * times {
		if got := testkit.Receive(t, "a reply", replies); got != `"x"` {
			t.Fatalf("got %s", got)
		}
	}
	if n := bff.Waiting(b); n != 0 {
		t.Errorf("%d still wait", n)
	}
}
