package hook_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/backend"
	"github.com/hubbub-dev/hubbub/gateway/hook"
)

// TestJoin asks about the rooms of the rule alone, and does as it is told.
func TestJoin(t *testing.T) {
	d := &decider{answer: says(`{"allow": true, "later": {"unknown": 1}}`)}
	s := session(t, d.hooks(t, hook.Rule{On: hook.OnRoomJoin, Rooms: []string{"shop-*", "vip"}}), ann)
	if err := join(s, "lobby"); err != nil {
		t.Fatal(err)
	}
	if _, n := d.last(); n != 0 {
		t.Error("was asked about a room that no rule is about")
	}
	if err := join(s, "shop-1"); err != nil {
		t.Fatal(err)
	}
	got, _ := d.last()
	if want := fmt.Sprintf(`{"attrs":{"plan":"pro"},"device":"d1","hook":"room.join","info":{"name":"Ann"},"platform":"web","room":"shop-1","session":%q,"user":"ann"}`, s.ID()); got != want {
		t.Errorf("asked %s\nwant  %s", got, want)
	}
	if d.header.Get("Hubbub-User") != "ann" || strings.Count(d.header.Get("Hubbub-Identity"), ".") != 2 {
		t.Errorf("asked with %v", d.header)
	}
	d.answer = says(`{"allow": false, "message": "the shop is closed"}`)
	want(t, join(s, "vip"), hubbub.Forbidden, "the shop is closed")
	if _, err := s.SendRoom(t.Context(), "shop-1", hubbub.Outgoing{Data: json.RawMessage(`1`)}); err != nil {
		t.Errorf("a rule on joining refuses a message: %v", err)
	}
}

// TestSend may change what is sent.
func TestSend(t *testing.T) {
	d := &decider{answer: says(`{"allow": true}`)}
	h := d.hooks(t, hook.Rule{On: hook.OnRoomSend, Rooms: []string{"lobby"}}, hook.Rule{On: hook.OnUserSend})
	if h.MayJoin() != nil {
		t.Error("there are no rules about joining and connecting")
	}
	s := session(t, h, ann)
	for _, room := range []string{"lobby", "other"} {
		if err := join(s, room); err != nil {
			t.Fatal(err)
		}
	}
	send := func(room, user, data string) (string, error) {
		m, err := hubbub.Message{}, error(nil)
		if room != "" {
			m, err = s.SendRoom(t.Context(), room, hubbub.Outgoing{Data: json.RawMessage(data), Key: "k" + data})
		} else {
			m, err = s.SendUser(t.Context(), user, hubbub.Outgoing{Data: json.RawMessage(data)})
		}
		return string(m.Data), err
	}
	if data, err := send("lobby", "", `"<a&b>"`); err != nil || data != `"<a&b>"` {
		t.Errorf("sent %s, %v", data, err)
	}
	got, _ := d.last()
	const common = `{"attrs":{"plan":"pro"},"data":%s,"device":"d1","hook":%q,"info":{"name":"Ann"},%s"platform":"web",%s"user":"ann"}`
	if want := fmt.Sprintf(common, `"\u003ca\u0026b\u003e"`, "room.send", `"key":"k\"\u003ca\u0026b\u003e\"",`,
		fmt.Sprintf(`"room":"lobby","session":%q,`, s.ID())); got != want {
		t.Errorf("asked %s\nwant  %s", got, want)
	}
	d.answer = says(`{"allow": true, "data": {"text": "****", "n": 12345678901234567890}}`)
	if data, err := send("", "bob", `{"text":"damn"}`); err != nil || data != `{"text": "****", "n": 12345678901234567890}` {
		t.Errorf("sent %s, %v", data, err)
	}
	got, _ = d.last()
	if want := fmt.Sprintf(common, `{"text":"damn"}`, "user.send", "", fmt.Sprintf(`"session":%q,"to":"bob",`, s.ID())); got != want {
		t.Errorf("asked %s\nwant  %s", got, want)
	}
	d.answer = says(`{"allow": true, "data": null}`)
	if data, err := send("lobby", "", `7`); err != nil || data != `7` {
		t.Errorf("sent %s, %v", data, err)
	}
	d.answer = says(`{"allow": false, "reason": "unauthorized"}`)
	_, err := send("lobby", "", `8`)
	want(t, err, hubbub.Unauthorized, "you may not send this message")
	if _, err = send("other", "", `9`); err != nil {
		t.Errorf("a rule on another room refuses: %v", err)
	}
}

// TestFirstRule decides alone.
func TestFirstRule(t *testing.T) {
	no, yes := &decider{answer: says(`{"allow": false}`)}, &decider{answer: says(`{"allow": true}`)}
	backends := map[string]*backend.Backend{}
	for name, d := range map[string]*decider{"no": no, "yes": yes} {
		server := httptest.NewServer(d)
		t.Cleanup(server.Close)
		b, err := backend.New(backend.Config{Name: name, URL: server.URL})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(b.Close)
		backends[name] = b
	}
	h, err := hook.New(hook.Options{Rules: []hook.Rule{{On: hook.OnRoomJoin, Rooms: []string{"a*"}, Backend: "yes", Path: "/"},
		{On: hook.OnRoomSend, Backend: "no", Path: "/"}, {On: hook.OnRoomJoin, Backend: "no", Path: "/"}}, Backends: backends})
	if err != nil {
		t.Fatal(err)
	}
	s := session(t, h, ann)
	if err := join(s, "abc"); err != nil {
		t.Error(err)
	}
	want(t, join(s, "xyz"), hubbub.Forbidden, "you may not join this room")
	if _, n := no.last(); n != 1 {
		t.Errorf("the second rule was asked %d times, want once", n)
	}
}

// failures are ways in which a backend does not say whether something is allowed.
var failures = map[string]http.HandlerFunc{
	"hangs": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
	"trickles": func(w http.ResponseWriter, r *http.Request) {
		for tick := time.NewTicker(10 * time.Millisecond); r.Context().Err() == nil; <-tick.C {
			io.WriteString(w, " ")
			w.(http.Flusher).Flush()
		}
	},
	"hangs up": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	"500":      func(w http.ResponseWriter, _ *http.Request) { http.Error(w, `{"allow": true}`, 500) },
	"404":      func(w http.ResponseWriter, _ *http.Request) { http.Error(w, `{"allow": true}`, 404) },
	"201":      func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(201); io.WriteString(w, `{"allow": true}`) },
	"redirect": func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/other", http.StatusTemporaryRedirect)
	},
	"too large":      says(`{"allow": true, "data": "` + strings.Repeat("x", 2<<20) + `"}`),
	"empty":          says(``),
	"a page":         says(`<!doctype html><title>Welcome</title>`),
	"a list":         says(`[{"allow": true}]`),
	"a word":         says(`true`),
	"null":           says(`null`),
	"says nothing":   says(`{}`),
	"says null":      says(`{"allow": null}`),
	"says a word":    says(`{"allow": "true"}`),
	"says a number":  says(`{"allow": 1}`),
	"spells it else": says(`{"Allow": true}`),
	"more behind":    says(`{"allow": true} {"allow": true}`),
	"no UTF-8":       says("{\"allow\": true, \"data\": \"\xff\"}"),
}

func TestFailures(t *testing.T) {
	for name, answer := range failures {
		t.Run(name, func(t *testing.T) {
			for _, on := range []string{hook.OnRoomJoin, hook.OnRoomSend} {
				for _, onFailure := range []string{"", hook.Refuse, hook.Allow} {
					d := &decider{answer: answer}
					rule := hook.Rule{On: on, OnFailure: onFailure, Timeout: 100 * time.Millisecond}
					s := session(t, d.hooks(t, rule), ann)
					err := join(s, "lobby")
					if on == hook.OnRoomSend && err == nil {
						_, err = s.SendRoom(t.Context(), "lobby", hubbub.Outgoing{Data: json.RawMessage(`"hunter2"`)})
					}
					if onFailure == hook.Allow && err != nil {
						t.Errorf("%s: refused, though failures allow: %v", on, err)
					}
					if onFailure != hook.Allow {
						want(t, err, hubbub.Unavailable, "")
					}
					if log := d.logged.String(); strings.Count(log, "\n") != 1 || strings.Contains(log, "hunter2") || strings.Contains(log, "Welcome") {
						t.Errorf("logged %q", log)
					}
				}
			}
		})
	}
}

// TestFailuresAreLoggedNowAndThen and not each time.
func TestFailuresAreLoggedNowAndThen(t *testing.T) {
	d := &decider{answer: says("no")}
	s := session(t, d.hooks(t, hook.Rule{On: hook.OnRoomJoin}), ann)
	for range 50 {
		want(t, join(s, "lobby"), hubbub.Unavailable, "whether you may join this room cannot be found out right now; try again")
	}
	if log := d.logged.String(); strings.Count(log, "\n") != 1 {
		t.Errorf("logged:\n%s", log)
	}
}

// TestNobodyListens is logged with what the network says, for those who run it.
func TestNobodyListens(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	d := &decider{}
	s := session(t, d.at(t, server.URL, hook.Rule{On: hook.OnRoomJoin}), ann)
	want(t, join(s, "lobby"), hubbub.Unavailable, "")
	if log := d.logged.String(); !strings.Contains(log, "connection refused") || !strings.Contains(log, "backend=shop") {
		t.Errorf("logged %s", log)
	}
}

// TestWhoLeavesIsNoFailure is not let in by on_failure allow, and not logged.
func TestWhoLeavesIsNoFailure(t *testing.T) {
	came := make(chan struct{})
	d := &decider{answer: func(_ http.ResponseWriter, r *http.Request) { close(came); <-r.Context().Done() }}
	may := d.hooks(t, hook.Rule{On: hook.OnRoomSend, OnFailure: hook.Allow, Timeout: time.Minute}).MaySend()
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-came; cancel() }()
	if _, err := may(ctx, hubbub.Sending{From: ann, Room: "lobby", Data: json.RawMessage(`1`)}); err == nil {
		t.Error("it is allowed")
	}
	if log := d.logged.String(); log != "" {
		t.Errorf("logged %s", log)
	}
}

// TestRefusals are made fit for a client; a no is a no, whatever else is wrong with it.
func TestRefusals(t *testing.T) {
	for body, expected := range map[string]hubbub.Error{
		`{"allow":false}`: {Reason: hubbub.Forbidden, Message: "you may not join this room"},
		`{"allow":false,"reason":"forbidden","message":"no"}`:                         {Reason: hubbub.Forbidden, Message: "no"},
		`{"allow":false,"reason":"unauthorized","message":"sign in"}`:                 {Reason: hubbub.Unauthorized, Message: "sign in"},
		`{"allow":false,"reason":"teapot","message":"no"}`:                            {Reason: hubbub.Forbidden, Message: "no"},
		`{"allow":false,"reason":7,"message":{"a":1}}`:                                {Reason: hubbub.Forbidden, Message: "you may not join this room"},
		`{"allow":false,"message":"a\r\nb\u0000c\u001b[31md"}`:                        {Reason: hubbub.Forbidden, Message: "abc[31md"},
		`{"allow":false,"message":" \n "}`:                                            {Reason: hubbub.Forbidden, Message: "you may not join this room"},
		`{"allow":false,"message":"` + strings.Repeat("x", 299) + `é…"}`:              {Reason: hubbub.Forbidden, Message: strings.Repeat("x", 299)},
		`{"allow":false,"message":"` + strings.Repeat("x", 298) + `é` + "more" + `"}`: {Reason: hubbub.Forbidden, Message: strings.Repeat("x", 298) + "é"},
	} {
		d := &decider{answer: says(body)}
		s := session(t, d.hooks(t, hook.Rule{On: hook.OnRoomJoin, OnFailure: hook.Allow}), ann)
		want(t, join(s, "lobby"), expected.Reason, expected.Message)
	}
}

func TestRulesThatAreRefused(t *testing.T) {
	b, err := backend.New(backend.Config{Name: "shop", URL: "http://shop"})
	if err != nil {
		t.Fatal(err)
	}
	good := hook.Rule{On: hook.OnRoomJoin, Backend: "shop", Path: "/x"}
	for says, change := range map[string]func(*hook.Rule){
		"on: ":              func(r *hook.Rule) { r.On = "room.leave" },
		"rooms: ":           func(r *hook.Rule) { r.On, r.Rooms = hook.OnUserSend, []string{"a"} },
		"headers: only":     func(r *hook.Rule) { r.Headers = []string{"Cookie"} },
		"headers: \"a b\"":  func(r *hook.Rule) { r.On, r.Headers = hook.OnConnect, []string{"a b"} },
		"timeout: ":         func(r *hook.Rule) { r.Timeout = -1 },
		"on_failure: ":      func(r *hook.Rule) { r.OnFailure = "retry" },
		"path: ":            func(r *hook.Rule) { r.Path = "x" },
		"no backend \"fo\"": func(r *hook.Rule) { r.Backend = "fo" },
	} {
		rule := good
		change(&rule)
		_, err := hook.New(hook.Options{Rules: []hook.Rule{rule}, Backends: map[string]*backend.Backend{"shop": b}})
		if err == nil || !strings.HasPrefix(err.Error(), "hooks[0]: ") || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: got %v", says, err)
		}
	}
	_, err = hook.New(hook.Options{Rules: []hook.Rule{good, good}, Backends: map[string]*backend.Backend{"shop": b}})
	if err == nil || !strings.Contains(err.Error(), "hooks[1]: it would never be asked") {
		t.Errorf("got %v", err)
	}
	h, err := hook.New(hook.Options{})
	if err != nil || h.MayJoin() != nil || h.MaySend() != nil {
		t.Errorf("without rules: %v", err)
	}
}
