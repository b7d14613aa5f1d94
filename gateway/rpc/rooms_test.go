package rpc_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/rpc"
)

func TestRoom(t *testing.T) {
	inBubble(t, hubbub.Options{}, rpc.Options{}, func(t *testing.T, s *server) {
		ann := s.connect(t, `user=ann&device=a1&info={"name":"Ann"}`)
		same(t, ann.call("room.join", `{"room":"lobby"}`),
			`{"room":"lobby","position":{"epoch":"*","offset":0},"recovered":false,"messages":[],"more":false,"present":1}`)
		bob := s.connect(t, "user=bob&device=b1&platform=ios")
		bob.call("room.join", `{"room":"lobby"}`)
		same(t, ann.took("room.joined"), `{"room":"lobby","user":"bob","count":2}`)

		sent := ann.call("room.send", `{"room":"lobby","data":{"text":"<é\">"},"key":"k1","collapse":"c"}`)
		same(t, sent, `{"id":"*","position":{"epoch":"*","offset":1}}`)
		const message = `{"id":"*","room":"lobby","from":{"user":"ann","info":{"name":"Ann"},"device":"a1"},` +
			`"data":{"text":"<é\">"},"time":"*","position":{"epoch":"*","offset":1},"collapse":"c"}`
		same(t, bob.took("room.message"), message)
		same(t, ann.took("room.message"), message)
		if again := ann.call("room.send", `{"room":"lobby","data":{"text":"<é\">"},"key":"k1","collapse":"c"}`); again != sent {
			t.Errorf("the same key: %s, then %s", sent, again)
		}
		ann.refused("conflict", "room.send", `{"room":"lobby","data":1,"key":"k1"}`)

		same(t, bob.call("room.history", `{"room":"lobby"}`), `{"messages":[`+message+`],"more":false,"complete":true}`)
		same(t, bob.call("room.present", `{"room":"lobby"}`), `{"users":[`+
			`{"user":"ann","info":{"name":"Ann"},"devices":["web"]},{"user":"bob","devices":["ios"]}],"count":2}`)
		same(t, bob.call("room.present", `{"room":"lobby","limit":1}`),
			`{"users":[{"user":"ann","info":{"name":"Ann"},"devices":["web"]}],"count":2,"next":"*"}`)

		same(t, bob.call("room.leave", `{"room":"lobby"}`), `{}`)
		same(t, bob.call("room.leave", `{"room":"lobby"}`), `{}`)
		same(t, ann.took("room.left"), `{"room":"lobby","user":"bob","count":1}`)
		bob.refused("forbidden", "room.send", `{"room":"lobby","data":1}`)
		bob.refused("forbidden", "room.history", `{"room":"lobby"}`)
		bob.refused("forbidden", "room.present", `{"room":"lobby"}`)
		ann.nothing()
		bob.nothing()
	})
}

func TestEchoIsForTheOtherDevices(t *testing.T) {
	inBubble(t, hubbub.Options{}, rpc.Options{}, func(t *testing.T, s *server) {
		tab, other, phone := s.connect(t, "user=ann&device=a1"), s.connect(t, "user=ann&device=a1"), s.connect(t, "user=ann&device=a2")
		for _, c := range []*client{tab, other, phone} {
			c.call("room.join", `{"room":"lobby"}`)
		}
		tab.call("room.send", `{"room":"lobby","data":"x","echo":false}`)
		phone.take("room.message")
		tab.nothing()
		other.nothing()
		same(t, other.call("room.history", `{"room":"lobby"}`), `{"messages":[],"more":false,"complete":true}`)
		tab.reply(tab.send("room.send", `{"room":"lobby","data":null,"echo":null}`)) // null is like missing, but for data
		for _, c := range []*client{tab, other, phone} {
			c.take("room.message")
		}
	})
}

func TestRecovery(t *testing.T) {
	inBubble(t, hubbub.Options{}, rpc.Options{}, func(t *testing.T, s *server) {
		ann, bob := s.connect(t, "user=ann&device=a"), s.connect(t, "user=bob&device=b")
		ann.call("room.join", `{"room":"lobby"}`)
		bob.call("room.join", `{"room":"lobby"}`)
		for i := range 10 {
			ann.call("room.send", fmt.Sprintf(`{"room":"lobby","data":%d}`, i))
		}
		var at struct{ Position json.RawMessage }
		if err := json.Unmarshal(bob.take("room.message").Params, &at); err != nil {
			t.Fatal(err)
		}
		back := s.connect(t, "user=bob&device=b")
		join := back.call("room.join", fmt.Sprintf(`{"room":"lobby","since":%s,"limit":4}`, at.Position))
		if got := datas(t, join); got != "1 2 3 4" {
			t.Errorf("recovered %s", got)
		}
		if !strings.Contains(join, `"recovered":true`) || !strings.Contains(join, `"more":true`) {
			t.Errorf("%.60s…", join)
		}
		if got := datas(t, back.call("room.history", fmt.Sprintf(`{"room":"lobby","after":%s}`, at.Position))); got != "1 2 3 4 5 6 7 8 9" {
			t.Errorf("history after: %s", got)
		}
		if got := datas(t, back.call("room.history", fmt.Sprintf(`{"room":"lobby","before":%s}`, at.Position))); got != "" {
			t.Errorf("history before: %s", got)
		}
		lost := back.call("room.join", `{"room":"lobby","since":{"epoch":"gone","offset":3},"limit":2}`)
		if got := datas(t, lost); got != "8 9" || !strings.Contains(lost, `"recovered":false`) {
			t.Errorf("unknown epoch: %s", lost)
		}
	})
}

// TestPagesSkipWhatIsHidden has more hidden messages in a row than a page.
func TestPagesSkipWhatIsHidden(t *testing.T) {
	inBubble(t, hubbub.Options{}, rpc.Options{}, func(t *testing.T, s *server) {
		ann, phone := s.connect(t, "user=ann&device=a1"), s.connect(t, "user=ann&device=a2")
		ann.call("room.join", `{"room":"lobby"}`)
		phone.call("room.join", `{"room":"lobby"}`)
		phone.call("room.send", `{"room":"lobby","data":"first"}`)
		at := position(t, ann.call("room.history", `{"room":"lobby"}`), 0)
		for range 7 {
			ann.call("room.send", `{"room":"lobby","data":"hidden","echo":false}`)
		}
		phone.call("room.send", `{"room":"lobby","data":"last"}`)
		const page = `{"room":"lobby","limit":2,`
		if join := ann.call("room.join", page+`"since":`+at+`}`); datas(t, join) != `"last"` {
			t.Errorf("joined with %s", join)
		}
		after := ann.call("room.history", page+`"after":`+at+`}`)
		if datas(t, after) != `"last"` {
			t.Errorf("history after: %s", after)
		}
		if before := ann.call("room.history", page+`"before":`+position(t, after, 0)+`}`); datas(t, before) != `"first"` {
			t.Errorf("history before: %s", before)
		}
	})
}

// datas returns the data of the messages in a result.
func datas(t *testing.T, result string) string {
	t.Helper()
	var r struct {
		Messages []struct{ Data json.RawMessage }
	}
	if err := json.Unmarshal([]byte(result), &r); err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, m := range r.Messages {
		all = append(all, string(m.Data))
	}
	return strings.Join(all, " ")
}

func TestPagesAreBounded(t *testing.T) {
	inBubble(t, hubbub.Options{Rooms: []hubbub.RoomRule{{Match: "*", Rate: hubbub.Rate{PerSecond: -1}}}}, rpc.Options{},
		func(t *testing.T, s *server) {
			ann := s.connect(t, "user=ann")
			ann.call("room.join", `{"room":"lobby"}`)
			for i := range 40 {
				ann.call("room.send", fmt.Sprintf(`{"room":"lobby","data":"%d%s"}`, i, strings.Repeat("x", 10000)))
			}
			join := ann.call("room.join", `{"room":"lobby"}`)
			got := strings.Fields(strings.ReplaceAll(datas(t, join), "x", ""))
			if len(got) != 25 || got[24] != `"39"` || !strings.Contains(join[len(join)-60:], `"more":true`) {
				t.Errorf("joined with %v … %s", got, join[len(join)-60:])
			}
			after := ann.call("room.history", `{"room":"lobby","after":`+position(t, join, 0)+`}`)
			if got := strings.Fields(strings.ReplaceAll(datas(t, after), "x", "")); len(got) != 24 || got[0] != `"16"` {
				t.Errorf("history has %v", got)
			}
		})
}

// position returns the position of the message with an index in a result.
func position(t *testing.T, result string, i int) string {
	t.Helper()
	var r struct {
		Messages []struct{ Position json.RawMessage }
	}
	if err := json.Unmarshal([]byte(result), &r); err != nil {
		t.Fatal(err)
	}
	return string(r.Messages[i].Position)
}

func TestRoomRules(t *testing.T) {
	rules := []hubbub.RoomRule{
		{Match: "news", Send: hubbub.AccessBackend},
		{Match: "secret", Join: hubbub.AccessToken},
		{Match: "fleeting", History: hubbub.HistoryNone, HidePresence: true, Quiet: true, MaxMessage: 10},
		{Match: "many-*"},
		{Match: "slow", Rate: hubbub.Rate{PerSecond: 1, Burst: 1}},
	}
	o := hubbub.Options{Rooms: rules, Limits: hubbub.Limits{RoomsPerSession: 5}}
	inBubble(t, o, rpc.Options{}, func(t *testing.T, s *server) {
		ann := s.connect(t, "user=ann")
		ann.call("room.join", `{"room":"news"}`)
		ann.refused("forbidden", "room.send", `{"room":"news","data":1}`)
		if _, err := s.hub.SendRoom(t.Context(), "news", "desk", hubbub.Outgoing{Data: []byte(`"hot"`)}); err != nil {
			t.Fatal(err)
		}
		same(t, ann.took("room.message"), `{"id":"*","room":"news","data":"hot","time":"*","position":{"epoch":"*","offset":1}}`)
		ann.refused("forbidden", "room.join", `{"room":"secret"}`)
		ann.refused("not_found", "room.join", `{"room":"nowhere"}`)
		ann.refused("not_found", "room.send", `{"room":"nowhere","data":1}`)
		same(t, ann.call("room.join", `{"room":"fleeting"}`),
			`{"room":"fleeting","position":null,"recovered":false,"messages":[],"more":false}`)
		same(t, ann.call("room.send", `{"room":"fleeting","data":1}`), `{"id":"*"}`)
		same(t, ann.took("room.message"), `{"id":"*","room":"fleeting","from":{"user":"ann","device":"*"},"data":1,"time":"*"}`)
		ann.refused("too_large", "room.send", `{"room":"fleeting","data":"123456789"}`)
		ann.refused("forbidden", "room.present", `{"room":"fleeting"}`)
		ann.call("room.join", `{"room":"slow"}`)
		ann.call("room.send", `{"room":"slow","data":1}`)
		if f := ann.reply(ann.send("room.send", `{"room":"slow","data":1}`)); f.Error == nil || f.Error.Data.RetryAfterMS != 1000 {
			t.Errorf("too fast: %s", f)
		}
		for i := range 2 {
			ann.call("room.join", fmt.Sprintf(`{"room":"many-%d"}`, i))
		}
		ann.refused("too_large", "room.join", `{"room":"many-2"}`)
	})
}
