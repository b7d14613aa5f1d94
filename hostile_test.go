package hubbub_test

import (
	"context"
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hubbub-dev/hubbub"
)

// Info is told to others in text frames, which must be UTF-8: otherwise one person's name keeps a whole room from being read.
func TestInfoMustBeUTF8(t *testing.T) {
	id := hubbub.Identity{User: "mallory", Info: json.RawMessage("{\"name\":\"\xff\"}")}
	wantReason(t, id.Check(), hubbub.Invalid)
}

func TestConversationsHideRoomsThatAreNoLongerPermitted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, hubbub.Options{
			Rooms:    []hubbub.RoomRule{{Match: "secret", Join: hubbub.AccessToken}, {Match: "club", Join: hubbub.AccessMember}, {Match: "*"}},
			IsMember: func(_ context.Context, _, user string) (bool, error) { return user == "ann", nil },
		})
		may := as("mallory")
		may.Rooms.Join = []string{"secret"}
		mallory, err := arrive(t.Context(), h, may)
		if err != nil {
			t.Fatal(err)
		}
		for _, room := range []string{"secret", "lobby"} {
			mallory.join(t, room, nil)
			mallory.say(t, room, "hello")
		}
		ann := open(t, h, "ann")
		ann.join(t, "club", nil)
		ann.say(t, "club", "hello")

		wantRooms(t, mallory, "lobby", "secret")
		if _, err := mallory.Refresh(t.Context(), as("mallory")); err != nil {
			t.Fatal(err)
		}
		wantRooms(t, mallory, "lobby")
		wantRooms(t, open(t, h, "mallory"), "lobby")
		wantRooms(t, ann, "club")
	})
}

// wantRooms expects these conversations, also when they are read one by one.
func wantRooms(t *testing.T, c client, want ...string) {
	t.Helper()
	for _, limit := range []int{0, 1} {
		var got []string
		for before := ""; ; {
			page, err := c.Conversations(t.Context(), before, limit)
			if err != nil {
				t.Fatal(err)
			}
			for _, found := range page.Conversations {
				got = append(got, found.Stream.Room)
			}
			if before = page.Next; before == "" {
				break
			}
		}
		if len(got) != len(want) {
			t.Errorf("by %d: the conversations are %q, want %q", limit, got, want)
			continue
		}
		for i := range got {
			if got[i] != want[i] {
				t.Errorf("by %d: the conversations are %q, want %q", limit, got, want)
			}
		}
	}
}

func TestPresencesTellOfEachUserOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, hubbub.Options{})
		ann := open(t, h, "ann")
		asked := []string{"bob", "ann", "bob", "ann", "cid"}
		found, err := h.Presences(t.Context(), asked)
		if err != nil || len(found) != 3 || found[0].User != "bob" || found[1].User != "ann" || found[2].User != "cid" {
			t.Errorf("found %+v, %v", found, err)
		}
		err = ann.Watch(t.Context(), asked, func(now []hubbub.Presence) { found = now })
		if err != nil || len(found) != 3 {
			t.Errorf("watching finds %+v, %v", found, err)
		}
		if asked[2] != "bob" {
			t.Error("the caller's list was changed")
		}
	})
}

func TestLeavingARoomDoesNotRenewTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, hubbub.Options{Rooms: []hubbub.RoomRule{
			{Match: "wide", Rate: hubbub.Rate{PerSecond: 1, Burst: 1000}}, {Match: "*", Rate: hubbub.Rate{PerSecond: 1, Burst: 5}},
		}})
		ann := open(t, h, "ann")
		sent := 0
		for _, room := range []string{"a", "a", "b", "a"} {
			ann.join(t, room, nil)
			for range 5 {
				if _, err := ann.SendRoom(t.Context(), room, text("x")); err == nil {
					sent++
				}
			}
			if err := ann.Leave(t.Context(), room); err != nil {
				t.Fatal(err)
			}
		}
		ann.join(t, "wide", nil)
		for range 100 {
			ann.say(t, "wide", "x")
		}
		if err := ann.Leave(t.Context(), "wide"); err != nil {
			t.Fatal(err)
		}
		if sent != 5 {
			t.Errorf("%d messages were taken at once; the burst is 5", sent)
		}
		pass(10 * time.Second)
		ann.join(t, "a", nil)
		ann.say(t, "a", "x")
	})
}

func TestTypingIsLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, hubbub.Options{})
		ann, bob := open(t, h, "ann"), open(t, h, "bob")
		for range 1000 {
			if err := ann.Typing(t.Context(), hubbub.PairStream("ann", "bob"), true); err != nil {
				t.Fatal(err)
			}
		}
		if n := len(told[hubbub.Typing](bob)); n == 0 || n > 50 {
			t.Errorf("of 1000 Bob was told %d", n)
		}
		pass(time.Minute)
		if err := ann.Typing(t.Context(), hubbub.PairStream("ann", "bob"), true); err != nil {
			t.Fatal(err)
		}
		if n := len(told[hubbub.Typing](bob)); n != 1 {
			t.Errorf("after a minute Bob was told %d", n)
		}
	})
}
