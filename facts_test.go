package hubbub_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/memory"
	"github.com/hubbub-dev/hubbub/internal/testkit"
)

// reporting starts a hub that reports to a store. It does not end with the test.
func reporting(t *testing.T, store hubbub.Store, rules ...hubbub.RoomRule) *hubbub.Hub {
	t.Helper()
	h, err := hubbub.New(t.Context(), hubbub.Options{Driver: memory.New(memory.Options{}), Store: store, Report: report, Rooms: rules,
		Private: hubbub.PrivateRule{Report: true}})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func end(t *testing.T, h *hubbub.Hub) {
	t.Helper()
	if err := h.Close(context.Background()); err != nil {
		t.Error(err)
	}
}

// TestRoomsAreOccupiedAndVacated tells each change once, also by sessions that end in the room, and while the store is away.
func TestRoomsAreOccupiedAndVacated(t *testing.T) {
	store := openMoody(t, storeFile(t))
	h := reporting(t, store)
	occupied := func(want ...string) {
		t.Helper()
		testkit.Eventually(t, fmt.Sprint("that are occupied: ", want), func() bool {
			rooms, err := store.OccupiedRooms(t.Context(), "", 10)
			return err == nil && slices.Equal(rooms, want)
		})
	}
	ann, bob := open(t, h, "ann"), open(t, h, "bob")
	ann.join(t, "lobby", nil)
	occupied("lobby")
	bob.join(t, "lobby", nil)
	bob.join(t, "den", nil)
	occupied("den", "lobby")
	ann.Closed()
	if err := bob.Leave(t.Context(), "lobby"); err != nil {
		t.Fatal(err)
	}
	occupied("den")
	store.set(broken)
	bob.Closed()
	cid := open(t, h, "cid")
	cid.join(t, "lobby", nil)
	store.set(nil)
	occupied("lobby")
	end(t, h)
	occupied()
	got := outbox(t, store)
	want := "[occupied true occupied false occupied true occupied false]"
	if fmt.Sprint(got["room lobby"]) != want || fmt.Sprint(got["room den"]) != "[occupied true occupied false]" {
		t.Errorf("told of the lobby %s, of the den %s", got["room lobby"], got["room den"])
	}
}

// TestRoomsOfADeadProcessAreVacated has the next process tell it.
func TestRoomsOfADeadProcessAreVacated(t *testing.T) {
	path := storeFile(t)
	store := openMoody(t, path)
	h := reporting(t, store)
	for _, room := range []string{"den", "lobby"} {
		open(t, h, "ann").join(t, room, nil)
	}
	testkit.Eventually(t, "the occupied rooms", func() bool {
		rooms, err := store.OccupiedRooms(t.Context(), "", 10)
		return err == nil && len(rooms) == 2
	})
	store.set(broken)
	if err := h.Close(context.Background()); !errors.Is(err, errFull) {
		t.Errorf("the hub closed with %v", err)
	}
	store.Close()
	store = openMoody(t, path)
	h = reporting(t, store)
	testkit.Eventually(t, "the vacated rooms", func() bool {
		rooms, err := store.OccupiedRooms(t.Context(), "", 10)
		return err == nil && len(rooms) == 0
	})
	end(t, h)
	got := outbox(t, store)
	for _, room := range []string{"room den", "room lobby"} {
		if fmt.Sprint(got[room]) != "[occupied true occupied false]" {
			t.Errorf("of %s was told %s", room, got[room])
		}
	}
}

// TestRoomsThatNobodyWantsToKnowOf cost no transaction.
func TestRoomsThatNobodyWantsToKnowOf(t *testing.T) {
	store := openMoody(t, storeFile(t))
	h, err := hubbub.New(t.Context(), hubbub.Options{Driver: memory.New(memory.Options{}), Store: store,
		Report: func(f hubbub.Fact) []hubbub.OutboxItem {
			if changed, ok := f.(hubbub.RoomChanged); ok && (changed.Room != "lobby" || changed.Occupied) {
				return nil
			}
			return report(f)
		}})
	if err != nil {
		t.Fatal(err)
	}
	ann := open(t, h, "ann")
	ann.join(t, "den", nil)
	ann.join(t, "lobby", nil)
	testkit.Eventually(t, "the lobby, of which somebody wants to hear that it is vacated", func() bool {
		rooms, err := store.OccupiedRooms(t.Context(), "", 10)
		return err == nil && slices.Equal(rooms, []string{"lobby"})
	})
	end(t, h)
	if got := outbox(t, store); fmt.Sprint(got["room lobby"]) != "[occupied false]" || got["room den"] != nil {
		t.Errorf("told was %v", got)
	}
}

// TestMessagesAreReported where the rule says so, however long they last, and once even if somebody has to send them again.
func TestMessagesAreReported(t *testing.T) {
	store := openMoody(t, storeFile(t))
	h := reporting(t, store, hubbub.RoomRule{Match: "silent"},
		hubbub.RoomRule{Match: "durable", History: hubbub.HistoryDurable, Report: true},
		hubbub.RoomRule{Match: "none", History: hubbub.HistoryNone, Report: true},
		hubbub.RoomRule{Match: "*", Report: true})
	ann := open(t, h, "ann")
	for _, room := range []string{"silent", "durable", "none", "memory"} {
		ann.join(t, room, nil)
		ann.say(t, room, "one")
		again := text("two")
		again.Key = "two"
		for range 2 {
			if _, err := ann.SendRoom(t.Context(), room, again); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := h.SendRoom(t.Context(), room, "shop", text("three")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := ann.SendUser(t.Context(), "bob", text("psst")); err != nil {
		t.Fatal(err)
	}
	for name, mood := range map[string]func(func() error) error{"broken": broken, "deaf": deaf} {
		for _, room := range []string{"none", "memory"} {
			store.set(mood)
			m := text(name)
			m.Key = name
			_, err := ann.SendRoom(t.Context(), room, m)
			wantReason(t, err, hubbub.Unavailable)
			store.set(nil)
			if _, err := ann.SendRoom(t.Context(), room, m); err != nil {
				t.Error(err)
			}
		}
	}
	end(t, h)
	got := outbox(t, store)
	of := func(s hubbub.Stream) string {
		all := got["stream "+fmt.Sprint(s)]
		slices.Sort(all[min(3, len(all)):])
		return fmt.Sprint(all)
	}
	for room, want := range map[string]string{"silent": "[]", "durable": `["one" "two" "three"]`,
		"none": `["one" "two" "three" "broken" "deaf"]`, "memory": `["one" "two" "three" "broken" "deaf"]`} {
		if told := of(hubbub.RoomStream(room)); told != want {
			t.Errorf("of %s was told %s, want %s", room, told, want)
		}
	}
	if told := of(hubbub.PairStream("ann", "bob")); told != `["psst"]` {
		t.Errorf("of the pair was told %s", told)
	}
}

// TestReportNeedsAStore refuses what would be lost.
func TestReportNeedsAStore(t *testing.T) {
	for name, change := range map[string]func(*hubbub.Options){
		"the report":       func(o *hubbub.Options) { o.Report = report },
		"a room":           func(o *hubbub.Options) { o.Rooms = []hubbub.RoomRule{{Match: "*", Report: true}} },
		"private messages": func(o *hubbub.Options) { o.Private.Report = true },
	} {
		o := hubbub.Options{Driver: memory.New(memory.Options{})}
		change(&o)
		if _, err := hubbub.New(t.Context(), o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
