package rpc_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/rpc"
	"github.com/hubbub-dev/hubbub/ws"
)

// TestSlowReaders says what becomes of clients that stop reading while a room goes on.
func TestSlowReaders(t *testing.T) {
	rate := hubbub.Rate{PerSecond: -1}
	rules := []hubbub.RoomRule{
		{Match: "close", Slow: hubbub.SlowClose, Rate: rate},
		{Match: "drop", Slow: hubbub.SlowDropOldest, Rate: rate},
		{Match: "latest", Slow: hubbub.SlowLatest, Rate: rate},
	}
	const messages = 100 // of 15 KB
	inBubble(t, hubbub.Options{Rooms: rules}, rpc.Options{Rate: rate}, func(t *testing.T, s *server) {
		for _, room := range []string{"close", "drop", "latest"} {
			ann, bob := s.connect(t, "user=ann"), s.connect(t, "user=bob")
			ann.call("room.join", `{"room":"`+room+`"}`)
			bob.call("room.join", `{"room":"`+room+`"}`)
			gate := make(chan struct{})
			bob.conn.OnMessage(func(m ws.Message) {
				<-gate
				bob.receive(m)
			})
			collapse := ""
			if room == "latest" {
				collapse = `"collapse":"c",`
			}
			for i := range messages {
				ann.call("room.send", fmt.Sprintf(`{"room":%q,%s"echo":false,"data":"%d%s"}`, room, collapse, i, strings.Repeat("x", 15000)))
			}
			close(gate)
			synctest.Wait()
			if room == "close" {
				bob.ended(ws.CodeSlow, "slow")
				continue
			}
			lossesAddUp(t, bob, room, messages)
		}
	})
}

// lossesAddUp checks that a client was told of as many messages as it did not get, and got the last one.
func lossesAddUp(t *testing.T, c *client, room string, sent int) {
	t.Helper()
	got, skipped, last := 0, 0, uint64(0)
	for _, f := range c.frames {
		switch f.Method {
		case "room.message":
			got++
			var m struct{ Position hubbub.Position }
			if err := json.Unmarshal(f.Params, &m); err != nil {
				t.Fatal(err)
			}
			last = m.Position.Offset
		case "room.skipped":
			var told struct {
				Room     string
				Messages int
				From, To hubbub.Position
			}
			if err := json.Unmarshal(f.Params, &told); err != nil {
				t.Fatal(err)
			}
			if told.Room != room || told.From.Offset == 0 || told.From.Offset > told.To.Offset {
				t.Errorf("told %s", f)
			}
			skipped += told.Messages
		}
	}
	if got+skipped != sent || skipped == 0 || last != uint64(sent) {
		t.Errorf("room %s: %d came and %d were skipped of %d; the last was %d", room, got, skipped, sent, last)
	}
}
