package hubbub_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hubbub-dev/hubbub"
)

func TestRoomMessageReachesAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, hubbub.Options{})
		ann, bob, cid := open(t, h, "ann"), open(t, h, "bob"), open(t, h, "cid")
		ann.join(t, "lobby", nil)
		if r := bob.join(t, "lobby", nil); r.Present != 2 {
			t.Errorf("Bob sees %d present", r.Present)
		}
		first, second := ann.say(t, "lobby", "one"), bob.say(t, "lobby", "two")
		if first.Position.Epoch == "" || first.Position.Epoch != second.Position.Epoch || second.Position.Offset <= first.Position.Offset {
			t.Errorf("positions %+v, %+v", first.Position, second.Position)
		}
		for name, c := range map[string]client{"Ann": ann, "Bob": bob} {
			if got := fmt.Sprint(heard(c)); got != `["one" "two"]` {
				t.Errorf("%s heard %s", name, got)
			}
		}
		if got := heard(cid); len(got) > 0 {
			t.Errorf("Cid, who is elsewhere, heard %s", got)
		}
		if joined := told[hubbub.Joined](ann); len(joined) != 1 || joined[0].User != "bob" || joined[0].Count != 2 {
			t.Errorf("Ann was told %+v", joined)
		}
		if err := bob.Leave(t.Context(), "lobby"); err != nil {
			t.Fatal(err)
		}
		ann.say(t, "lobby", "three")
		if got := heard(bob); len(got) > 0 {
			t.Errorf("Bob, who has left, heard %s", got)
		}
		if left := told[hubbub.Left](ann); len(left) != 1 || left[0].User != "bob" || left[0].Count != 1 {
			t.Errorf("Ann was told %+v", left)
		}
	})
}

func TestOnlyWhoIsInTheRoomMaySpeakAndRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, hubbub.Options{})
		ann := open(t, h, "ann")
		_, err := ann.SendRoom(t.Context(), "lobby", text("x"))
		wantReason(t, err, hubbub.Forbidden)
		_, err = ann.History(t.Context(), hubbub.RoomStream("lobby"), hubbub.HistoryQuery{})
		wantReason(t, err, hubbub.Forbidden)
		_, err = ann.Present(t.Context(), "lobby", "", 0)
		wantReason(t, err, hubbub.Forbidden)
		wantReason(t, ann.Typing(t.Context(), hubbub.RoomStream("lobby"), true), hubbub.Forbidden)
		_, err = ann.History(t.Context(), hubbub.PairStream("bob", "cid"), hubbub.HistoryQuery{})
		wantReason(t, err, hubbub.Forbidden)
	})
}

func TestRules(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, hubbub.Options{Rooms: []hubbub.RoomRule{
			{Match: "news", Send: hubbub.AccessBackend},
			{Match: "team-*", Join: hubbub.AccessToken, Send: hubbub.AccessToken},
			{Match: "club", Join: hubbub.AccessMember},
			{Match: "dark", HidePresence: true},
			{Match: "calm", Quiet: true},
			{Match: "tiny", MaxMessage: 5, Rate: hubbub.Rate{PerSecond: 1, Burst: 2}},
		}})
		id := as("ann")
		id.Rooms = hubbub.Permissions{Join: []string{"team-*"}, Send: []string{"team-7"}}
		ann, err := arrive(t.Context(), h, id)
		if err != nil {
			t.Fatal(err)
		}
		refused := func(room string, want hubbub.Reason) {
			t.Helper()
			wantReason(t, ann.Join(t.Context(), room, hubbub.JoinOptions{}, func(hubbub.JoinResult) { t.Error("it replied") }), want)
		}
		refused("unknown", hubbub.NotFound)
		refused("club", hubbub.Forbidden)
		refused("", hubbub.Invalid)
		refused("a b", hubbub.Invalid)
		wantReason(t, open(t, h, "bob").Join(t.Context(), "team-7", hubbub.JoinOptions{}, nil), hubbub.Forbidden)

		for _, room := range []string{"news", "team-6", "team-7", "dark", "calm", "tiny"} {
			ann.join(t, room, nil)
		}
		_, err = ann.SendRoom(t.Context(), "news", text("x"))
		wantReason(t, err, hubbub.Forbidden)
		_, err = ann.SendRoom(t.Context(), "team-6", text("x"))
		wantReason(t, err, hubbub.Forbidden)
		ann.say(t, "team-7", "x")
		if _, err := h.SendRoom(t.Context(), "news", "key", text("extra")); err != nil {
			t.Error(err)
		}
		if got := fmt.Sprint(heard(ann)); got != `["x" "extra"]` {
			t.Errorf("Ann heard %s", got)
		}
		_, err = ann.Present(t.Context(), "dark", "", 0)
		wantReason(t, err, hubbub.Forbidden)
		cid := open(t, h, "cid")
		cid.join(t, "dark", nil)
		cid.join(t, "calm", nil)
		if joined := told[hubbub.Joined](ann); len(joined) > 0 {
			t.Errorf("a dark or quiet room tells %+v", joined)
		}

		_, err = ann.SendRoom(t.Context(), "tiny", text("12345"))
		wantReason(t, err, hubbub.TooLarge)
		ann.say(t, "tiny", "1")
		ann.say(t, "tiny", "2")
		_, err = ann.SendRoom(t.Context(), "tiny", text("3"))
		wantReason(t, err, hubbub.RateLimited)
		if e := hubbub.AsError(err); e.RetryAfter <= 0 || e.RetryAfter > time.Second {
			t.Errorf("retry after %v", e.RetryAfter)
		}
		pass(hubbub.AsError(err).RetryAfter)
		ann.say(t, "tiny", "3")
	})
}

func TestRoomsPerSessionAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, hubbub.Options{Limits: hubbub.Limits{RoomsPerSession: 2}})
		ann := open(t, h, "ann")
		ann.join(t, "a", nil)
		ann.join(t, "b", nil)
		ann.join(t, "b", nil)
		wantReason(t, ann.Join(t.Context(), "c", hubbub.JoinOptions{}, func(hubbub.JoinResult) {}), hubbub.TooLarge)
		if err := ann.Leave(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		ann.join(t, "c", nil)
	})
}

func TestSendingDeviceCanBeLeftOutAlsoOnReplay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, hubbub.Options{})
		tab1, tab2, phone := open(t, h, "ann/laptop"), open(t, h, "ann/laptop"), open(t, h, "ann/phone")
		for _, c := range []client{tab1, tab2, phone} {
			c.join(t, "lobby", nil)
		}
		m := text("x")
		m.NoEcho = true
		if _, err := tab1.SendRoom(t.Context(), "lobby", m); err != nil {
			t.Fatal(err)
		}
		if a, b, c := heard(tab1), heard(tab2), heard(phone); len(a) != 0 || len(b) != 0 || len(c) != 1 {
			t.Errorf("heard %s, %s, %s", a, b, c)
		}
		if r := open(t, h, "ann/laptop").join(t, "lobby", nil); len(r.Messages) != 0 {
			t.Errorf("the device sees %s on replay", datas(r.Messages))
		}
		if r := open(t, h, "bob").join(t, "lobby", nil); len(r.Messages) != 1 {
			t.Errorf("Bob sees %s on replay", datas(r.Messages))
		}
		page, err := tab2.History(t.Context(), hubbub.RoomStream("lobby"), hubbub.HistoryQuery{})
		if err != nil || len(page.Messages) != 0 {
			t.Errorf("history: %s, %v", datas(page.Messages), err)
		}
	})
}

func TestRecovery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, hubbub.Options{Rooms: []hubbub.RoomRule{
			{Match: "none", History: hubbub.HistoryNone},
			{Match: "*", Retention: hubbub.Retention{Messages: 5}, Rate: hubbub.Rate{PerSecond: -1}}}})
		ann := open(t, h, "ann")
		start := ann.join(t, "lobby", nil)
		if start.Recovered || len(start.Messages) > 0 || start.Position.Epoch == "" {
			t.Errorf("%+v", start)
		}
		var sent []hubbub.Message
		for i := range 9 {
			sent = append(sent, ann.say(t, "lobby", fmt.Sprint(i)))
		}
		bob := open(t, h, "bob")
		r := bob.join(t, "lobby", &sent[5].Position)
		if !r.Recovered || datas(r.Messages) != `["6" "7" "8"]` || r.More || r.Position != sent[8].Position {
			t.Errorf("after the sixth: %+v %s", r, datas(r.Messages))
		}
		r = bob.join(t, "lobby", &sent[8].Position)
		if !r.Recovered || len(r.Messages) > 0 {
			t.Errorf("after the last: %+v", r)
		}
		r = bob.join(t, "lobby", &sent[1].Position)
		if r.Recovered || datas(r.Messages) != `["4" "5" "6" "7" "8"]` {
			t.Errorf("after what is not kept: %+v %s", r, datas(r.Messages))
		}
		r = bob.join(t, "lobby", &hubbub.Position{Epoch: "other", Offset: 7})
		if r.Recovered || len(r.Messages) != 5 {
			t.Errorf("after another epoch: %+v", r)
		}
		r = bob.join(t, "lobby", &hubbub.Position{Epoch: sent[0].Position.Epoch, Offset: 99})
		if r.Recovered {
			t.Errorf("after the future: %+v", r)
		}
		var more hubbub.JoinResult
		err := bob.Join(t.Context(), "lobby", hubbub.JoinOptions{Since: &sent[4].Position, Limit: 2}, func(r hubbub.JoinResult) { more = r })
		if err != nil || !more.Recovered || !more.More || datas(more.Messages) != `["5" "6"]` {
			t.Errorf("in pages: %+v, %v", more, err)
		}
		page, err := bob.History(t.Context(), hubbub.RoomStream("lobby"), hubbub.HistoryQuery{After: &sent[6].Position})
		if err != nil || !page.Complete || datas(page.Messages) != `["7" "8"]` {
			t.Errorf("next page: %+v, %v", page, err)
		}
		if r := bob.join(t, "none", &sent[0].Position); r.Recovered || r.Position != (hubbub.Position{}) {
			t.Errorf("without history: %+v", r)
		}
	})
}

func TestKeyMakesASendHarmless(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, hubbub.Options{Rooms: []hubbub.RoomRule{{Match: "none", History: hubbub.HistoryNone}, {Match: "*"}}})
		ann, bob := open(t, h, "ann/d"), open(t, h, "bob")
		for _, room := range []string{"kept", "none"} {
			ann.join(t, room, nil)
			bob.join(t, room, nil)
			m := text("once")
			m.Key = "k"
			first, err := ann.SendRoom(t.Context(), room, m)
			if err != nil {
				t.Fatal(err)
			}
			second, err := ann.SendRoom(t.Context(), room, m)
			if err != nil || second.ID != first.ID || second.Position != first.Position {
				t.Errorf("%s: %+v, %+v, %v", room, first, second, err)
			}
			m.Data = text("twice").Data
			_, err = ann.SendRoom(t.Context(), room, m)
			wantReason(t, err, hubbub.Conflict)
			if room == "kept" {
				if got := heard(bob); len(got) != 1 {
					t.Errorf("Bob heard %s", got)
				}
			}
			m.Key = strings.Repeat("k", hubbub.MaxID+1)
			_, err = ann.SendRoom(t.Context(), room, m)
			wantReason(t, err, hubbub.Invalid)
		}
	})
}
