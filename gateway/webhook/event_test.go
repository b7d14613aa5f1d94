package webhook_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/drivertest"
	"github.com/hubbub-dev/hubbub/driver/sqlite"
	"github.com/hubbub-dev/hubbub/gateway/webhook"
)

// facts are one of each kind, and what a target hears of it.
func facts() []struct {
	fact                 hubbub.Fact
	id, order, typ, data string
} {
	at := time.Date(2026, 1, 2, 3, 4, 5, 678_900_000, time.FixedZone("", 3600)) // 1767319445678 ms
	session := hubbub.SessionRecord{ID: "s1", User: "ann", Device: "d1", Platform: "web", Connected: at.Add(-1500 * time.Millisecond)}
	full := session
	full.Info, full.Attrs, full.Address = json.RawMessage(`{"name":"<Ann>"}`), map[string]string{"plan": "pro"}, "192.0.2.1"
	sent := func(m hubbub.Message) hubbub.Sent {
		m.ID, m.Time, m.Data = "m1", at, json.RawMessage(`"1 < 2"`)
		return hubbub.Sent{Message: m}
	}
	return []struct {
		fact                 hubbub.Fact
		id, order, typ, data string
	}{
		{hubbub.Transition{ID: "t1", Kind: hubbub.SessionConnected, User: "ann", Session: session, Time: at}, "t1", "user ann", "session.connected",
			`{"user":"ann","device":"d1","platform":"web","session":"s1","connected":1767319444178}`},
		{hubbub.Transition{ID: "t2", Kind: hubbub.SessionDisconnected, User: "ann", Session: full, Why: hubbub.EndReplaced, Time: at},
			"t2", "user ann", "session.disconnected",
			`{"user":"ann","device":"d1","platform":"web","session":"s1","info":{"name":"<Ann>"},"attrs":{"plan":"pro"},"address":"192.0.2.1",` +
				`"connected":1767319444178,"reason":"signed_in_elsewhere","duration_ms":1500}`},
		{hubbub.Transition{ID: "t3", Kind: hubbub.UserOnline, User: "ann", Time: at}, "t3", "user ann", "user.online", `{"user":"ann","time":1767319445678}`},
		{hubbub.Transition{ID: "t4", Kind: hubbub.UserOffline, User: "ann", Time: at}, "t4", "user ann", "user.offline", `{"user":"ann","time":1767319445678}`},
		{hubbub.RoomChanged{ID: "r1", Room: "hall", Occupied: true, Time: at}, "r1", "room hall", "room.occupied", `{"room":"hall","time":1767319445678}`},
		{hubbub.RoomChanged{ID: "r2", Room: "hall", Time: at}, "r2", "room hall", "room.vacated", `{"room":"hall","time":1767319445678}`},
		{sent(hubbub.Message{Stream: hubbub.RoomStream("hall"), From: hubbub.Sender{User: "ann", Device: "d1", Info: json.RawMessage(`{}`)},
			Position: hubbub.Position{Epoch: "e", Offset: 7}}), "m1", "room hall", "message.sent",
			`{"id":"m1","room":"hall","from":{"user":"ann","device":"d1","info":{}},"data":"1 < 2","time":1767319445678,"position":{"epoch":"e","offset":7}}`},
		{sent(hubbub.Message{Stream: hubbub.PairStream("bob", "ann")}), "m1", "pair ann bob", "message.sent",
			`{"id":"m1","users":["ann","bob"],"data":"1 < 2","time":1767319445678}`},
		{hubbub.NoticesRead{ID: "n1", User: "ann", Notices: []string{"a", "b"}, Time: at}, "n1", "user ann", "notice.read",
			`{"user":"ann","notices":["a","b"],"time":1767319445678}`},
	}
}

func TestEachFactHasItsForm(t *testing.T) {
	s := sender(t, webhook.Target{Name: "shop"})
	for _, f := range facts() {
		items := s.Report(f.fact)
		if !reflect.DeepEqual(items, s.Report(f.fact)) {
			t.Errorf("%s is told differently the second time", f.typ)
		}
		if len(items) != 1 {
			t.Fatalf("%s made %d items", f.typ, len(items))
		}
		item := items[0]
		payload := fmt.Sprintf(`{"type":%q,"timestamp":"2026-01-02T02:04:05.678Z","data":%s}`, f.typ, f.data)
		want := hubbub.OutboxItem{ID: f.id, Target: "shop", Order: f.order, Payload: []byte(payload)}
		if !reflect.DeepEqual(item, want) {
			t.Errorf("got  %+v\n%s\nwant %+v\n%s", item, item.Payload, want, want.Payload)
		}
		body := fmt.Sprintf(`{"type":%q,"timestamp":"2026-01-02T02:04:05.678Z","sequence":18446744073709551615,"data":%s}`, f.typ, f.data)
		if got := webhook.WithSequence(item.Payload, 1<<64-1); string(got) != body {
			t.Errorf("sent   %s\nwanted %s", got, body)
		}
	}
	if items := s.Report(hubbub.Transition{ID: "x", Kind: "session.yawned", User: "ann"}); items != nil {
		t.Errorf("of a kind that is not known became %+v", items)
	}
	if items := s.Report(hubbub.Sent{Message: hubbub.Message{ID: "x", Data: json.RawMessage(`{`)}}); items != nil {
		t.Errorf("of what is no JSON became %+v", items)
	}
}

func TestFiltersChooseTargets(t *testing.T) {
	s := sender(t,
		webhook.Target{Name: "all"},
		webhook.Target{Name: "hall", Rooms: []string{"ha*"}},
		webhook.Target{Name: "lobby", Rooms: []string{"lobby", "x"}},
		webhook.Target{Name: "messages", Events: []string{"message.sent", "notice.*"}},
		webhook.Target{Name: "people", Events: []string{"user.*", "session.*"}},
	)
	everywhere := []string{"all", "hall", "lobby"}
	want := map[string][]string{
		"t1": append(everywhere[:3:3], "people"), "t2": append(everywhere[:3:3], "people"),
		"t3": append(everywhere[:3:3], "people"), "t4": append(everywhere[:3:3], "people"),
		"r1": {"all", "hall"}, "r2": {"all", "hall"},
		"m1 room hall": {"all", "hall", "messages"}, "m1 pair ann bob": append(everywhere[:3:3], "messages"),
		"n1": append(everywhere[:3:3], "messages"),
	}
	for _, f := range facts() {
		var got []string
		for _, item := range s.Report(f.fact) {
			got = append(got, item.Target)
		}
		key := f.id
		if f.id == "m1" {
			key += " " + f.order
		}
		if !slices.Equal(got, want[key]) {
			t.Errorf("%s %s goes to %q, want %q", f.typ, f.order, got, want[key])
		}
	}
}

// sender makes a sender that delivers nothing. What its targets need and lack they get.
func sender(t *testing.T, targets ...webhook.Target) *webhook.Sender {
	t.Helper()
	for i := range targets {
		targets[i].URL, targets[i].Secrets = "https://example.com/", []string{secret}
	}
	s, err := webhook.New(webhook.Options{Outbox: (*sqlite.Store)(nil), Targets: targets, Now: drivertest.NewClock().Now,
		Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}
