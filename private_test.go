package hubbub_test

import (
	"cmp"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hubbub-dev/hubbub"
)

func TestPrivateMessageReachesAllDevicesOfBoth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, hubbub.Options{})
		laptop, phone, bob, cid := open(t, h, "ann/laptop"), open(t, h, "ann/phone"), open(t, h, "bob"), open(t, h, "cid")
		m := text("psst")
		m.NoEcho = true
		if _, err := laptop.SendUser(t.Context(), "bob", m); err != nil {
			t.Fatal(err)
		}
		if _, err := bob.SendUser(t.Context(), "ann", text("what?")); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(heard(laptop), heard(phone), heard(bob), heard(cid)); got !=
			`["what?"] ["psst" "what?"] ["psst" "what?"] []` {
			t.Errorf("heard %s", got)
		}
		if _, err := cid.SendUser(t.Context(), "cid", text("note")); err != nil {
			t.Fatal(err)
		}
		if got := heard(cid); len(got) != 1 {
			t.Errorf("a note to oneself comes as %s", got)
		}
		_, err := cid.SendUser(t.Context(), "", text("x"))
		wantReason(t, err, hubbub.Invalid)
		_, err = cid.SendUser(t.Context(), "bob", hubbub.Outgoing{})
		wantReason(t, err, hubbub.Invalid)
	})
}

func TestConversationsTellWhoWroteWhileOneWasAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, hubbub.Options{})
		bob, cid := open(t, h, "bob"), open(t, h, "cid")
		var last hubbub.Message
		for i := range 3 {
			var err error
			if last, err = bob.SendUser(t.Context(), "ann", text(fmt.Sprint(i))); err != nil {
				t.Fatal(err)
			}
		}
		pass(time.Second)
		if _, err := cid.SendUser(t.Context(), "ann", text("hi")); err != nil {
			t.Fatal(err)
		}
		ann := open(t, h, "ann/laptop")
		phone := open(t, h, "ann/phone")
		page, err := ann.Conversations(t.Context(), "", 0)
		if err != nil || len(page.Conversations) != 2 {
			t.Fatalf("%+v, %v", page, err)
		}
		if c := page.Conversations[0]; c.Stream != hubbub.PairStream("ann", "cid") || c.Unread != 1 {
			t.Errorf("first %+v", c)
		}
		if c := page.Conversations[1]; c.Stream.Peer("ann") != "bob" || c.Unread != 3 || c.Last.ID != last.ID || c.Read.Offset != 0 {
			t.Errorf("second %+v", c)
		}

		if err := ann.MarkRead(t.Context(), last.Stream, last.Position); err != nil {
			t.Fatal(err)
		}
		want := hubbub.Read{Stream: last.Stream, User: "ann", Position: last.Position}
		for name, c := range map[string]client{"Bob": bob, "the phone": phone} {
			if got := told[hubbub.Read](c); len(got) != 1 || got[0] != want {
				t.Errorf("%s was told %+v", name, got)
			}
		}
		if err := ann.MarkRead(t.Context(), last.Stream, last.Position); err != nil {
			t.Fatal(err)
		}
		if got := told[hubbub.Read](bob); len(got) != 0 {
			t.Errorf("told again: %+v", got)
		}
		page, err = bob.Conversations(t.Context(), "", 0)
		if err != nil || len(page.Conversations) != 1 || page.Conversations[0].PeerRead != last.Position {
			t.Errorf("%+v, %v", page, err)
		}
		wantReason(t, ann.MarkRead(t.Context(), last.Stream, hubbub.Position{Epoch: "x", Offset: 1}), hubbub.Invalid)
		wantReason(t, ann.MarkRead(t.Context(), last.Stream, hubbub.Position{}), hubbub.Invalid)
	})
}

// TestConversationsOfRoomsThatAreClosed has a token that permits less than the one before it.
func TestConversationsOfRoomsThatAreClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, hubbub.Options{Rooms: []hubbub.RoomRule{{Match: "*", Join: hubbub.AccessToken}}})
		id := as("ann")
		id.Rooms.Join = []string{"*"}
		ann, err := arrive(t.Context(), h, id)
		if err != nil {
			t.Fatal(err)
		}
		for _, room := range []string{"club", "team"} {
			ann.join(t, room, nil)
			ann.say(t, room, "x")
		}
		if _, err := ann.SendUser(t.Context(), "bob", text("y")); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct{ permits, want string }{{"*", "[bob team club]"}, {"team", "[bob team]"}} {
			id.Rooms.Join = []string{c.permits}
			if _, err := ann.Refresh(t.Context(), id); err != nil {
				t.Fatal(err)
			}
			page, err := ann.Conversations(t.Context(), "", 0)
			var names []string
			for _, found := range page.Conversations {
				names = append(names, cmp.Or(found.Stream.Room, found.Stream.Peer("ann")))
			}
			if got := fmt.Sprint(names); got != c.want || err != nil {
				t.Errorf("permitted to join %s: %s, %v, want %s", c.permits, got, err, c.want)
			}
			pass(time.Second)
		}
	})
}

func TestTypingAndReceiptsInRooms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, hubbub.Options{Limits: hubbub.Limits{SmallRoom: 2}})
		ann, phone, bob := open(t, h, "ann/laptop"), open(t, h, "ann/phone"), open(t, h, "bob")
		for _, c := range []client{ann, phone, bob} {
			c.join(t, "lobby", nil)
		}
		m := bob.say(t, "lobby", "x")
		if err := ann.Typing(t.Context(), m.Stream, true); err != nil {
			t.Fatal(err)
		}
		if err := ann.MarkRead(t.Context(), m.Stream, m.Position); err != nil {
			t.Fatal(err)
		}
		if typing, read := told[hubbub.Typing](bob), told[hubbub.Read](bob); len(typing) != 1 || !typing[0].Active ||
			typing[0].From.Device != "laptop" || len(read) != 1 {
			t.Errorf("Bob was told %+v %+v", typing, read)
		}
		if typing, read := told[hubbub.Typing](phone), told[hubbub.Read](phone); len(typing) != 0 || len(read) != 1 {
			t.Errorf("Ann's phone was told %+v %+v", typing, read)
		}

		open(t, h, "cid").join(t, "lobby", nil)
		m = bob.say(t, "lobby", "y")
		if err := ann.Typing(t.Context(), m.Stream, true); err != nil {
			t.Fatal(err)
		}
		if err := ann.MarkRead(t.Context(), m.Stream, m.Position); err != nil {
			t.Fatal(err)
		}
		if typing, read := told[hubbub.Typing](bob), told[hubbub.Read](bob); len(typing)+len(read) != 0 {
			t.Errorf("in a large room Bob was told %+v %+v", typing, read)
		}
		if read := told[hubbub.Read](phone); len(read) != 1 {
			t.Errorf("Ann's phone was told %+v", read)
		}
		if joined := told[hubbub.Joined](ann); len(joined) != 1 {
			t.Errorf("Ann was told %+v; Cid makes the room too large", joined)
		}
	})
}

// TestRoomThatWasLarge has people leave a room where nobody is told of it.
func TestRoomThatWasLarge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, hubbub.Options{Rooms: []hubbub.RoomRule{{Match: "*", Quiet: true}}, Limits: hubbub.Limits{SmallRoom: 2}})
		ann, bob, cid := open(t, h, "ann"), open(t, h, "bob"), open(t, h, "cid")
		for _, c := range []client{ann, bob, cid} {
			c.join(t, "lobby", nil)
		}
		for _, want := range []int{0, 1} {
			if err := ann.Typing(t.Context(), hubbub.RoomStream("lobby"), true); err != nil {
				t.Fatal(err)
			}
			if typing := told[hubbub.Typing](bob); len(typing) != want {
				t.Errorf("Bob was told %+v, want %d", typing, want)
			}
			cid.Closed()
			synctest.Wait()
		}
	})
}

func TestBackendsSpeak(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, hubbub.Options{})
		laptop, phone, bob := open(t, h, "ann/laptop"), open(t, h, "ann/phone"), open(t, h, "bob")
		if _, err := h.SendUser(t.Context(), "ann", "", text("both").Data); err != nil {
			t.Fatal(err)
		}
		if _, err := h.SendUser(t.Context(), "ann", "phone", text("one").Data); err != nil {
			t.Fatal(err)
		}
		_, err := h.SendUser(t.Context(), "ann", "watch", text("x").Data)
		wantReason(t, err, hubbub.NotFound)
		_, err = h.SendUser(t.Context(), "nobody", "", text("x").Data)
		wantReason(t, err, hubbub.NotFound)
		if a, b, c := told[hubbub.Direct](laptop), told[hubbub.Direct](phone), told[hubbub.Direct](bob); len(a) != 1 ||
			len(b) != 2 || len(c) != 0 || string(b[1].Data) != `"one"` {
			t.Errorf("told %+v %+v %+v", a, b, c)
		}
	})
}
