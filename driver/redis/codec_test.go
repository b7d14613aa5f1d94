package redis_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/redis"
)

// everyEvent has an event of each type, with all that it can have, and some with nothing.
func everyEvent() []hubbub.Event {
	now := time.Date(2026, 1, 2, 3, 4, 5, 678_901_234, time.UTC)
	at := hubbub.Position{Epoch: "e", Offset: 1<<63 + 1}
	info, data := json.RawMessage(`{"name":"Ann"}`), json.RawMessage("[1,\"<é>&\\n\",null]")
	from := hubbub.Sender{User: `a"n\n`, Device: "téléphone", Info: info}
	room, pair := hubbub.RoomStream("lobby"), hubbub.PairStream("ann", "bob")
	record := &hubbub.SessionRecord{ID: "s1", User: "ann", Device: "phone", Platform: "ios", Info: info,
		Attrs: map[string]string{"plan": "pro"}, Token: "t", Issued: now, Connected: now, Address: "[::1]:1", Node: "n"}
	notice := hubbub.Notice{ID: "n", NoticeContent: hubbub.NoticeContent{Category: "news", Title: "T", Body: "B", Link: "/l", Data: data,
		Actions: []hubbub.NoticeAction{{Label: "L", Link: "/a", Data: data}}}, Collapse: "c", State: hubbub.NoticeSeen, Time: now, Expires: now,
		Announcement: true}
	return []hubbub.Event{
		hubbub.Posted{Message: hubbub.Message{ID: "m", Stream: pair, From: from, Data: json.RawMessage("{\n \"a\" : 1e5 }\n"), Time: now,
			Position: at, Except: "phone", Collapse: "c"}, Previous: 1<<63 - 1},
		hubbub.Posted{Message: hubbub.Message{ID: "m", Stream: room, Data: json.RawMessage("null")}},
		hubbub.Direct{To: "ann", Device: "phone", ID: "d", Data: data, Time: now},
		hubbub.Direct{To: "ann", Data: json.RawMessage("null")}, hubbub.Direct{},
		hubbub.Broadcast{ID: "b", Data: data, Time: now}, hubbub.Broadcast{},
		hubbub.Joined{Room: "lobby", User: "ann", Info: info, Count: 3}, hubbub.Joined{},
		hubbub.Left{Room: "lobby", User: "ann", Info: info, Count: 2}, hubbub.Left{},
		hubbub.Skipped{Room: "lobby", Messages: 3, From: at, To: at},
		hubbub.Read{Stream: pair, User: "ann", Position: at},
		hubbub.Typing{Stream: room, From: from, Active: true}, hubbub.Typing{},
		hubbub.PresenceChanged{Presence: hubbub.Presence{User: "ann", Online: true, Info: info, LastSeen: now,
			Devices: []hubbub.DeviceInfo{{Device: "phone", Platform: "ios", Sessions: 2}}}}, hubbub.PresenceChanged{},
		hubbub.Ended{Sessions: []string{"s1", "s2"}, User: "ann", Why: hubbub.EndReplaced, By: record},
		hubbub.Ended{By: &hubbub.SessionRecord{}}, hubbub.Ended{},
		hubbub.MemberChanged{Room: "lobby", User: "ann", Role: hubbub.RoleMember, By: "bob"},
		hubbub.Noticed{User: "ann", Notice: notice}, hubbub.Noticed{},
		hubbub.Announced{Notice: notice, To: hubbub.Audiences{Attrs: map[string]string{"a": "b"}, Newcomers: true}, Revision: 7},
		hubbub.NoticesMarked{User: "ann", Mark: hubbub.NoticeMark{State: hubbub.NoticeRead, Back: true, IDs: []string{"n"}, Category: "c", Until: now}},
		hubbub.NoticeRemoved{User: "ann", ID: "n"},
		hubbub.InboxChanged{User: "ann"},
		hubbub.InboxCounted{Counts: &hubbub.InboxCounts{Unread: 1, Unseen: 2, Categories: map[string]hubbub.CategoryCounts{"c": {Unread: 1}}, Revision: 3}},
		hubbub.InboxCounted{},
		hubbub.Draining{Retry: hubbub.Retry{Min: time.Second, Max: time.Minute}},
	}
}

func TestEventsComeAsTheyWere(t *testing.T) {
	for _, e := range everyEvent() {
		b, err := redis.EncodeEvent(e)
		if err != nil {
			t.Fatal(err)
		}
		got, err := redis.DecodeEvent(b)
		if err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		if !reflect.DeepEqual(got, e) {
			t.Errorf("%s:\ngot  %+v\nwant %+v", b, got, e)
		}
	}
}

func TestAnUnknownEventIsPassedOver(t *testing.T) {
	for _, text := range []string{`{"type":"tomorrow","event":{"a":1},"more":2}`, `{}`} {
		if e, err := redis.DecodeEvent([]byte(text)); e != nil || err != nil {
			t.Errorf("%s: %v, %v", text, e, err)
		}
	}
	e, err := redis.DecodeEvent([]byte("\n" + `{"id":"m","room":"lobby","mood":"good"}` + "\n1"))
	if err != nil || e.(hubbub.Posted).Message.ID != "m" {
		t.Errorf("a message with an unknown field: %v, %v", e, err)
	}
}

func TestWhatIsNoEventIsRefused(t *testing.T) {
	for _, text := range []string{"", "{", "\n", "\n{}", "\n{\n", "e 1\n{}\n", "e 1 x\n{}\n", " 1 1\n{}\n", `{"type":"read","event":[]}`} {
		if e, err := redis.DecodeEvent([]byte(text)); err == nil {
			t.Errorf("%q is taken for %+v", text, e)
		}
	}
	for _, epoch := range []string{"", "{", "a b", "a\nb"} {
		p := hubbub.Posted{Message: hubbub.Message{Position: hubbub.Position{Epoch: epoch, Offset: 1}}}
		if b, err := redis.EncodeEvent(p); err == nil {
			t.Errorf("an event of the epoch %q becomes %q", epoch, b)
		}
	}
}

func FuzzDecodeEvent(f *testing.F) {
	for _, e := range everyEvent() {
		b, err := redis.EncodeEvent(e)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := redis.DecodeEvent(b)
		if err != nil || e == nil {
			return
		}
		first, err := redis.EncodeEvent(e)
		if err != nil {
			return // a time that JSON cannot say
		}
		again, err := redis.DecodeEvent(first)
		if err != nil {
			t.Fatalf("%q: %v", first, err)
		}
		if second, err := redis.EncodeEvent(again); err != nil || string(second) != string(first) {
			t.Fatalf("%q becomes %q, %v", first, second, err)
		}
	})
}

// FuzzParseLine compares the parser for what is usual with that of the standard library.
func FuzzParseLine(f *testing.F) {
	for _, line := range []string{`{}`, `{"id":"m"}`, `{"id":"m","room":"é","user":"ann","device":"d","except":"d","collapse":"c","info":{"a":"}\""},"time":12}`,
		`{"id":"m","pair":["a","b"],"time":-1}`, `{"id":"\n"}`, `{"time":01}`, `{"info":[1]}`, `{"more":1}`, `{"id":"a","id":"b"}`, "{\"id\":\"\xff\"}"} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		got, ok := redis.ParseLine(line)
		if !ok {
			return
		}
		var want redis.Line
		if err := json.Unmarshal([]byte(line), &want); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%q: %+v, want %+v, %v", line, got, want, err)
		}
	})
}
