package ws_test

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub/ws"
)

// until polls a condition.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
		<-time.After(time.Millisecond)
	}
}

// stuck makes a client that reads nothing until open is called, and then collects what it is sent.
type stuck struct {
	gate chan struct{}
	mu   sync.Mutex
	got  []string
	info *ws.CloseInfo
}

func newStuck(c *ws.Conn) *stuck {
	s := &stuck{gate: make(chan struct{})}
	c.OnMessage(func(m ws.Message) {
		<-s.gate
		s.mu.Lock()
		defer s.mu.Unlock()
		word, _, _ := strings.Cut(m.String(), " ")
		s.got = append(s.got, word)
	})
	c.OnClose(func(info ws.CloseInfo) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.info = &info
	})
	return s
}

func (s *stuck) received() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.got...)
}

func (s *stuck) closed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.info != nil
}

// A socket's buffers take some megabytes before a slow policy has anything to do.
const (
	slowMessages = 3000
	slowPayload  = 8 << 10
)

func numbered(n int) ws.Message {
	return ws.Text(fmt.Sprintf("%d %s", n, strings.Repeat("x", slowPayload)))
}

func TestSlowDropOldest(t *testing.T) {
	srv, near, far := pairs(t, 2, ws.Options{Group: func(key string) ws.GroupOptions {
		return ws.GroupOptions{Slow: ws.SlowDropOldest, MaxPending: 10 * slowPayload}
	}})
	var skipped, calls atomic.Int64
	var first atomic.Pointer[string]
	near[0].OnSkip(func(s ws.Skipped) {
		skipped.Add(int64(s.Messages))
		calls.Add(1)
		word, _, _ := strings.Cut(s.First.String(), " ")
		first.CompareAndSwap(nil, &word)
		if s.Group.Key() != "ticker" || s.Bytes < s.Messages*slowPayload {
			t.Errorf("skipped %+v, want of group ticker with all its bytes", s)
		}
	})
	slow, quick := newStuck(far[0]), newStuck(far[1])
	close(quick.gate)
	ticker := srv.Group("ticker")
	for _, c := range near {
		if err := ticker.Add(c); err != nil {
			t.Fatal(err)
		}
	}
	for n := range slowMessages {
		if err := ticker.Broadcast(numbered(n)); err != nil {
			t.Fatal(err)
		}
		// The quick one must not become slow in a test that is about the other.
		until(t, "the quick member has the message", func() bool { return len(quick.received()) > n-5 })
	}
	near[0].Send(ws.Text("end"))
	close(slow.gate)
	until(t, "the slow member has read all", func() bool {
		got := slow.received()
		return len(got) > 0 && got[len(got)-1] == "end"
	})
	got := slow.received()
	got = got[:len(got)-1]
	until(t, "all skips are told", func() bool { return int(skipped.Load())+len(got) == slowMessages })
	gaps := 0
	for i, word := range got {
		n, err := strconv.Atoi(word)
		if err != nil {
			t.Fatalf("message %q is not whole", word)
		}
		if i > 0 {
			if before, _ := strconv.Atoi(got[i-1]); n <= before {
				t.Fatalf("message %d came after %d", n, before)
			} else if n != before+1 {
				gaps++
			}
		}
	}
	if gaps == 0 || got[len(got)-1] != strconv.Itoa(slowMessages-1) {
		t.Errorf("got %d messages with %d gaps, the last %s; want the newest after a gap", len(got), gaps, got[len(got)-1])
	}
	if stats := ticker.Stats(); stats.Skipped != uint64(skipped.Load()) || stats.SlowClosed != 0 {
		t.Errorf("Stats() = %+v, want %d skipped", stats, skipped.Load())
	}
	if first.Load() == nil || *first.Load() == "0" {
		t.Errorf("first skipped message is %v, want one that the socket had not taken", first.Load())
	}
}

func TestSlowLatest(t *testing.T) {
	srv, near, far := pairs(t, 1, ws.Options{Group: func(key string) ws.GroupOptions {
		return ws.GroupOptions{Slow: ws.SlowLatest}
	}})
	slow := newStuck(far[0])
	prices := srv.Group("prices")
	prices.Add(near[0])
	const symbols = 5
	for n := range slowMessages {
		m := numbered(n)
		m.Collapse = strconv.Itoa(n % symbols)
		prices.Broadcast(m)
	}
	near[0].Send(ws.Text("end"))
	close(slow.gate)
	until(t, "the slow member has read all", func() bool {
		got := slow.received()
		return len(got) > 0 && got[len(got)-1] == "end"
	})
	got := slow.received()
	tail := got[len(got)-1-symbols : len(got)-1]
	for i, word := range tail {
		if want := strconv.Itoa(slowMessages - symbols + i); word != want {
			t.Errorf("the last messages are %v, want the newest of each symbol", tail)
			break
		}
	}
	if stats := prices.Stats(); int(stats.Skipped)+len(got)-1 != slowMessages {
		t.Errorf("%d skipped and %d received of %d", stats.Skipped, len(got)-1, slowMessages)
	}
}

func TestSlowClose(t *testing.T) {
	srv, near, far := pairs(t, 3, ws.Options{CloseTimeout: 300 * time.Millisecond})
	slow, quick := newStuck(far[0]), newStuck(far[1])
	close(quick.gate)
	newStuck(far[2]) // no member
	ended := make(chan ws.CloseInfo, 1)
	near[0].OnClose(func(info ws.CloseInfo) { ended <- info })
	news := srv.Group("news")
	news.Add(near[0])
	news.Add(near[1])
	for n := range slowMessages {
		news.Broadcast(numbered(n))
		until(t, "the quick member has the message", func() bool { return len(quick.received()) > n-5 })
	}
	until(t, "the quick member has all", func() bool { return len(quick.received()) == slowMessages })
	if info := <-ended; info.Code != ws.CodeSlow || info.Err == nil {
		t.Errorf("the slow member ended with %v, want CodeSlow", info)
	}
	if got := news.Len(); got != 1 {
		t.Errorf("the group has %d members, want the quick one", got)
	}
	if stats := news.Stats(); stats.SlowClosed != 1 || stats.Skipped != 0 {
		t.Errorf("Stats() = %+v, want one closed", stats)
	}
	close(slow.gate)
	until(t, "the slow client knows", slow.closed)
	for i, word := range slow.received() {
		if word != strconv.Itoa(i) {
			t.Fatalf("the slow member got %s as message %d: nothing may be skipped before it is closed", word, i)
		}
	}
}

// TestSlowGroupLeavesRoom has a member that is stuck in a group that drops: direct messages must still find room, and leaving and joining
// again must not make more of it.
func TestSlowGroupLeavesRoom(t *testing.T) {
	srv, near, far := pairs(t, 1, ws.Options{Group: func(string) ws.GroupOptions { return ws.GroupOptions{Slow: ws.SlowDropOldest} }})
	slow := newStuck(far[0])
	defer close(slow.gate)
	ticker := srv.Group("ticker")
	for n := range slowMessages {
		if n%100 == 0 {
			ticker.Remove(near[0])
			if err := ticker.Add(near[0]); err != nil {
				t.Fatal(err)
			}
		}
		ticker.Broadcast(numbered(n))
	}
	until(t, "something was skipped", func() bool { return ticker.Stats().Skipped > 0 })
	if got := near[0].Buffered(); got > 1<<20+2*slowPayload {
		t.Errorf("%d bytes wait, over MaxPending", got)
	}
	if near[0].State() != ws.Open {
		t.Errorf("the member is %v: a dropping group must not end it", near[0].State())
	}
}
