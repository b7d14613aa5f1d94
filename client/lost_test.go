package client_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/client"
	"github.com/hubbub-dev/hubbub/driver/memory"
	"github.com/hubbub-dev/hubbub/ws"
	"github.com/hubbub-dev/hubbub/ws/wstest"
)

// send sends, with a pause so that no rate is exceeded.
func (b bubble) send(to client.Stream, data ...any) {
	b.Helper()
	for _, d := range data {
		if _, err := to.Send(b.Context(), d, client.SendOptions{}); err != nil {
			b.Fatal(err)
		}
		time.Sleep(time.Second)
	}
	synctest.Wait()
}

// join joins the lobby.
func (b bubble) join(c *client.Client, h client.RoomHandler) *client.Room {
	b.Helper()
	room, err := c.Join(b.Context(), "lobby", h)
	if err != nil {
		b.Fatal(err)
	}
	return room
}

// numbers are the numbers from first to last.
func numbers(first, last int) (all []any) {
	for i := first; i <= last; i++ {
		all = append(all, i)
	}
	return all
}

func TestARoomIsRecovered(t *testing.T) {
	inBubble(t, hubbub.Options{}, func(t *testing.T, b bubble) {
		bob := b.join(dial(t, b.options("bob")), client.RoomHandler{})
		b.send(bob.Stream, 1, 2, 3)
		o, l := b.lined("ann")
		var j journal
		h := j.room()
		h.Limit = 2
		ann := b.join(dial(t, o), h)
		b.send(bob.Stream, 4)
		j.expect(t, "2 3 4")
		b.away(l, func() { b.send(bob.Stream, numbers(5, 12)...) }) // more than Limit: in several pages
		b.send(bob.Stream, 13)
		j.expect(t, "5 6 7 8 9 10 11 12 13")

		since := ann.Position() // what a program would keep over its end
		b.send(bob.Stream, 14)
		var again journal
		h = again.room()
		h.Since = since
		b.join(dial(t, b.options("ann")), h)
		synctest.Wait()
		again.expect(t, "14")
	})
}

// full is a driver in which nobody can enter a room for now.
type full struct {
	hubbub.Driver
	now atomic.Bool
}

func (f *full) Enter(ctx context.Context, room, user, session string) (first bool, count int, err error) {
	if f.now.Load() {
		return false, 0, hubbub.Errorf(hubbub.Unavailable, "not now")
	}
	return f.Driver.Enter(ctx, room, user, session)
}

func TestASendWaitsForItsRoomToBeJoinedAgain(t *testing.T) {
	driver := &full{Driver: memory.New(memory.Options{})}
	inBubble(t, hubbub.Options{Driver: driver}, func(t *testing.T, b bubble) {
		o, l := b.lined("ann")
		room := b.join(dial(t, o), client.RoomHandler{})
		driver.now.Store(true)
		l.cut()
		time.Sleep(time.Second) // it is connected again, and the room cannot be joined yet
		sent := make(chan error, 1)
		go func() {
			_, err := room.Send(t.Context(), "late", client.SendOptions{})
			sent <- err
		}()
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if len(sent) > 0 {
			t.Fatalf("the send has ended with %v although nobody can enter the room", <-sent)
		}
		driver.now.Store(false)
		if err := <-sent; err != nil {
			t.Error(err)
		}
	})
}

func TestALossIsTold(t *testing.T) {
	little := []hubbub.RoomRule{{Match: "*", Retention: hubbub.Retention{Messages: 3}}}
	inBubble(t, hubbub.Options{Rooms: little, Private: hubbub.PrivateRule{Retention: hubbub.Retention{Messages: 3}}}, func(t *testing.T, b bubble) {
		bob := dial(t, b.options("bob"))
		room := b.join(bob, client.RoomHandler{})
		o, l := b.lined("ann")
		var inRoom, private journal
		o.Handlers = client.Handlers{Message: private.message, Lost: func(user string) { private.add("lost:" + user) }}
		b.join(dial(t, o), inRoom.room())
		b.send(room.Stream, 1)
		b.send(bob.User("ann"), 1)
		b.away(l, func() {
			b.send(room.Stream, numbers(2, 6)...)
			b.send(bob.User("ann"), numbers(2, 6)...)
		})
		b.send(room.Stream, 7)
		b.send(bob.User("ann"), 7)
		inRoom.expect(t, "1 lost 4 5 6 7")
		private.expect(t, "1 lost:bob 4 5 6 7")
	})
}

// TestAnotherServer begins with an empty history.
func TestAnotherServer(t *testing.T) {
	inBubble(t, hubbub.Options{}, func(t *testing.T, b bubble) {
		o, l := b.lined("ann")
		var inRoom, private journal
		o.Handlers = client.Handlers{Message: private.message, Lost: func(user string) { private.add("lost:" + user) }}
		ann := dial(t, o)
		room := b.join(ann, inRoom.room())
		b.send(room.Stream, 1, 2)
		b.send(ann.User("bob"), 1, 2)
		b.away(l, func() {
			other := newGateway(t, hubbub.Options{})
			b.gateway.hub, b.gateway.sockets, b.gateway.rpc = other.hub, other.sockets, other.rpc
		})
		b.send(room.Stream, 3)
		b.send(ann.User("bob"), 3)
		inRoom.expect(t, "1 2 lost 3")
		private.expect(t, "1 2 lost:bob 3")
	})
}

func TestARoomThatKeepsNothing(t *testing.T) {
	inBubble(t, hubbub.Options{Rooms: []hubbub.RoomRule{{Match: "*", History: hubbub.HistoryNone}}}, func(t *testing.T, b bubble) {
		bob := b.join(dial(t, b.options("bob")), client.RoomHandler{})
		o, l := b.lined("ann")
		var j journal
		b.join(dial(t, o), j.room())
		b.send(bob.Stream, 1)
		b.away(l, func() { b.send(bob.Stream, 2) })
		b.send(bob.Stream, 3)
		j.expect(t, "1 lost 3")
	})
}

func TestPrivateMessagesAreRecovered(t *testing.T) {
	inBubble(t, hubbub.Options{}, func(t *testing.T, b bubble) {
		bob, cid, dan := dial(t, b.options("bob")), dial(t, b.options("cid")), dial(t, b.options("dan"))
		b.send(bob.User("ann"), "before")
		b.send(dan.User("ann"), "before")
		o, l := b.lined("ann")
		journals := map[string]*journal{"bob": {}, "cid": {}, "dan": {}}
		o.Handlers.Message = func(m client.Message) { journals[m.Peer].message(m) }
		o.Handlers.Lost = func(user string) { journals[user].add("lost") }
		ann := dial(t, o)
		b.send(bob.User("ann"), 1)
		b.away(l, func() {
			b.send(bob.User("ann"), 2, 3)
			b.send(cid.User("ann"), 1, 2) // a conversation that is new
			b.send(dan.User("ann"), 1)    // one that was silent
		})
		b.send(ann.User("bob"), 4)
		journals["bob"].expect(t, "1 2 3 4")
		journals["cid"].expect(t, "1 2")
		journals["dan"].expect(t, "1")
		b.away(l, func() {})
		b.send(cid.User("ann"), 3)
		journals["bob"].expect(t, "")
		journals["cid"].expect(t, "3")
	})
}

// TestALossBeforeAllIsKnown has a server that ends the first connection before it has said where the conversations stand, when a message has
// come already.
func TestALossBeforeAllIsKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var heard journal
		srv := ws.NewServer(ws.Options{Logger: slog.New(slog.DiscardHandler)})
		private := func(offset int) string {
			return fmt.Sprintf(`{"peer":"bob","id":"m%d","from":{"user":"bob"},"data":%d,"time":1,"position":{"epoch":"e","offset":%d}}`, offset, offset, offset)
		}
		first := true
		server := wstest.NewServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s := &script{t: t, replies: []string{`{"conversations":[{"user":"bob","position":{"epoch":"e","offset":18}}]}`,
				`{"messages":[` + private(18) + `],"complete":true}`}}
			var err error
			if s.conn, err = srv.Upgrade(w, r); err != nil {
				t.Error(err)
				return
			}
			s.send(`{"method":"welcome","params":{"session":"s","user":"ann"}}`)
			if first {
				first = false
				s.send(`{"method":"user.message","params":` + private(17) + `}`)
				s.conn.Close(4003, "draining")
				return
			}
			s.conn.OnMessage(s.answer)
		}))
		t.Cleanup(func() { _ = srv.Shutdown(t.Context()) }) // the conns are closed by then
		dial(t, client.Options{URL: "ws://memory", Dial: ws.DialOptions{NetDial: server.NetDial}, Retry: true,
			Handlers: client.Handlers{Message: heard.message}})
		time.Sleep(time.Minute)
		heard.expect(t, "17 18")
	})
}

func TestOwnMessagesWithoutEcho(t *testing.T) {
	inBubble(t, hubbub.Options{}, func(t *testing.T, b bubble) {
		o, l := b.lined("ann")
		o.Device = "laptop"
		var j journal
		o.Handlers.Message = j.message
		ann := dial(t, o)
		room := b.join(ann, j.room())
		for _, to := range []client.Stream{room.Stream, ann.User("bob")} {
			if _, err := to.Send(t.Context(), "hidden", client.SendOptions{NoEcho: true}); err != nil {
				t.Fatal(err)
			}
		}
		b.away(l, func() {})
		b.away(l, func() {})
		b.send(room.Stream, "seen")
		j.expect(t, `"seen"`)
	})
}

func TestHandlersMayCall(t *testing.T) {
	inBubble(t, hubbub.Options{}, func(t *testing.T, b bubble) {
		bob := b.join(dial(t, b.options("bob")), client.RoomHandler{})
		o := b.options("ann")
		var j journal
		o.MaxQueue = 2500 // six messages: the handler is soon behind
		ann := dial(t, o)
		h := client.RoomHandler{Message: func(m client.Message) {
			time.Sleep(3 * time.Second) // the bubble's: others send meanwhile
			if _, err := ann.User("bob").Send(t.Context(), m.Data, client.SendOptions{}); err != nil {
				t.Error(err)
			}
			j.message(m)
		}}
		b.join(ann, h)
		b.send(bob.Stream, numbers(1, 20)...)
		time.Sleep(time.Hour)
		synctest.Wait()
		j.expect(t, strings.Trim(fmt.Sprint(numbers(1, 20)), "[]"))
		if n := b.opened.Load(); n != 2 {
			t.Errorf("%d connections were opened", n)
		}
	})
}

func TestLeave(t *testing.T) {
	inBubble(t, hubbub.Options{}, func(t *testing.T, b bubble) {
		bob := b.join(dial(t, b.options("bob")), client.RoomHandler{})
		o, l := b.lined("ann")
		ann := dial(t, o)
		var j journal
		room := b.join(ann, j.room())
		b.send(bob.Stream, 1)
		if err := room.Leave(t.Context()); err != nil {
			t.Fatal(err)
		}
		b.send(bob.Stream, 2)
		b.away(l, func() { b.send(bob.Stream, 3) })
		b.join(ann, client.RoomHandler{Limit: 1, Message: j.message})
		synctest.Wait()
		j.expect(t, fmt.Sprint(1, " ", 3))
	})
}
