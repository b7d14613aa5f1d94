package rpc_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/rpc"
	"github.com/hubbub-dev/hubbub/ws"
)

// TestBadParams has for each method what it must refuse. The session goes on after each.
func TestBadParams(t *testing.T) {
	long := strings.Repeat("n", 129)
	bad := map[string][]string{
		"room.join": {`{}`, `null`, `{"room":1}`, `{"room":null}`, `{"room":""}`, `{"room":"a b"}`, `{"room":"a*"}`, `{"room":"a\u0000"}`,
			`{"room":"` + long + `"}`, `{"room":"a","room":"b"}`, `{"room":"a","since":1}`, `{"room":"a","since":{}}`,
			`{"room":"a","since":{"epoch":"e"}}`, `{"room":"a","since":{"epoch":"e","offset":-1}}`,
			`{"room":"a","since":{"epoch":"e","offset":1.5}}`, `{"room":"a","since":{"epoch":"e","offset":"1"}}`,
			`{"room":"a","since":{"epoch":"e","offset":9007199254740992}}`, `{"room":"a","since":{"epoch":1,"offset":1}}`,
			`{"room":"a","since":{"epoch":"` + long + `","offset":1}}`, `{"room":"a","limit":0}`, `{"room":"a","limit":"1"}`,
			`{"room":"a","limit":-1}`, `{"room":"a","limit":1e3}`},
		"room.leave": {`{}`, `{"room":[]}`, `{"room":"a{"}`},
		"room.send": {`{}`, `{"data":1}`, `{"room":"lobby"}`, `{"room":"lobby","data":1,"key":""}`, `{"room":"lobby","data":1,"key":7}`,
			`{"room":"lobby","data":1,"key":"` + long + `"}`, `{"room":"lobby","data":1,"echo":"no"}`,
			`{"room":"lobby","data":1,"collapse":""}`, `{"room":"lobby","data":1,"data":2}`},
		"room.history": {`{}`, `{"room":"lobby","after":{"epoch":"e","offset":1},"before":{"epoch":"e","offset":2}}`,
			`{"room":"lobby","after":17}`, `{"room":"lobby","limit":true}`},
		"room.present":      {`{}`, `{"room":"lobby","after":1}`, `{"room":"lobby","after":"` + strings.Repeat(long, 8) + `"}`},
		"user.send":         {`{}`, `{"user":"bob"}`, `{"user":"","data":1}`, `{"user":null,"data":1}`, `{"user":"b b","data":1}`},
		"user.history":      {`{}`, `{"user":" "}`, `{"user":"bob","before":{"offset":1}}`},
		"conversation.list": {`{"before":{}}`, `{"limit":0}`},
		"message.read": {`{}`, `{"room":"lobby"}`, `{"position":{"epoch":"e","offset":1}}`,
			`{"room":"lobby","user":"bob","position":{"epoch":"e","offset":1}}`, `{"user":"bob","position":null}`},
		"typing":           {`{}`, `{"room":"lobby","user":"bob"}`, `{"user":"bob","active":1}`, `{"user":""}`},
		"presence.get":     {`{}`, `{"users":"bob"}`, `{"users":[1]}`, `{"users":[null]}`, `{"users":["a b"]}`, `{"users":null}`},
		"presence.list":    {`{"attr":{}}`, `{"attr":{"a":"b","c":"d"}}`, `{"attr":{"a":1}}`, `{"attr":"a"}`, `{"attr":{"":"x"}}`, `{"platform":" "}`},
		"presence.watch":   {`{}`, `{"users":[""]}`},
		"presence.unwatch": {`{"users":{}}`},
		"session.end":      {`{}`, `{"others":false}`, `{"session":"a","others":true}`, `{"device":"a b"}`, `{"session":1}`, `{"others":1}`},
		"session.refresh":  {`{}`, `{"token":""}`, `{"token":1}`},
		"room.members":     {`{}`, `{"room":"a b"}`, `{"room":"lobby","after":7}`, `{"room":"lobby","limit":0}`},
		"room.add": {`{}`, `{"room":"lobby"}`, `{"user":"bob"}`, `{"room":"lobby","user":"b b"}`, `{"room":"lobby","user":"bob","role":"king"}`,
			`{"room":"lobby","user":"bob","role":""}`, `{"room":"lobby","user":"bob","role":1}`, `{"room":"lobby","user":["bob"]}`},
		"room.remove": {`{}`, `{"room":"lobby"}`, `{"room":"lobby","user":"` + long + `"}`, `{"room":"lobby","user":"bob","user":"eve"}`},
		"inbox.list": {`{"category":""}`, `{"category":"a b"}`, `{"category":1}`, `{"state":""}`, `{"state":7}`, `{"before":1}`,
			`{"before":"` + strings.Repeat(long, 8) + `"}`, `{"limit":0}`, `{"limit":-1}`, `{"limit":"all"}`, `{"state":"read","state":"seen"}`},
		"inbox.mark": {`{}`, `{"all":true}`, `{"state":"","all":true}`, `{"state":null,"all":true}`, `{"state":["read"],"all":true}`,
			`{"state":"read","ids":[]}`, `{"state":"read","ids":"n"}`, `{"state":"read","ids":[1]}`, `{"state":"read","ids":[null]}`,
			`{"state":"read","ids":{"0":"n"}}`, `{"state":"read","ids":["` + long + `"]}`, `{"state":"read","category":" "}`,
			`{"state":"read","all":1}`, `{"state":"read","all":true,"until":"now"}`, `{"state":"read","all":true,"until":-1}`,
			`{"state":"read","all":true,"until":1.5}`, `{"state":"read","all":true,"until":1e3}`,
			`{"state":"read","all":true,"until":9007199254740992}`, `{"state":"read","all":true,"until":{}}`},
	}
	inBubble(t, hubbub.Options{}, rpc.Options{Rate: hubbub.Rate{PerSecond: -1}}, func(t *testing.T, s *server) {
		ann, bob := s.connect(t, "user=ann"), s.connect(t, "user=bob")
		ann.call("room.join", `{"room":"lobby"}`)
		bob.call("room.join", `{"room":"lobby"}`)
		ann.forget()
		for method, all := range bad {
			for _, params := range all {
				f := ann.reply(ann.send(method, params))
				if f.Error == nil || f.Error.Code != -32602 || f.Error.Data.Reason != "invalid" {
					t.Errorf("%s %.80s: %s", method, params, f)
				}
				ann.call("ping", "")
			}
		}
		many, err := json.Marshal(map[string][]string{"users": make([]string, 1001)})
		if err != nil {
			t.Fatal(err)
		}
		ann.refused("too_large", "presence.get", string(many))
		ann.refused("too_large", "inbox.mark", `{"state":"read","ids":["n"`+strings.Repeat(`,"n"`, 1000)+`]}`)
		ann.refused("too_large", "room.send", `{"room":"lobby","data":"`+strings.Repeat("x", 20000)+`"}`)
		bob.nothing()
	})
}

func TestBadFrames(t *testing.T) {
	inBubble(t, hubbub.Options{}, rpc.Options{}, func(t *testing.T, s *server) {
		ann := s.connect(t, "user=ann")
		for text, want := range map[string]string{
			`{"id":1`:                              "null -32700",
			``:                                     "null -32700",
			`[{"id":1,"method":"ping"}]`:           "null -32600",
			`{"id":{"a":1},"method":"x"}`:          "null -32600",
			`{"id":7,"result":{}}`:                 "7 -32600",
			`{"id":"7","method":"eval"}`:           `"7" -32601`,
			`{"id":7,"method":"bff.home"}`:         "7 -32601",
			`{"id":7,"method":"ping","params":[]}`: "7 -32602",
			`{"id":7,"method":"ping","params":` + strings.Repeat("[", 10000) + strings.Repeat("]", 10000) + `}`: "null -32600",
		} {
			ann.raw(text)
			id, _, _ := strings.Cut(want, " ")
			f := ann.reply(id)
			if f.Error == nil || fmt.Sprint(id, " ", f.Error.Code) != want {
				t.Errorf("%.60s: %s", text, f)
			}
		}
		ann.raw(`{"method":"eval"}`)
		ann.raw(`{"method":"room.join","params":{"room":" "}}`)
		ann.raw(`{"method":"room.join","params":{"room":"lobby"},"unknown":{"field":[1,2]}}`)
		ann.nothing() // notifications are not answered
		ann.call("room.present", `{"room":"lobby"}`)
		if err := ann.conn.Send(ws.Binary([]byte("{}"))); err != nil {
			t.Fatal(err)
		}
		ann.ended(ws.CodeUnsupported, "binary frames are not understood; send text")
	})
}

func TestTooManyBadRequests(t *testing.T) {
	inBubble(t, hubbub.Options{}, rpc.Options{}, func(t *testing.T, s *server) {
		ann := s.connect(t, "user=ann")
		for range 29 {
			ann.raw(`nonsense`)
		}
		ann.call("ping", "")
		for range 10 {
			ann.raw(`nonsense`)
		}
		ann.refused("forbidden", "room.send", `{"room":"lobby","data":1}`) // understood, so it begins anew
		for range 29 {
			ann.send("eval", "")
		}
		ann.forget()
		ann.call("ping", "")
		for range 30 {
			ann.raw(`{"method":"eval"}`)
		}
		ann.ended(rpc.CodeBadRequests, "too_many_bad_requests")
	})
}

func TestTooManyRequests(t *testing.T) {
	inBubble(t, hubbub.Options{}, rpc.Options{Rate: hubbub.Rate{PerSecond: 10, Burst: 5}}, func(t *testing.T, s *server) {
		ann := s.connect(t, "user=ann")
		for range 5 {
			ann.call("ping", "")
		}
		if f := ann.reply(ann.send("ping", "")); f.Error == nil || f.Error.Code != 1003 || f.Error.Data.RetryAfterMS != 100 {
			t.Errorf("the sixth: %s", f)
		}
		time.Sleep(100 * time.Millisecond) // the bubble's
		ann.call("ping", "")
		for range 30 {
			ann.raw(`{"method":"ping"}`)
		}
		ann.ended(rpc.CodeBadRequests, "too_many_bad_requests")
	})
}

func TestManyRooms(t *testing.T) {
	inBubble(t, hubbub.Options{}, rpc.Options{Rate: hubbub.Rate{PerSecond: -1}}, func(t *testing.T, s *server) {
		ann, bob := s.connect(t, "user=ann"), s.connect(t, "user=bob")
		ann.trusting = true
		joined := 0
		for first := 0; first < 10000; first += 200 { // as many as the client can be told of at once
			ids := make([]string, 200)
			for i := range ids {
				ids[i] = ann.send("room.join", fmt.Sprintf(`{"room":"r%d"}`, first+i))
			}
			for _, id := range ids {
				f := ann.reply(id)
				if f.Error == nil {
					joined++
				} else if f.Error.Data.Reason != "too_large" {
					t.Fatal(f)
				}
			}
		}
		if joined != 100 {
			t.Errorf("joined %d rooms", joined)
		}
		bob.call("room.join", `{"room":"r9999"}`)
		ann.call("ping", "")
	})
}

func TestRegisteredMethods(t *testing.T) {
	type observed struct {
		method string
		reason hubbub.Reason
	}
	seen := make(chan observed, 100)
	var release chan struct{}
	var running, most atomic.Int32
	o := rpc.Options{Observe: func(method string, err *hubbub.Error, _ time.Duration) {
		var reason hubbub.Reason
		if err != nil {
			reason = err.Reason
		}
		seen <- observed{method, reason}
	}}
	inBubbleWith(t, o, func(s *rpc.Server) {
		release = make(chan struct{})
		s.Register("x.slow", func(context.Context, *hubbub.Session, json.RawMessage) (any, error) {
			most.Store(max(most.Load(), running.Add(1)))
			<-release
			running.Add(-1)
			return nil, nil
		})
		s.Register("x.echo", func(_ context.Context, who *hubbub.Session, params json.RawMessage) (any, error) {
			return []any{who.Identity().User, params}, nil
		})
		s.Register("x.raw", func(context.Context, *hubbub.Session, json.RawMessage) (any, error) {
			return json.RawMessage(`{"a": 1.50}`), nil
		})
		s.Register("x.none", func(context.Context, *hubbub.Session, json.RawMessage) (any, error) { return json.RawMessage(nil), nil })
		s.Register("x.fail", func(context.Context, *hubbub.Session, json.RawMessage) (any, error) {
			return nil, errors.New("the password is hunter2")
		})
		s.Register("x.bad", func(context.Context, *hubbub.Session, json.RawMessage) (any, error) { return func() {}, nil })
		s.Register("x.panic", func(context.Context, *hubbub.Session, json.RawMessage) (any, error) { panic("oh") })
		s.Register("x.wait", func(ctx context.Context, _ *hubbub.Session, _ json.RawMessage) (any, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
	}, func(t *testing.T, s *server) {
		ann := s.connect(t, "user=ann")
		same(t, string(ann.reply(ann.send("x.echo", `{"a": [1]}`)).Result), `["ann",{"a":[1]}]`)
		same(t, string(ann.reply(ann.send("x.raw", "")).Result), `{"a": 1.50}`)
		same(t, string(ann.reply(ann.send("x.none", "")).Result), "null")
		for _, method := range []string{"x.fail", "x.bad"} {
			if message := ann.refused("unavailable", method, ""); strings.Contains(message, "hunter2") {
				t.Errorf("tells %q", message)
			}
		}
		ann.refused("not_found", "x.unknown", "")
		for _, want := range []observed{{"x.echo", ""}, {"x.raw", ""}, {"x.none", ""}, {"x.fail", "unavailable"}, {"x.bad", "unavailable"}, {"unknown", "not_found"}} {
			if got := <-seen; got != want {
				t.Errorf("observed %v, want %v", got, want)
			}
		}

		for range 20 {
			ann.send("x.slow", "")
		}
		last := ann.send("ping", "")
		ann.nothing() // the 17th waits, and so does all that follows
		if most.Load() != 16 {
			t.Errorf("%d run at once", most.Load())
		}
		close(release)
		ann.reply(last)
		ann.forget()

		eve, bob := s.connect(t, "user=eve"), s.connect(t, "user=bob")
		eve.send("x.wait", "")
		eve.conn.Terminate()
		bob.send("x.panic", "")
		bob.ended(ws.CodeInternal, "an error in the server")
		ann.call("ping", "")
	})
}
