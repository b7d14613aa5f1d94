package httpapi_test

import (
	"strings"
	"testing"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/httpapi"
)

func TestBroadcast(t *testing.T) {
	s := start(t, set{})
	ann, bob := s.sit(hubbub.Identity{User: "ann"}), s.sit(hubbub.Identity{User: "bob"})
	sent := ok[httpapi.Sent](s, "POST", "/broadcast", `{"data": {"text": "<héllo>"}}`)
	if sent.ID == "" || sent.Time == 0 || sent.Position != nil {
		t.Errorf("answers %+v", sent)
	}
	for _, c := range []*seat{ann, bob} {
		if got := c.gets(t); got != `broadcast {"text": "<héllo>"}` {
			t.Errorf("got %s", got)
		}
	}
	ok[httpapi.Sent](s, "POST", "/broadcast", `{"data": null}`)
	if got := ann.gets(t); got != "broadcast null" {
		t.Errorf("got %s", got)
	}
}

func TestSendToRoom(t *testing.T) {
	s := start(t, set{hub: hubbub.Options{Rooms: []hubbub.RoomRule{
		{Match: "live", History: hubbub.HistoryNone}, {Match: "eu/*", Send: hubbub.AccessBackend, MaxMessage: 100}}}})
	ann := s.sit(hubbub.Identity{User: "ann"}, "live", "eu/lobby")

	first := ok[httpapi.Sent](s, "POST", "/rooms/eu%2Flobby/messages", `{"data": 1, "collapse": "n"}`)
	second := ok[httpapi.Sent](s, "POST", "/rooms/eu%2Flobby/messages", `{"data": 2}`)
	if first.Position == nil || second.Position == nil || second.Position.Epoch != first.Position.Epoch ||
		second.Position.Offset <= first.Position.Offset {
		t.Errorf("answers %+v, then %+v", first, second)
	}
	if sent := ok[httpapi.Sent](s, "POST", "/rooms/live/messages", `{"data": 3}`); sent.Position != nil {
		t.Errorf("nothing is kept, but the position is %+v", sent.Position)
	}
	for _, want := range []string{"room eu/lobby 1", "room eu/lobby 2", "room live 3"} {
		if got := ann.gets(t); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}

	s.refuse(refused{404, hubbub.NotFound, "no rule"}, "POST", "/rooms/us/messages", `{"data": 1}`)
	s.refuse(refused{422, hubbub.Invalid, "room"}, "POST", "/rooms/eu%2F%20/messages", `{"data": 1}`)
	s.refuse(refused{413, hubbub.TooLarge, "100"}, "POST", "/rooms/eu%2Flobby/messages", `{"data": "`+strings.Repeat("x", 100)+`"}`)
	long := strings.Repeat("k", hubbub.MaxID+1)
	s.refuse(refused{422, hubbub.Invalid, "key"}, "POST", "/rooms/live/messages", `{"data": 1, "key": "`+long+`"}`)
	s.refuse(refused{422, hubbub.Invalid, "key"}, "POST", "/rooms/live/messages", `{"data": 1}`, "Idempotency-Key", long)
	s.refuse(refused{422, hubbub.Invalid, "collapse"}, "POST", "/rooms/live/messages", `{"data": 1, "collapse": "`+long+`"}`)
}

func TestIdempotencyKey(t *testing.T) {
	secret, other, err := httpapi.NewKey("other", httpapi.Publish)
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, set{api: httpapi.Options{Keys: []httpapi.Key{other}}})
	const path = "/rooms/lobby/messages"
	first := ok[httpapi.Sent](s, "POST", path, `{"data": 1, "key": "k1"}`)
	for _, again := range []struct{ body, header string }{
		{`{"data": 1, "key": "k1"}`, ""},
		{`{"data": 1}`, "k1"},
		{`{"data": 1}`, `"k1"`},
		{`{"data": 1, "key": "k1"}`, `k1`},
	} {
		if sent := ok[httpapi.Sent](s, "POST", path, again.body, "Idempotency-Key", again.header); sent.ID != first.ID {
			t.Errorf("%+v is another message than the first", again)
		}
	}
	s.refuse(refused{409, hubbub.Conflict, ""}, "POST", path, `{"data": 2, "key": "k1"}`)
	s.refuse(refused{422, hubbub.Invalid, "differ"}, "POST", path, `{"data": 1, "key": "k1"}`, "Idempotency-Key", "k2")

	theirs := ok[httpapi.Sent](s, "POST", path, `{"data": 2, "key": "k1"}`, "Authorization", "Bearer "+secret)
	if theirs.ID == first.ID {
		t.Error("another API key's idempotency key is taken for this one's")
	}
}

func TestSendToUser(t *testing.T) {
	s := start(t, set{})
	phone := s.sit(hubbub.Identity{User: "ann", Device: "phone"})
	laptop := s.sit(hubbub.Identity{User: "ann", Device: "laptop"})
	ok[httpapi.Sent](s, "POST", "/users/ann/messages", `{"data": "all"}`)
	ok[httpapi.Sent](s, "POST", "/users/ann/messages", `{"data": "one", "device": "phone"}`)
	ok[httpapi.Sent](s, "POST", "/users/ann/messages", `{"data": "end"}`)
	for c, want := range map[*seat][]string{
		phone:  {`direct "all"`, `direct "one"`, `direct "end"`},
		laptop: {`direct "all"`, `direct "end"`},
	} {
		for _, w := range want {
			if got := c.gets(t); got != w {
				t.Errorf("got %s, want %s", got, w)
			}
		}
	}
	s.refuse(refused{404, hubbub.NotFound, "bob"}, "POST", "/users/bob/messages", `{"data": 1}`)
	s.refuse(refused{404, hubbub.NotFound, "watch"}, "POST", "/users/ann/messages", `{"data": 1, "device": "watch"}`)
	s.refuse(refused{422, hubbub.Invalid, "user"}, "POST", "/users/%2A/messages", `{"data": 1}`)
	s.refuse(refused{422, hubbub.Invalid, "device"}, "POST", "/users/ann/messages", `{"data": 1, "device": "a b"}`)
}

// TestPlainAndOtherBodies sends the same in the ways that it can be written: the reply is the same.
func TestPlainAndOtherBodies(t *testing.T) {
	s := start(t, set{})
	ann := s.sit(hubbub.Identity{User: "ann", Device: "phone"}, "lobby")
	for _, data := range []string{`1`, `null`, `"}"`, `{"data": {}}`, `[1, 2]`, `"\u007d,"`} {
		for i, body := range []string{`{"data":` + data + `}`, " {\n\t\"data\" : " + data + " } ", `{"data": ` + data + `, "key": ""}`, `{"d\u0061ta": ` + data + `}`} {
			sent := ok[httpapi.Sent](s, "POST", "/rooms/lobby/messages", body)
			if got := ann.gets(t); got != "room lobby "+data || sent.ID == "" || sent.Time == 0 || sent.Position == nil {
				t.Errorf("%s arrives as %s (%d), and answers %+v", body, got, i, sent)
			}
		}
	}
	for _, body := range []string{`{"data":}`, `{"data": 1}}`, `{"data": 1,}`, `{"data": 1, "data": 2, "x": 1}`, `{"data": 1}{`, "{\"data\": 1\u00a0}"} {
		if a := s.call("POST", "/rooms/lobby/messages", body); a.StatusCode != 400 && a.StatusCode != 422 {
			t.Errorf("%s answers %d %s", body, a.StatusCode, a.body)
		}
	}
}
