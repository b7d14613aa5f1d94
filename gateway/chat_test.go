package gateway_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/hubbub-dev/hubbub/internal/testkit"
	"github.com/hubbub-dev/hubbub/ws"
)

type joined struct {
	Position struct{ Offset uint64 }
	Messages []struct {
		ID   string
		Data struct{ Text string }
		From struct{ User string }
	}
	More bool
}

func decode[T any](t *testing.T, raw json.RawMessage) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return v
}

func TestTwoPeopleTalk(t *testing.T) {
	g := start(t, "")
	ann := g.join(t, "ann", "Ann Lee")
	bob := g.join(t, "bob", "")
	if f := ann.expect(t, "room.joined"); f.Params.User != "bob" || f.Params.Info.Name != "bob" || f.Params.Present != 2 {
		t.Errorf("Ann is told %+v", f.Params)
	}
	sent := ann.say(t, "  hello <b>Bob</b>\n")
	got := bob.expect(t, "room.message")
	if got.Params != sent.Params {
		t.Errorf("Bob gets %+v, Ann %+v", got.Params, sent.Params)
	}
	p := got.Params
	if p.Data.Text != "hello <b>Bob</b>" || p.From.User != "ann" || p.From.Info.Name != "Ann Lee" || p.Room != "lobby" ||
		p.Position.Offset != 1 || p.ID == "" || p.Time == 0 {
		t.Errorf("Bob gets %+v", p)
	}
}

func TestNewcomerSeesTheConversation(t *testing.T) {
	g := start(t, "")
	const talkers, each = 6, 9 // more than the 50 that are kept, and within what one conn may send at once
	for i := range talkers {
		p := g.join(t, fmt.Sprintf("u%d", i), "")
		for j := range each {
			p.say(t, fmt.Sprintf("%d", i*each+j+1))
		}
	}
	late := g.connect(t, "late", "")
	res := decode[joined](t, late.call(t, "room.join", `{"room":"lobby"}`))
	if len(res.Messages) != 50 || !res.More || res.Position.Offset != talkers*each {
		t.Fatalf("%d messages, more %v, position %+v", len(res.Messages), res.More, res.Position)
	}
	for i, m := range res.Messages {
		if want := fmt.Sprint(talkers*each - 50 + i + 1); m.Data.Text != want {
			t.Fatalf("message %d is %q, want %q", i, m.Data.Text, want)
		}
	}
}

func TestEmptyRoomHasAnEmptyList(t *testing.T) {
	g := start(t, "")
	raw := g.connect(t, "ann", "").call(t, "room.join", `{"room":"lobby"}`)
	if !strings.Contains(string(raw), `"messages":[]`) {
		t.Errorf("%s", raw)
	}
}

func TestPeopleComeAndGo(t *testing.T) {
	g := start(t, "")
	ann := g.join(t, "ann", "")
	bob1 := g.join(t, "bob", "Bob")
	ann.expect(t, "room.joined")
	bob2 := g.join(t, "bob", "Bob") // a second tab: nothing to tell

	type present struct {
		Users []struct {
			User string
			Info struct{ Name string }
		}
		Present int
	}
	now := decode[present](t, ann.call(t, "room.present", `{"room":"lobby"}`))
	if now.Present != 2 || len(now.Users) != 2 || now.Users[0].Info.Name != "Bob" || now.Users[1].User != "ann" {
		t.Errorf("present: %+v", now)
	}

	bob1.conn.Terminate()
	testkit.Receive(t, "the first tab to end", bob1.closed)
	if err := bob2.conn.Close(ws.CodeNormal, ""); err != nil {
		t.Fatal(err)
	}
	if f := ann.expect(t, "room.left"); f.Params.User != "bob" || f.Params.Info.Name != "Bob" || f.Params.Present != 1 {
		t.Errorf("Ann is told %+v", f.Params)
	}
}

func TestNewNameOfSomebodyPresentIsTold(t *testing.T) {
	g := start(t, "")
	ann := g.join(t, "ann", "")
	g.join(t, "bob", "Bob")
	ann.expect(t, "room.joined")
	g.join(t, "bob", "Robert")
	if f := ann.expect(t, "room.joined"); f.Params.User != "bob" || f.Params.Info.Name != "Robert" || f.Params.Present != 2 {
		t.Errorf("Ann is told %+v", f.Params)
	}
}

func TestJoiningAgainIsHarmless(t *testing.T) {
	g := start(t, "")
	ann, bob := g.join(t, "ann", ""), g.join(t, "bob", "")
	ann.expect(t, "room.joined")
	bob.call(t, "room.join", `{"room":"lobby"}`)
	bob.conn.Terminate()
	if f := ann.expect(t, "room.left"); f.Params.Present != 1 {
		t.Errorf("Ann is told %+v", f.Params)
	}
}

func TestWhoHasNotJoinedHearsNothing(t *testing.T) {
	g := start(t, "")
	outside := g.connect(t, "out", "")
	ann := g.join(t, "ann", "")
	ann.say(t, "for members only")
	res := decode[joined](t, outside.call(t, "room.join", `{"room":"lobby"}`)) // the next frame is this reply
	if len(res.Messages) != 1 {
		t.Errorf("%+v", res)
	}
}

func TestBadRequestsAreAnswered(t *testing.T) {
	long := strings.Repeat("ä", 2049)
	for name, c := range map[string]struct {
		send, id string
		code     int
		reason   string
	}{
		"no JSON":         {`hello`, `null`, -32700, ""},
		"nothing":         {` `, `null`, -32700, ""},
		"batch":           {`[{"id":1,"method":"room.join"}]`, `null`, -32600, ""},
		"no object":       {`"room.join"`, `null`, -32600, ""},
		"no method":       {`{"id":1}`, `null`, -32600, ""},
		"method a number": {`{"id":1,"method":7}`, `null`, -32600, ""},
		"id an object":    {`{"id":{"a":1},"method":"room.join"}`, `null`, -32600, ""},
		"id too long":     {`{"id":"` + strings.Repeat("1", 64) + `","method":"room.join"}`, `null`, -32600, ""},
		"unknown method":  {`{"id":1,"method":"room.explode"}`, `1`, -32601, ""},
		"no params":       {`{"id":"x","method":"room.join"}`, `"x"`, -32602, ""},
		"wrong params":    {`{"id":1,"method":"room.join","params":[1]}`, `1`, -32602, ""},
		"other room":      {`{"id":1,"method":"room.join","params":{"room":"attic"}}`, `1`, 1002, "not_found"},
		"not joined":      {`{"id":1,"method":"room.send","params":{"room":"lobby","data":{"text":"x"}}}`, `1`, 1001, "forbidden"},
		"blank text":      {`{"id":1,"method":"room.send","params":{"room":"lobby","data":{"text":" \n "}}}`, `1`, -32602, ""},
		"text too long": {`{"id":1,"method":"room.send","params":{"room":"lobby","data":{"text":"` + long + `"}}}`, `1`, 1004,
			"too_large"},
	} {
		t.Run(name, func(t *testing.T) {
			p := start(t, "").connect(t, "ann", "")
			p.send(t, c.send)
			f := p.next(t, "an error")
			if f.Error == nil || f.Error.Code != c.code || f.Error.Data.Reason != c.reason || string(f.ID) != c.id {
				t.Fatalf("got id %s, error %+v", f.ID, f.Error)
			}
			if f.Error.Message == "" {
				t.Error("the error has no message")
			}
			p.call(t, "room.join", `{"room":"lobby"}`) // the conn still works
		})
	}
}

func TestNotificationsAreNotAnswered(t *testing.T) {
	p := start(t, "").connect(t, "ann", "")
	p.send(t, `{"method":"room.explode"}`)
	p.send(t, `{"method":"room.join","params":{"room":"lobby"}}`)
	p.send(t, `{"method":"room.send","params":{"room":"lobby","data":{"text":"hi"}}}`)
	if f := p.expect(t, "room.message"); f.Params.Data.Text != "hi" {
		t.Errorf("%+v", f.Params)
	}
}

func TestWhoSendsTooFastIsTold(t *testing.T) {
	p := start(t, "").join(t, "ann", "")
	const sent = 25
	for range sent {
		p.send(t, `{"id":1,"method":"room.send","params":{"room":"lobby","data":{"text":"x"}}}`)
	}
	refused := 0
	for replies := 0; replies < sent; {
		f := p.next(t, "a reply")
		if f.Method != "" {
			continue
		}
		replies++
		if f.Error == nil {
			continue
		}
		refused++
		if f.Error.Data.Reason != "rate_limited" || f.Error.Data.RetryAfterMS <= 0 {
			t.Fatalf("%+v", f.Error)
		}
	}
	if refused == 0 {
		t.Errorf("%d requests at once were all served", sent)
	}
}

func TestWhoOnlySendsNonsenseIsClosed(t *testing.T) {
	p := start(t, "").connect(t, "ann", "")
	for range 30 {
		p.send(t, "nonsense")
	}
	if why := testkit.Receive(t, "the close", p.closed); why.Code != 4504 || why.Reason != "too_many_bad_requests" {
		t.Errorf("closed with %+v", why)
	}
}

func TestBinaryIsRefused(t *testing.T) {
	p := start(t, "").connect(t, "ann", "")
	if err := p.conn.Send(ws.Message{Data: []byte("{}"), Binary: true}); err != nil {
		t.Fatal(err)
	}
	if why := testkit.Receive(t, "the close", p.closed); why.Code != ws.CodeUnsupported {
		t.Errorf("closed with %+v", why)
	}
}

func TestHugeRequestIsRefused(t *testing.T) {
	p := start(t, "").connect(t, "ann", "")
	p.send(t, `"`+strings.Repeat("x", 17<<10)+`"`)
	if why := testkit.Receive(t, "the close", p.closed); why.Code != ws.CodeTooBig {
		t.Errorf("closed with %+v", why)
	}
}
