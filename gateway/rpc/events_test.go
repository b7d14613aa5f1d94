package rpc_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/rpc"
)

// at is a time, 1767225600123 in milliseconds.
func at() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 123456789, time.UTC) }

// events has all that Bob may be told, with the frames.
func events() []struct {
	event hubbub.Event
	frame string
} {
	info := json.RawMessage(`{"name":"A\"n"}`)
	pos := hubbub.Position{Epoch: "e", Offset: 1<<53 - 1}
	ann := hubbub.Sender{User: "ann", Info: info, Device: "a"}
	room := hubbub.Message{ID: "m", Stream: hubbub.RoomStream(`l"\é`), From: ann, Data: info, Time: at(), Position: pos, Collapse: "c"}
	pair := hubbub.Message{ID: "m", Stream: hubbub.PairStream("bob", "ann"), From: hubbub.Sender{User: "bob"}, Data: info, Time: at()}
	notice := hubbub.Notice{
		ID: "n", State: hubbub.NoticeUnseen, Time: at(), Expires: at().Add(time.Second), Collapse: "c", Announcement: true,
		NoticeContent: hubbub.NoticeContent{
			Category: "orders", Title: `<b>"5"</b>`, Body: "é", Link: "/o?a=1&b=2", Data: info,
			Actions: []hubbub.NoticeAction{{Label: "Go", Link: "#x"}, {Label: "Mute", Data: json.RawMessage("null")}},
		},
	}
	counts := hubbub.InboxCounts{Unread: 9, Unseen: 3, Categories: map[string]hubbub.CategoryCounts{"a": {Unread: 8, Unseen: 3}, `é"`: {Unread: 1}}}
	return []struct {
		event hubbub.Event
		frame string
	}{
		{hubbub.Posted{Message: room}, `room.message {"id":"m","room":"l\"\\é","from":{"user":"ann","info":{"name":"A\"n"},"device":"a"},` +
			`"data":{"name":"A\"n"},"time":1767225600123,"position":{"epoch":"e","offset":9007199254740991},"collapse":"c"}`},
		{hubbub.Posted{Message: pair}, `user.message {"id":"m","peer":"ann","to":"ann","from":{"user":"bob"},"data":{"name":"A\"n"},"time":1767225600123}`},
		{hubbub.Direct{To: "bob", ID: "m", Data: info, Time: at()}, `user.message {"id":"m","data":{"name":"A\"n"},"time":1767225600123}`},
		{hubbub.Broadcast{ID: "m", Data: info, Time: at()}, `broadcast {"id":"m","data":{"name":"A\"n"},"time":1767225600123}`},
		{hubbub.Joined{Room: "r", User: "ann", Info: info, Count: 2}, `room.joined {"room":"r","user":"ann","info":{"name":"A\"n"},"count":2}`},
		{hubbub.Left{Room: "r", User: "ann"}, `room.left {"room":"r","user":"ann","count":0}`},
		{hubbub.Skipped{Room: "r", Messages: 3, From: pos, To: pos}, `room.skipped {"room":"r","messages":3,` +
			`"from":{"epoch":"e","offset":9007199254740991},"to":{"epoch":"e","offset":9007199254740991}}`},
		{hubbub.Skipped{Room: "r"}, `room.skipped {"room":"r","messages":0}`},
		{hubbub.Read{Stream: hubbub.PairStream("ann", "bob"), User: "ann", Position: hubbub.Position{Epoch: "e", Offset: 1}},
			`message.read {"user":"ann","reader":"ann","position":{"epoch":"e","offset":1}}`},
		{hubbub.Read{Stream: hubbub.RoomStream("r"), User: "ann", Position: hubbub.Position{Epoch: "e", Offset: 1}},
			`message.read {"room":"r","reader":"ann","position":{"epoch":"e","offset":1}}`},
		{hubbub.Typing{Stream: hubbub.PairStream("ann", "bob"), From: hubbub.Sender{User: "ann"}, Active: true},
			`typing {"user":"ann","from":{"user":"ann"},"active":true}`},
		{hubbub.PresenceChanged{Presence: hubbub.Presence{User: "ann", Info: info, LastSeen: at()}},
			`presence.changed {"user":"ann","online":false,"info":{"name":"A\"n"},"devices":[],"last_seen":1767225600123}`},
		{hubbub.MemberChanged{Room: "r", User: "ann", Role: hubbub.RoleAdmin, By: "eve"}, `room.member {"room":"r","user":"ann","role":"admin","by":"eve"}`},
		{hubbub.MemberChanged{Room: "r", User: "ann"}, `room.member {"room":"r","user":"ann"}`},
		{hubbub.Noticed{User: "bob", Notice: notice}, `inbox.notice {"id":"n","category":"orders","title":"<b>\"5\"</b>","body":"é","link":"/o?a=1&b=2",` +
			`"actions":[{"label":"Go","link":"#x"},{"label":"Mute","data":null}],"data":{"name":"A\"n"},"state":"unseen","time":1767225600123,` +
			`"expires":1767225601123,"collapse":"c","announcement":true}`},
		{hubbub.Noticed{Notice: hubbub.Notice{ID: "n", NoticeContent: hubbub.NoticeContent{Category: "general", Title: "t"}, State: hubbub.NoticeRead, Time: at()}},
			`inbox.notice {"id":"n","category":"general","title":"t","state":"read","time":1767225600123}`},
		{hubbub.InboxCounted{Counts: &hubbub.InboxCounts{}}, `inbox.counts {"unread":0,"unseen":0,"categories":{}}`},
		{hubbub.InboxCounted{Counts: &counts}, `inbox.counts {"unread":9,"unseen":3,"categories":{"é\"":{"unread":1,"unseen":0},"a":{"unread":8,"unseen":3}}}`},
		{hubbub.NoticesMarked{User: "bob", Mark: hubbub.NoticeMark{State: hubbub.NoticeRead, IDs: []string{"n", "m"}}},
			`inbox.marked {"state":"read","ids":["n","m"]}`},
		{hubbub.NoticesMarked{User: "bob", Mark: hubbub.NoticeMark{State: hubbub.NoticeSeen, Back: true, Category: "orders", Until: at()}},
			`inbox.marked {"state":"unread","category":"orders","until":1767225600123}`},
		{hubbub.NoticesMarked{User: "bob", Mark: hubbub.NoticeMark{State: hubbub.NoticeSeen, Until: at()}},
			`inbox.marked {"state":"seen","all":true,"until":1767225600123}`},
		{hubbub.NoticeRemoved{User: "bob", ID: "n"}, `inbox.removed {"id":"n"}`},
		{hubbub.Announced{Notice: notice}, ""},
		{hubbub.InboxChanged{User: "bob"}, ""},
		{hubbub.Draining{Retry: hubbub.Retry{Max: time.Second}}, `server.draining {"reconnect":{"min_ms":0,"max_ms":1000}}`},
		{hubbub.Ended{Why: hubbub.EndReplaced, By: &hubbub.SessionRecord{ID: "s", Device: "d", Platform: "ios"}},
			`session.replaced {"by":{"device":"d","platform":"ios","session":"s"}}`},
		{hubbub.Ended{Why: hubbub.EndLoggedOut}, ""},
	}
}

func TestEvents(t *testing.T) {
	for _, e := range events() {
		got := rpc.Encode(e.event, "bob")
		if e.frame == "" && got == "" {
			continue
		}
		method, params, _ := strings.Cut(e.frame, " ")
		same(t, got, `{"jsonrpc":"2.0","method":"`+method+`","params":`+params+`}`)
		conforms(t, method+".notification", got)
	}
}

func TestEventWithDataThatIsNotJSON(t *testing.T) {
	if got := rpc.Encode(hubbub.Broadcast{ID: "m", Data: json.RawMessage(`{`)}, "bob"); got != "" {
		t.Errorf("encoded as %s", got)
	}
}

// TestAllEventsAreKnown reads what kinds of events the domain has.
func TestAllEventsAreKnown(t *testing.T) {
	known := map[string]bool{}
	for _, e := range events() {
		name := strings.TrimPrefix(typeName(e.event), "hubbub.")
		known[name] = true
	}
	file, err := parser.ParseFile(token.NewFileSet(), "../../event.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Recv == nil || f.Name.Name != "event" {
			continue
		}
		found++
		if name := f.Recv.List[0].Type.(*ast.Ident).Name; !known[name] {
			t.Errorf("no test encodes the event %s", name)
		}
	}
	if found == 0 {
		t.Error("event.go has no events; where are they?")
	}
}

// notifications returns the names of what the server sends by itself, sorted.
func notifications() []string {
	names := []string{"welcome"}
	for _, e := range events() {
		if method, _, there := strings.Cut(e.frame, " "); there {
			names = append(names, method)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
