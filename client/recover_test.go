package client_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/client"
	"github.com/hubbub-dev/hubbub/internal/testkit"
)

// scissors is a TCP proxy that cuts each connection after a random number of bytes from the server, until it is calm.
type scissors struct {
	target string
	calm   atomic.Bool
	cuts   atomic.Int64

	mu     sync.Mutex
	random *rand.Rand
}

func newScissors(t *testing.T, target string, seed uint64) (s *scissors, addr string) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s = &scissors{target: target, random: rand.New(rand.NewPCG(seed, 0))}
	var work sync.WaitGroup
	work.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			work.Go(func() { s.carry(c) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		work.Wait()
	})
	return s, l.Addr().String()
}

// budget is after how many bytes to cut: often within a frame or the handshake, sometimes late enough for much to get through.
func (s *scissors) budget() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.random.Int64N(1 << (8 + s.random.IntN(11)))
}

func (s *scissors) carry(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp4", s.target)
	if err != nil {
		return
	}
	defer server.Close()
	var up sync.WaitGroup
	up.Go(func() {
		_, _ = io.Copy(server, client) // ends when either is closed
		server.Close()
	})
	defer up.Wait()
	defer client.Close()
	_, err = io.CopyN(client, server, s.budget())
	if s.calm.Load() {
		_, _ = io.Copy(client, server)
	}
	if err == nil {
		s.cuts.Add(1)
	}
}

// record is what a client got of a stream.
type record struct {
	mu   sync.Mutex
	ids  []string
	lost int
}

func (r *record) message(m client.Message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ids = append(r.ids, m.ID)
}

func (r *record) lose() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lost++
}

func (r *record) len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.ids)
}

// TestNothingIsLostDoubledOrReordered cuts a client off at random moments, while others and itself send, and compares
// what it got with what was sent, and with what a client got that was never cut off.
func TestNothingIsLostDoubledOrReordered(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	everything := hubbub.Retention{Messages: 100_000, Bytes: 1 << 30, Age: time.Hour}
	fast := hubbub.Rate{PerSecond: -1}
	g := newGateway(t, hubbub.Options{
		Rooms:   []hubbub.RoomRule{{Match: "*", Retention: everything, Rate: fast}},
		Private: hubbub.PrivateRule{Retention: everything, Rate: fast},
	})
	addr := g.over(t)
	cutter, cutAddr := newScissors(t, addr, seed)

	open := func(addr, user string) (c *client.Client, room *client.Room, inRoom, private *record) {
		inRoom, private = &record{}, &record{}
		c = dial(t, client.Options{
			URL: "ws://" + addr + "/ws", Token: tokenOf(user), MinDelay: time.Millisecond, MaxDelay: 10 * time.Millisecond, Retry: true,
			Handlers: client.Handlers{Message: private.message, Lost: func(string) { private.lose() }},
		})
		room, err := c.Join(t.Context(), "lobby", client.RoomHandler{Message: inRoom.message, Lost: inRoom.lose})
		if err != nil {
			t.Fatal(err)
		}
		return c, room, inRoom, private
	}
	bob, bobsRoom, bobInRoom, bobPrivate := open(addr, "bob")
	ann, annsRoom, annInRoom, annPrivate := open(cutAddr, "ann")

	const each, most = 400, 20_000 // messages of each sender: on a fast machine more, until there were enough cuts
	enough := func() bool { return cutter.cuts.Load() >= 5 }
	var sending sync.WaitGroup
	sent := make([][]string, 4) // ids, by sender and stream
	for i, to := range []client.Stream{bobsRoom.Stream, annsRoom.Stream, bob.User("ann"), ann.User("bob")} {
		sending.Go(func() { sent[i] = sendMany(t, to, func(n int) bool { return n < each || n < most && !enough() }) })
	}
	sending.Wait()
	cutter.calm.Store(true)

	check := func(what string, got, peers *record, from, of []string) {
		t.Helper()
		n := len(from) + len(of)
		testkit.Eventually(t, what+" to get everything", func() bool { return got.len() >= n && peers.len() >= n })
		got.mu.Lock()
		defer got.mu.Unlock()
		peers.mu.Lock()
		defer peers.mu.Unlock()
		if got.lost+peers.lost > 0 || !slices.Equal(got.ids, peers.ids) {
			t.Errorf("%s: got %d messages and was told %d times of a loss, without cuts %d and %d; the order is the same: %v", what,
				len(got.ids), got.lost, len(peers.ids), peers.lost, slices.Equal(got.ids, peers.ids))
		}
		want := slices.Sorted(slices.Values(slices.Concat(from, of)))
		if !slices.Equal(slices.Sorted(slices.Values(got.ids)), want) {
			t.Errorf("%s: got other messages than were sent", what)
		}
	}
	check("ann in the room", annInRoom, bobInRoom, sent[0], sent[1])
	check("ann in private", annPrivate, bobPrivate, sent[2], sent[3])
	t.Logf("%d cuts", cutter.cuts.Load())
	if !enough() {
		t.Error("so few cuts: the test says nothing")
	}
}

// sendMany sends while it is told to go on after so many messages.
func sendMany(t *testing.T, to client.Stream, goOn func(n int) bool) (ids []string) {
	for i := 0; goOn(i); i++ {
		sent, err := to.Send(context.WithoutCancel(t.Context()), fmt.Sprint(i), client.SendOptions{})
		if err != nil {
			t.Errorf("send %d to %s: %v", i, to.Name(), err)
			return ids
		}
		ids = append(ids, sent.ID)
	}
	return ids
}
