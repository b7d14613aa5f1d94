package client_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/hubbub-dev/hubbub/client"
	"github.com/hubbub-dev/hubbub/ws"
	"github.com/hubbub-dev/hubbub/ws/wstest"
)

// script is a server that says what a test wants, in an order that a gateway takes only seldom. To each room.join it
// answers with the next of its replies, of which all lines but the last are what it says before that.
type script struct {
	t       *testing.T
	conn    *ws.Conn
	replies []string
	asked   journal // the requests
}

// scripted opens a client of such a server.
func scripted(t *testing.T, h client.RoomHandler, test func(s *script), replies ...string) {
	t.Helper()
	scriptedWith(t, client.Handlers{}, h, test, replies...)
}

func scriptedWith(t *testing.T, all client.Handlers, h client.RoomHandler, test func(s *script), replies ...string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &script{t: t, replies: replies}
		srv := ws.NewServer(ws.Options{Logger: slog.New(slog.DiscardHandler)})
		server := wstest.NewServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c, err := srv.Upgrade(w, r)
			if err != nil {
				t.Error(err)
				return
			}
			s.conn = c
			s.say("welcome", `{"session":"s","user":"ann"}`)
			c.OnMessage(s.answer)
		}))
		t.Cleanup(func() { _ = srv.Shutdown(t.Context()) }) // the conns are closed by then
		c := dial(t, client.Options{URL: "ws://memory", Dial: ws.DialOptions{NetDial: server.NetDial}, Handlers: all})
		if _, err := c.Join(t.Context(), "lobby", h); err != nil {
			t.Fatal(err)
		}
		test(s)
	})
}

func (s *script) answer(m ws.Message) {
	var request struct {
		ID     int
		Method string
		Params json.RawMessage
	}
	if err := m.Unmarshal(&request); err != nil {
		s.t.Error(err)
	}
	s.asked.add(request.Method + string(request.Params))
	if len(s.replies) == 0 {
		s.t.Errorf("asked for too much: %s", m)
		return
	}
	lines := strings.Split(s.replies[0], "\n")
	for _, line := range lines[:len(lines)-1] {
		s.send(line)
	}
	s.send(fmt.Sprintf(`{"id":%d,"result":%s}`, request.ID, lines[len(lines)-1]))
	s.replies = s.replies[1:]
}

func (s *script) send(text string) {
	if err := s.conn.Send(ws.Text(text)); err != nil {
		s.t.Error(err)
	}
}

func (s *script) say(method, params string) {
	s.send(fmt.Sprintf(`{"jsonrpc":"2.0","method":%q,"params":%s}`, method, params))
	synctest.Wait()
}

// live sends live messages of an epoch.
func (s *script) live(epoch string, offsets ...int) {
	for _, o := range offsets {
		s.say("room.message", message(epoch, o))
	}
}

func message(epoch string, offset int) string {
	return fmt.Sprintf(`{"id":"m","room":"lobby","data":%d,"time":1,"position":{"epoch":%q,"offset":%d}}`, offset, epoch, offset)
}

// joinedAt is the reply to a join, with messages.
func joinedAt(recovered bool, epoch string, at int, offsets ...int) string {
	var all []string
	for _, o := range offsets {
		all = append(all, message(epoch, o))
	}
	return fmt.Sprintf(`{"room":"lobby","position":{"epoch":%q,"offset":%d},"recovered":%v,"messages":[%s],"more":false}`, epoch, at,
		recovered, strings.Join(all, ","))
}

func TestEachPositionIsHandedOverOnce(t *testing.T) {
	var j journal
	scripted(t, j.room(), func(s *script) {
		s.live("e", 2, 3, 3, 2, 5, 4)
		j.expect(t, "1 2 3 5")
		s.live("f", 1, 2)
		j.expect(t, "lost 1 2")
	}, joinedAt(false, "e", 2, 1, 2))
}

func TestWhatWasSkippedIsFetched(t *testing.T) {
	const gap = `{"room":"lobby","messages":2,"from":{"epoch":"e","offset":3},"to":{"epoch":"e","offset":4}}`
	var j journal
	scripted(t, j.room(), func(s *script) {
		s.say("room.skipped", gap)
		s.live("e", 5, 6)
		j.expect(t, "1 2 3 4 5 6")
		s.asked.expect(t, `room.join{"room":"lobby"} room.join{"room":"lobby","since":{"epoch":"e","offset":2}}`)
	}, joinedAt(false, "e", 2, 1, 2), joinedAt(true, "e", 5, 3, 4, 5))

	// Nothing can be put between what was handed over already.
	scripted(t, j.room(), func(s *script) {
		s.live("e", 5)
		s.say("room.skipped", gap)
		s.live("e", 6)
		j.expect(t, "1 2 5 lost 4 5 6")
		s.asked.expect(t, `room.join{"room":"lobby"} room.join{"room":"lobby"}`)
	}, joinedAt(false, "e", 2, 1, 2), joinedAt(false, "e", 5, 4, 5))

	// More is left out before the server answers, which has looked before that.
	const more = `{"method":"room.skipped","params":{"room":"lobby","messages":2,"from":{"epoch":"e","offset":5},"to":{"epoch":"e","offset":6}}}`
	scripted(t, j.room(), func(s *script) {
		s.say("room.skipped", gap)
		s.live("e", 7)
		j.expect(t, "1 2 3 4 5 6 7")
	}, joinedAt(false, "e", 2, 1, 2), more+"\n"+joinedAt(true, "e", 4, 3, 4), joinedAt(true, "e", 6, 5, 6))

	h := j.room()
	h.Skipped = func(s client.Skipped) { j.add(fmt.Sprint("skipped ", s.Messages, " from ", s.From.Offset)) }
	scripted(t, h, func(s *script) {
		s.say("room.skipped", gap)
		s.live("e", 5)
		j.expect(t, "1 2 skipped 2 from 3 5")
	}, joinedAt(false, "e", 2, 1, 2))
}

func TestWhatIsNotUnderstoodIsIgnored(t *testing.T) {
	var j journal
	scriptedWith(t, j.inboxHandlers(), j.room(), func(s *script) {
		for _, text := range []string{"", "x", "[]", "{}", `{"id":99,"result":1}`, `{"id":null,"error":{}}`, `{"method":"new.thing"}`,
			`{"method":"room.message"}`, `{"method":"room.message","params":{"room":7}}`, `{"method":"room.message","params":{"room":"hall"}}`,
			`{"method":"inbox.notice"}`, `{"method":"inbox.notice","params":{"id":7}}`, `{"method":"inbox.counts","params":[]}`,
			`{"method":"inbox.marked","params":{"ids":"x"}}`, `{"method":"inbox.removed","params":7}`, `{"method":"room.member","params":{"room":7}}`} {
			s.send(text)
		}
		if err := s.conn.Send(ws.Binary([]byte{1})); err != nil {
			t.Error(err)
		}
		s.live("e", 3)
		j.expect(t, "3")
	}, joinedAt(false, "e", 2))
}
