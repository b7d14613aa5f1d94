package redis_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/drivertest"
	"github.com/hubbub-dev/hubbub/internal/testkit"
)

// occupied are the rooms that somebody is in.
func (h *hubOf) occupied() (rooms []string) {
	h.t.Helper()
	page, err := h.Occupied(h.t.Context(), "", 100)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, r := range page.Rooms {
		rooms = append(rooms, r.Room)
	}
	return rooms
}

// TestLostLeaves has the tail of what was written lost of one slot alone: a room has somebody who is not there.
func TestLostLeaves(t *testing.T) {
	t.Parallel()
	s, clock, told := testkit.NewRedis(t), drivertest.NewClock(), &tale{t: t, known: map[string]bool{}}
	a, b := newHub(t, s, "a", clock, told), newHub(t, s, "b", clock, told)
	a.open("ann", "a1") // both are in the lobby
	b.open("bob", "b1")
	pass(clock, 3, a, b)
	lost := func() {
		t.Helper()
		a.EnterHalf(t, "bar", "ann", "a1", true)
		a.EnterHalf(t, "pub", "zoe", "z1", true) // whose end the user's slot knows of
		if got := a.occupied(); !slices.Equal(got, []string{"bar", "lobby", "pub"}) {
			t.Fatalf("in the rooms %v is somebody before it is healed", got)
		}
	}

	lost() // who reads the room heals it
	for _, room := range []string{"bar", "pub"} {
		page, err := b.Online(t.Context(), hubbub.Filter{Room: room}, "", 10)
		if err != nil || page.Total != 0 {
			t.Fatalf("in %s are %+v, %v", room, page, err)
		}
	}
	if got := a.occupied(); !slices.Equal(got, []string{"lobby"}) {
		t.Fatalf("in the rooms %v is somebody after they were read", got)
	}

	lost() // and so does each node after a doubt, with more than it looks at together
	for i := range 2500 {
		a.EnterHalf(t, "pub", fmt.Sprint("yan", i), fmt.Sprint("y", i), true)
	}
	b.Doubt()
	testkit.Eventually(t, "nobody to be in the other rooms", func() bool { // one Reap looks for ghosts for a moment only
		pass(clock, 1, a, b)
		return slices.Equal(a.occupied(), []string{"lobby"})
	})
	a.are("ann", "bob")

	// What the session's own list has lost is put right by its node, which is told of what it has in vain.
	a.EnterHalf(t, "bar", "ann", "a1", false)
	r, err := a.Restore(t.Context(), a.sessions["a1"], hubbub.Opened{Came: a.came["a1"]}, hubbub.DeviceLimit{})
	if err != nil || !slices.Equal(r.Rooms, []string{"lobby", "bar"}) {
		t.Fatalf("restored is %+v, %v", r, err)
	}
}

// TestWhoComesBackWhileARoomIsHealed has a session restored, and enter its room again, between the look at it and its removal.
func TestWhoComesBackWhileARoomIsHealed(t *testing.T) {
	t.Parallel()
	s, clock, told := testkit.NewRedis(t), drivertest.NewClock(), &tale{t: t, known: map[string]bool{}}
	a, b := newHub(t, s, "a", clock, told), newHub(t, s, "b", clock, told)
	for _, when := range []string{"read", "remove"} {
		id := when + "1"
		a.EnterHalf(t, "bar", when, id, true) // the user's slot has lost the session
		var once sync.Once
		b.SetHook(func(step string, before bool) error {
			if (step == "take lost sessions out of a room") == (when == "remove") && before == (when == "remove") && strings.Contains(step, "room") {
				once.Do(func() {
					record := recordOf(when, "phone", id, "a", clock)
					if _, err := a.Restore(t.Context(), record, hubbub.Opened{Came: id}, hubbub.DeviceLimit{}); err != nil {
						t.Error(err)
					}
					if _, _, err := a.Enter(t.Context(), "bar", when, id); err != nil {
						t.Error(err)
					}
				})
			}
			return nil
		})
		if _, err := b.Online(t.Context(), hubbub.Filter{Room: "bar"}, "", 10); err != nil {
			t.Fatal(err)
		}
		b.SetHook(nil)
		page, err := b.Online(t.Context(), hubbub.Filter{Room: "bar"}, "", 10)
		if err != nil || !slices.ContainsFunc(page.Users, func(p hubbub.Presence) bool { return p.User == when }) {
			t.Errorf("%s is not in the bar, but %+v, %v", when, page, err)
		}
	}
}
