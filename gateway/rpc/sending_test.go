package rpc_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/memory"
	"github.com/hubbub-dev/hubbub/gateway/rpc"
	"github.com/hubbub-dev/hubbub/ws"
)

// remote is a driver to which the way is long: what is posted arrives when the test says so.
type remote struct {
	*memory.Driver
	mu     sync.Mutex
	posted []func()
}

// BeginPost implements [hubbub.Pipeline].
func (d *remote) BeginPost(_ context.Context, draft hubbub.Draft, done func(hubbub.Appended, error)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.posted = append(d.posted, func() { done(d.Post(context.Background(), draft)) })
}

// waiting is how many messages are on their way, when everybody has done what can be done now.
func (d *remote) waiting() int {
	synctest.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.posted)
}

// arrive has the first n messages arrive that are on their way.
func (d *remote) arrive(n int) {
	synctest.Wait()
	d.mu.Lock()
	some := d.posted[:n]
	d.posted = d.posted[n:]
	d.mu.Unlock()
	for _, post := range some {
		post()
	}
	synctest.Wait()
}

func inBubbleFarAway(t *testing.T, test func(*testing.T, *server, *remote)) {
	synctest.Test(t, func(t *testing.T) {
		d := &remote{Driver: memory.New(memory.Options{})}
		rate := hubbub.Rate{PerSecond: -1}
		s := newServer(t, hubbub.Options{Driver: d, Rooms: []hubbub.RoomRule{{Match: "*", Rate: rate, MaxMessage: 64 << 10}}}, rpc.Options{Rate: rate})
		test(t, s, d)
	})
}

func TestSendsDoNotWaitForEachOther(t *testing.T) {
	inBubbleFarAway(t, func(t *testing.T, s *server, d *remote) {
		ann, bob := s.connect(t, "user=ann"), s.connect(t, "user=bob")
		ann.call("room.join", `{"room":"lobby"}`)
		bob.call("room.join", `{"room":"lobby"}`)
		var ids []string
		for i := range 5 {
			ids = append(ids, ann.send("room.send", fmt.Sprintf(`{"room":"lobby","data":%d}`, i)))
		}
		if n := d.waiting(); n != 5 {
			t.Fatalf("%d messages are on their way, not 5", n)
		}
		d.arrive(5)
		for i, id := range ids {
			if f := ann.reply(id); !strings.Contains(string(f.Result), fmt.Sprintf(`"offset":%d}`, i+1)) {
				t.Errorf("message %d: %s", i, f.text)
			}
			if m := bob.take("room.message"); !strings.Contains(m.text, fmt.Sprintf(`"data":%d,`, i)) {
				t.Errorf("message %d is %s", i, m.text)
			}
		}
	})
}

// TestRequestsTakeEffectInTheirOrder says what waits for messages that are on their way.
func TestRequestsTakeEffectInTheirOrder(t *testing.T) {
	for _, next := range []struct{ method, params string }{
		{"room.leave", `{"room":"lobby"}`},
		{"room.history", `{"room":"lobby"}`},
		{"session.list", `{}`},
		{"ping", `{}`},
	} {
		t.Run(next.method, func(t *testing.T) {
			inBubbleFarAway(t, func(t *testing.T, s *server, d *remote) {
				ann := s.connect(t, "user=ann")
				ann.call("room.join", `{"room":"lobby"}`)
				sent := ann.send("room.send", `{"room":"lobby","data":1}`)
				then := ann.send(next.method, next.params)
				d.waiting()
				if len(ann.frames) > 0 {
					t.Fatalf("before the message was accepted: %s", ann.frames[0].text)
				}
				d.arrive(1)
				if f := ann.reply(sent); f.Error != nil {
					t.Error(f.text)
				}
				if f := ann.reply(then); f.Error != nil {
					t.Error(f.text)
				}
			})
		})
	}
}

func TestSendsToAnotherStreamWait(t *testing.T) {
	inBubbleFarAway(t, func(t *testing.T, s *server, d *remote) {
		ann := s.connect(t, "user=ann")
		ann.call("room.join", `{"room":"lobby"}`)
		ann.send("room.send", `{"room":"lobby","data":1}`)
		other := ann.send("user.send", `{"user":"bob","data":2}`)
		if n := d.waiting(); n != 1 {
			t.Fatalf("%d messages are on their way, not 1", n)
		}
		d.arrive(1)
		if n := d.waiting(); n != 1 {
			t.Fatalf("%d messages are on their way, not the other one", n)
		}
		d.arrive(1)
		if f := ann.reply(other); f.Error != nil {
			t.Error(f.text)
		}
	})
}

// TestSendsAreBounded says how much of a client may be on its way.
func TestSendsAreBounded(t *testing.T) {
	for name, c := range map[string]struct{ bytes, most int }{"many": {1, 64}, "large": {30 << 10, 2}, "huge": {60 << 10, 1}} {
		t.Run(name, func(t *testing.T) {
			inBubbleFarAway(t, func(t *testing.T, s *server, d *remote) {
				ann := s.connect(t, "user=ann")
				ann.call("room.join", `{"room":"lobby"}`)
				total := c.most + 3
				for range total {
					ann.send("room.send", fmt.Sprintf(`{"room":"lobby","echo":false,"data":%q}`, strings.Repeat("x", c.bytes)))
				}
				for left := total; left > 0; left-- {
					if n := d.waiting(); n != min(left, c.most) {
						t.Fatalf("%d messages are on their way and %d are left; %d may be", n, left, c.most)
					}
					d.arrive(1)
				}
				if len(ann.frames) != total {
					t.Errorf("%d replies to %d messages", len(ann.frames), total)
				}
			})
		})
	}
}

// TestAClientThatGoesWhileItsMessagesAreOnTheirWay says that they are accepted before its session ends.
func TestAClientThatGoesWhileItsMessagesAreOnTheirWay(t *testing.T) {
	inBubbleFarAway(t, func(t *testing.T, s *server, d *remote) {
		ann, bob := s.connect(t, "user=ann"), s.connect(t, "user=bob")
		ann.call("room.join", `{"room":"lobby"}`)
		bob.call("room.join", `{"room":"lobby"}`)
		bob.frames = nil
		ann.send("room.send", `{"room":"lobby","data":1}`)
		if n := d.waiting(); n != 1 {
			t.Fatalf("%d messages are on their way, not 1", n)
		}
		if err := ann.conn.Close(ws.CodeNormal, ""); err != nil {
			t.Fatal(err)
		}
		d.arrive(1)
		if len(bob.frames) != 2 || bob.frames[0].Method != "room.message" || bob.frames[1].Method != "room.left" {
			t.Errorf("bob got %+v", bob.frames)
		}
	})
}

// TestAPanicWhileSending says that a conn whose message could not be begun still ends.
func TestAPanicWhileSending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, hubbub.Options{MaySend: func(context.Context, hubbub.Sending) (json.RawMessage, error) { panic("a hook") }}, rpc.Options{})
		ann := s.connect(t, "user=ann")
		ann.call("room.join", `{"room":"lobby"}`)
		ann.send("room.send", `{"room":"lobby","data":1}`)
		ann.ended(ws.CodeInternal, "internal error")
	})
}

// TestAPanicWhenAMessageIsAccepted says that it ends the conn and not the process, and that the session is not waited for.
func TestAPanicWhenAMessageIsAccepted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &remote{Driver: memory.New(memory.Options{})}
		observe := func(method string, _ *hubbub.Error, _ time.Duration) {
			if method == "room.send" {
				panic("a hook")
			}
		}
		s := newServer(t, hubbub.Options{Driver: d}, rpc.Options{Observe: observe})
		ann, bob := s.connect(t, "user=ann"), s.connect(t, "user=bob")
		ann.call("room.join", `{"room":"lobby"}`)
		bob.call("room.join", `{"room":"lobby"}`)
		ann.send("room.send", `{"room":"lobby","data":1}`)
		d.arrive(1)
		ann.ended(ws.CodeInternal, "an error in the server")
		bob.take("room.left")
	})
}
