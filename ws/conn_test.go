package ws_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub/ws"
)

// soon receives from a channel, or fails.
func soon[T any](t *testing.T, what string, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(20 * time.Second):
		t.Fatalf("waited in vain for %s", what)
		panic("unreachable")
	}
}

func TestEchoKeepsTheType(t *testing.T) {
	_, near, far := pairs(t, 1, ws.Options{})
	near[0].OnMessage(func(m ws.Message) { near[0].Send(m) })
	back := make(chan ws.Message, 3)
	far[0].OnMessage(func(m ws.Message) { back <- m })
	for _, m := range []ws.Message{ws.Text("text"), ws.Binary([]byte{0xff, 0}), ws.JSON(map[string]int{"n": 1}), {}, {Binary: true}} {
		if err := far[0].Send(m); err != nil {
			t.Fatal(err)
		}
		if got := soon(t, "the echo", back); got.String() != m.String() || got.Binary != m.Binary {
			t.Errorf("echo of %+v is %+v", m, got)
		}
	}
}

func TestSendRefusesWhatCannotBeSent(t *testing.T) {
	_, near, _ := pairs(t, 1, ws.Options{})
	c := near[0]
	if err := c.Send(ws.JSON(func() {})); err == nil || !strings.Contains(err.Error(), "JSON") {
		t.Errorf("sending a function as JSON: %v", err)
	}
	if err := c.Send(ws.Text("\xff")); err == nil || !strings.Contains(err.Error(), "UTF-8") {
		t.Errorf("sending broken text: %v", err)
	}
	if err := c.Ping(make([]byte, 126)); err == nil {
		t.Error("a ping of 126 bytes was accepted")
	}
	for _, code := range []ws.Code{999, 1004, 1005, 1006, 1015, 2999, 5000} {
		if err := c.Close(code, ""); err == nil || errors.Is(err, ws.ErrClosed) {
			t.Errorf("Close(%d) = %v, want an error", code, err)
		}
	}
	if c.State() != ws.Open {
		t.Errorf("state is %v after refused calls, want open", c.State())
	}
	c.Close(ws.CodeNormal, "bye")
	for what, err := range map[string]error{"Send": c.Send(ws.Text("x")), "Ping": c.Ping(nil), "Close": c.Close(ws.CodeNormal, "")} {
		if !errors.Is(err, ws.ErrClosed) {
			t.Errorf("%s after Close: %v, want ErrClosed", what, err)
		}
	}
}

func TestCloseTellsBothEnds(t *testing.T) {
	for name, test := range map[string]struct {
		code       ws.Code
		reason     string
		wantCode   ws.Code
		wantReason string
	}{
		"code and reason": {ws.CodeNormal, "bye", ws.CodeNormal, "bye"},
		"own code":        {4567, "", 4567, ""},
		"no code":         {0, "not sent", ws.CodeNoStatus, ""},
		"long reason":     {ws.CodePolicy, strings.Repeat("é", 80), ws.CodePolicy, strings.Repeat("é", 61)},
	} {
		t.Run(name, func(t *testing.T) {
			_, near, far := pairs(t, 2, ws.Options{})
			for i, c := range []*ws.Conn{near[0], far[1]} { // the server closes the first, the client the second
				peer := []*ws.Conn{far[0], near[1]}[i]
				told, heard := make(chan ws.CloseInfo, 1), make(chan ws.CloseInfo, 1)
				c.OnClose(func(info ws.CloseInfo) { told <- info })
				peer.OnClose(func(info ws.CloseInfo) { heard <- info })
				if err := c.Close(test.code, test.reason); err != nil {
					t.Fatal(err)
				}
				if info := soon(t, "the closer's OnClose", told); info.Code != test.wantCode || info.Err != nil {
					t.Errorf("the closer was told %v, want %v and no error", info, test.wantCode)
				}
				if info := soon(t, "the peer's OnClose", heard); info.Code != test.wantCode || info.Reason != test.wantReason || info.Err != nil {
					t.Errorf("the peer was told %v, want %v %q and no error", info, test.wantCode, test.wantReason)
				}
				if c.State() != ws.Closed || peer.State() != ws.Closed {
					t.Errorf("states are %v and %v, want closed", c.State(), peer.State())
				}
			}
		})
	}
}

func TestPingPong(t *testing.T) {
	_, near, far := pairs(t, 1, ws.Options{})
	for _, c := range []*ws.Conn{near[0], far[0]} {
		pong := make(chan string, 1)
		c.OnPong(func(data []byte) { pong <- string(data) })
		c.Ping([]byte("who"))
		if got := soon(t, "the pong", pong); got != "who" {
			t.Errorf("pong has %q", got)
		}
	}
}

func TestContextEndsWithTheCause(t *testing.T) {
	_, near, far := pairs(t, 1, ws.Options{})
	ctx := near[0].Context()
	far[0].Close(4321, "enough")
	soon(t, "the context's end", ctx.Done())
	var info ws.CloseInfo
	if !errors.As(context.Cause(ctx), &info) || info.Code != 4321 || info.Reason != "enough" {
		t.Errorf("cause is %v, want the CloseInfo", context.Cause(ctx))
	}
	if late := near[0].Context(); context.Cause(late) == nil {
		t.Error("a context asked for later has not ended")
	}
}

func TestValues(t *testing.T) {
	_, near, _ := pairs(t, 1, ws.Options{})
	type key struct{}
	if got := near[0].Get(key{}); got != nil {
		t.Errorf("Get before Set = %v", got)
	}
	near[0].Set(key{}, 7)
	if got := near[0].Get(key{}); got != 7 {
		t.Errorf("Get = %v, want 7", got)
	}
}

// TestHandlersRunInOrderOneAtATime has handlers that take their time, of two conns: each conn's run one after the other, both conns' at once.
func TestHandlersRunInOrderOneAtATime(t *testing.T) {
	_, near, far := pairs(t, 2, ws.Options{})
	const count = 300
	meet := make(chan struct{})
	var finished sync.WaitGroup
	for i, c := range near {
		var running atomic.Int32
		next := 0
		finished.Add(1)
		c.OnMessage(func(m ws.Message) {
			if running.Add(1) > 1 {
				t.Error("two handlers of one conn run at a time")
			}
			if m.String() != fmt.Sprint(next) {
				t.Errorf("conn %d got %s, want %d", i, m, next)
			}
			if next++; next == 1 { // each conn's first handler waits for the other conn's
				if i == 0 {
					meet <- struct{}{}
				} else {
					<-meet
				}
			}
			running.Add(-1)
		})
		c.OnClose(func(ws.CloseInfo) {
			if next != count || running.Load() != 0 {
				t.Errorf("conn %d closed after %d messages, want %d and no handler running", i, next, count)
			}
			finished.Done()
		})
	}
	for _, c := range far {
		for n := range count {
			c.Send(ws.Text(fmt.Sprint(n)))
		}
		c.Close(ws.CodeNormal, "")
	}
	finished.Wait()
}

// TestBlockedHandlerStopsReading shows that TCP pushes back on the sender while a handler is behind, that the heartbeat does not take
// that for silence, and that nothing is lost.
func TestBlockedHandlerStopsReading(t *testing.T) {
	_, near, far := pairs(t, 1, ws.Options{Ping: 50 * time.Millisecond, PongTimeout: 50 * time.Millisecond})
	release, ended := make(chan struct{}), make(chan ws.CloseInfo, 1)
	got := 0
	near[0].OnMessage(func(m ws.Message) {
		<-release
		if m.String()[:8] != fmt.Sprintf("%08d", got) {
			t.Errorf("message %d begins with %s", got, m.String()[:8])
		}
		got++
	})
	near[0].OnClose(func(info ws.CloseInfo) { ended <- info })
	sent := 0
	payload := strings.Repeat("x", 4<<10)
	until(t, "the sender is pushed back", func() bool {
		for far[0].Buffered() < 128<<10 {
			if err := far[0].Send(ws.Text(fmt.Sprintf("%08d", sent) + payload)); err != nil {
				t.Fatal(err)
			}
			if sent++; sent > 100_000 {
				t.Fatal("the server goes on reading while its handler is blocked")
			}
		}
		before := far[0].Buffered()
		<-time.After(300 * time.Millisecond) // several heartbeats
		return far[0].Buffered() == before && before > 0
	})
	if near[0].State() != ws.Open {
		t.Fatalf("state is %v: a heartbeat ran while reading was paused", near[0].State())
	}
	close(release)
	far[0].Close(ws.CodeNormal, "done")
	if info := soon(t, "the end", ended); info.Code != ws.CodeNormal || got != sent {
		t.Errorf("got %d of %d messages, then %v", got, sent, info)
	}
}

func TestMessagesLoop(t *testing.T) {
	_, near, far := pairs(t, 1, ws.Options{})
	c, peer := near[0], far[0]
	closed := make(chan ws.CloseInfo, 1)
	c.OnClose(func(info ws.CloseInfo) { closed <- info })
	for _, word := range []string{"a", "b", "c"} {
		peer.Send(ws.Text(word))
	}
	var got []string
	for m := range c.Messages(t.Context()) {
		if got = append(got, m.String()); len(got) == 2 {
			break
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for m := range c.Messages(ctx) { // goes on where the first loop stopped, and ends with its context
		got = append(got, m.String())
		cancel()
	}
	peer.Send(ws.Text("d"))
	peer.Close(ws.CodeNormal, "")
	for m := range c.Messages(t.Context()) {
		got = append(got, m.String())
	}
	if want := []string{"a", "b", "c", "d"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	soon(t, "OnClose", closed)
	for range c.Messages(t.Context()) {
		t.Error("a closed conn has a message")
	}
}

// TestNothingIsLostBeforeTheHandlersAreSet has a client that talks and leaves before the route's handler has got anywhere.
func TestNothingIsLostBeforeTheHandlersAreSet(t *testing.T) {
	left := make(chan struct{})
	var log []string
	var hooks []string
	done := make(chan struct{})
	srv := ws.NewServer(ws.Options{
		OnConnect: func(*ws.Conn) { hooks = append(hooks, "connect") },
		OnClose: func(*ws.Conn, ws.CloseInfo) {
			hooks = append(hooks, "close")
			close(done)
		},
	})
	router := ws.NewRouter(srv)
	router.Handle("/", func(c *ws.Conn) {
		c.OnClose(func(info ws.CloseInfo) { log = append(log, info.Code.String()) })
		<-left
		until(t, "the conn is closed", func() bool { return c.State() == ws.Closed })
		c.OnMessage(func(m ws.Message) { log = append(log, m.String()) })
	})
	hs := httptest.NewServer(router)
	defer hs.Close()
	c, err := ws.Dial(t.Context(), "ws"+strings.TrimPrefix(hs.URL, "http"), ws.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	c.Send(ws.Text("hello"))
	c.Send(ws.Text("and"))
	c.Close(4000, "")
	close(left)
	soon(t, "the server's OnClose", done)
	if want := []string{"hello", "and", "4000"}; !slices.Equal(log, want) {
		t.Errorf("handlers were called with %v, want %v", log, want)
	}
	if want := []string{"connect", "close"}; !slices.Equal(hooks, want) {
		t.Errorf("hooks were called as %v, want %v", hooks, want)
	}
	late := make(chan ws.CloseInfo, 1)
	c.OnClose(func(info ws.CloseInfo) { late <- info })
	soon(t, "an OnClose that was set late", late)
}

func TestGroups(t *testing.T) {
	srv, near, far := pairs(t, 3, ws.Options{})
	other, _, _ := pairs(t, 0, ws.Options{})
	g := srv.Group("g")
	if g.Len() != 0 || len(slices.Collect(g.Conns())) != 0 || g.Broadcast(ws.Text("nobody")) != nil {
		t.Error("an empty group is not empty")
	}
	for range 2 { // the second time changes nothing
		for _, c := range near {
			if err := g.Add(c); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := other.Group("g").Add(near[0]); err == nil {
		t.Error("a conn joined a group of another server")
	}
	if err := g.Add(far[0]); err == nil {
		t.Error("a dialed conn joined a group")
	}
	if got := len(slices.Collect(srv.Group("g").Conns())); g.Len() != 3 || got != 3 {
		t.Errorf("group has %d members and iterates over %d, want 3", g.Len(), got)
	}
	g.Remove(near[0])
	g.Remove(near[0])
	gone := make(chan struct{})
	near[1].OnClose(func(ws.CloseInfo) { close(gone) })
	far[1].Close(ws.CodeNormal, "")
	soon(t, "the end of a member", gone)
	if got := slices.Collect(g.Conns()); len(got) != 1 || got[0] != near[2] {
		t.Errorf("members are %v, want the third conn", got)
	}
	if err := g.Add(near[1]); !errors.Is(err, ws.ErrClosed) {
		t.Errorf("adding a closed conn: %v, want ErrClosed", err)
	}
	if srv.Len() != 2 {
		t.Errorf("server has %d conns, want 2", srv.Len())
	}
	if err := g.Broadcast(ws.JSON(func() {})); err == nil {
		t.Error("a message that cannot be encoded was broadcast")
	}
}

// TestBroadcastWaitsForItsLog has a log of one message, so that every broadcast waits for the one before.
func TestBroadcastWaitsForItsLog(t *testing.T) {
	srv, _, far := pairs(t, 20, ws.Options{Group: func(string) ws.GroupOptions { return ws.GroupOptions{Log: 1} }})
	const count = 200
	var finished sync.WaitGroup
	for _, c := range far {
		finished.Add(count)
		c.OnMessage(func(ws.Message) { finished.Done() })
	}
	var sending sync.WaitGroup
	for range 4 {
		sending.Go(func() {
			for n := range count / 4 {
				srv.Broadcast(ws.Text(fmt.Sprint(n)))
			}
		})
	}
	sending.Wait()
	finished.Wait()
}

// TestGroupTellsHowMuchItTakes says what is free in the log of a group.
func TestGroupTellsHowMuchItTakes(t *testing.T) {
	srv, near, far := pairs(t, 2, ws.Options{Group: func(string) ws.GroupOptions { return ws.GroupOptions{Log: 1000} }})
	g := srv.Group("lobby")
	if n := g.Free(); n != math.MaxInt {
		t.Errorf("%d bytes are free in a group of nobody", n)
	}
	heard := make(chan struct{}, 2)
	for i, c := range near {
		far[i].OnMessage(func(ws.Message) { heard <- struct{}{} })
		if err := g.Add(c); err != nil {
			t.Fatal(err)
		}
	}
	if err := g.Broadcast(ws.Text(strings.Repeat("x", 900))); err != nil {
		t.Fatal(err)
	}
	for range far {
		soon(t, "the message", heard)
	}
	for deadline := time.Now().Add(10 * time.Second); g.Free() != 1000; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d bytes are free when everybody has everything", g.Free())
		}
	}
}

func TestShutdown(t *testing.T) {
	srv, near, far := pairs(t, 3, ws.Options{})
	hs := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { srv.Upgrade(w, r) }))
	defer hs.Close()
	var handled atomic.Bool
	near[0].OnClose(func(ws.CloseInfo) {
		<-time.After(50 * time.Millisecond)
		handled.Store(true)
	})
	told := make(chan ws.CloseInfo, len(far))
	for i, c := range far {
		near[i].Send(ws.Text("last words"))
		words := 0
		c.OnMessage(func(ws.Message) { words++ })
		c.OnClose(func(info ws.CloseInfo) {
			if words != 1 {
				t.Errorf("client heard %d last words, want 1", words)
			}
			told <- info
		})
	}
	if err := srv.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !handled.Load() || srv.Len() != 0 {
		t.Errorf("Shutdown returned with %d conns, and before a handler did: %v", srv.Len(), !handled.Load())
	}
	for range far {
		if info := soon(t, "the client's OnClose", told); info.Code != ws.CodeGoingAway || info.Err != nil {
			t.Errorf("client was told %v, want 1001", info)
		}
	}
	_, err := ws.Dial(t.Context(), "ws"+strings.TrimPrefix(hs.URL, "http"), ws.DialOptions{})
	var refused *ws.HandshakeError
	if !errors.As(err, &refused) || refused.Status != http.StatusServiceUnavailable {
		t.Errorf("dialing a server that is shut down: %v, want 503", err)
	}
	if err := srv.Shutdown(t.Context()); err != nil {
		t.Errorf("second Shutdown: %v", err)
	}
}

func TestShutdownGivesUp(t *testing.T) {
	srv, near, _ := pairs(t, 1, ws.Options{})
	stuck := make(chan struct{})
	near[0].OnClose(func(ws.CloseInfo) { <-stuck })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := srv.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Shutdown with a stuck handler: %v, want the context's error", err)
	}
	close(stuck)
}

// TestLastWordsAreAnswered has a client that says much and closes at once, and a handler that takes its time and answers everything.
func TestLastWordsAreAnswered(t *testing.T) {
	_, near, far := pairs(t, 1, ws.Options{})
	const count = 50
	begun := make(chan struct{})
	near[0].OnMessage(func(m ws.Message) {
		<-begun
		if err := near[0].Send(m); err != nil {
			t.Errorf("the answer to %s: %v", m, err)
		}
	})
	told := make(chan ws.CloseInfo, 1)
	far[0].OnClose(func(info ws.CloseInfo) { told <- info })
	for n := range count {
		far[0].Send(ws.Text(fmt.Sprint(n)))
	}
	far[0].Ping(nil)
	far[0].Close(4001, "bye")
	close(begun)
	if info := soon(t, "the end", told); info.Code != 4001 || info.Err != nil {
		t.Errorf("the client was told %v", info)
	}
	// A browser does not hear messages once it has called close, and neither does our client; the server cannot know.
	until(t, "the server has closed too", func() bool { return near[0].State() == ws.Closed })
}

// TestClosePatienceEnds has a handler that never returns while its peer wants to close.
func TestClosePatienceEnds(t *testing.T) {
	_, near, far := pairs(t, 1, ws.Options{CloseTimeout: 50 * time.Millisecond})
	stuck := make(chan struct{})
	defer close(stuck)
	near[0].OnMessage(func(ws.Message) { <-stuck })
	told := make(chan ws.CloseInfo, 1)
	far[0].OnClose(func(info ws.CloseInfo) { told <- info })
	far[0].Send(ws.Text("stay"))
	far[0].Close(4001, "bye")
	if info := soon(t, "the end", told); info.Code != 4001 || info.Err != nil {
		t.Errorf("the client was told %v, want its own code", info)
	}
	soon(t, "the end of the stuck handler's context", near[0].Context().Done())
}

// TestPingRhythm has a peer that answers at once, so that the next ping is due after Ping however long PongTimeout is.
func TestPingRhythm(t *testing.T) {
	_, near, far := pairs(t, 1, ws.Options{Ping: 20 * time.Millisecond, PongTimeout: time.Hour})
	pongs := make(chan struct{}, 100)
	near[0].OnPong(func([]byte) { pongs <- struct{}{} })
	for range 3 {
		soon(t, "the next pong", pongs)
	}
	far[0].Terminate()
}

// TestPushOnly has a route that sets no OnMessage, and a client that talks nonetheless.
func TestPushOnly(t *testing.T) {
	ended := make(chan ws.CloseInfo, 1)
	router := ws.NewRouter(ws.NewServer(ws.Options{OnClose: func(_ *ws.Conn, info ws.CloseInfo) { ended <- info }}))
	router.Handle("/", func(*ws.Conn) {})
	hs := httptest.NewServer(router)
	defer hs.Close()
	c, err := ws.Dial(t.Context(), "ws"+strings.TrimPrefix(hs.URL, "http"), ws.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Terminate()
	pong := make(chan struct{}, 1)
	c.OnPong(func([]byte) { pong <- struct{}{} })
	for range 200 {
		c.Send(ws.Text(strings.Repeat("x", 4<<10)))
	}
	until(t, "all is read", func() bool { return c.Buffered() == 0 })
	c.Ping(nil)
	soon(t, "the pong", pong)
	c.Close(4001, "")
	if info := soon(t, "the end", ended); info.Code != 4001 {
		t.Errorf("server was told %v", info)
	}
}

// TestHandlerEndsItsGoroutine is what t.Fatal does in a handler.
func TestHandlerEndsItsGoroutine(t *testing.T) {
	_, near, far := pairs(t, 1, ws.Options{})
	got := make(chan string, 2)
	near[0].OnMessage(func(m ws.Message) {
		got <- m.String()
		runtime.Goexit()
	})
	for _, word := range []string{"a", "b"} {
		far[0].Send(ws.Text(word))
		if heard := soon(t, "the message", got); heard != word {
			t.Errorf("got %q, want %q", heard, word)
		}
	}
}

// TestPongsPassMessagesThatNobodyTakes has a push-only conn whose client talks and then floods it with pongs.
func TestPongsPassMessagesThatNobodyTakes(t *testing.T) {
	router := ws.NewRouter(ws.NewServer(ws.Options{}))
	pongs := make(chan string, 1)
	router.Handle("/", func(c *ws.Conn) { c.OnPong(func(data []byte) { pongs <- string(data) }) })
	hs := httptest.NewServer(router)
	defer hs.Close()
	c := rawDial(t, strings.TrimPrefix(hs.URL, "http://"), "/")
	c.write(masked(rawFin|rawText, []byte("stray")))
	for _, word := range []string{"one", "two"} {
		c.write(masked(rawFin|rawPong, []byte(word)))
		if got := soon(t, "the pong", pongs); got != word {
			t.Errorf("pong %q, want %q", got, word)
		}
	}
}

// TestSmallMessagesCount shows that it is not only bytes that MaxPending bounds.
func TestSmallMessagesCount(t *testing.T) {
	_, near, far := pairs(t, 1, ws.Options{MaxPending: 64 << 10})
	far[0].OnMessage(func(ws.Message) { <-t.Context().Done() })
	var err error
	for sent := 0; err == nil; sent++ {
		if err = near[0].Send(ws.Text("x")); sent > 10_000_000 {
			t.Fatal("ten million messages wait, and no limit was met")
		}
	}
	if !errors.Is(err, ws.ErrSlow) {
		t.Errorf("Send ended with %v, want ErrSlow", err)
	}
}
