package redis_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/drivertest"
)

// TestWhatHadNoAnswerIsToldBeforeWhatFollows has the answer to a decision be lost that was written: the instance has told nobody of it when it
// decides about the same user again.
func TestWhatHadNoAnswerIsToldBeforeWhatFollows(t *testing.T) {
	t.Parallel()
	clock := drivertest.NewClock()
	d := quiet(t, clock, freshPrefix())
	if _, err := d.Renew(t.Context(), hubbub.NodeStatus{Node: keptNode}); err != nil {
		t.Fatal(err)
	}
	var told []string
	d.OnDecision(func(all []hubbub.Transition) {
		for _, tr := range all {
			told = append(told, strings.TrimSpace(fmt.Sprint(tr.Kind, " ", tr.Session.ID)))
		}
	})
	open := func(user, id string) error {
		_, err := d.Open(t.Context(), recordOf(user, "phone", id, keptNode, clock), hubbub.DeviceLimit{})
		return err
	}
	if err := open("bob", "b1"); err != nil { // so that the server has the script
		t.Fatal(err)
	}
	told = nil
	unanswered := func(op string, act func() error) {
		t.Helper()
		steps := 0
		d.SetHook(func(step string, before bool) error {
			if before || step != op {
				return nil
			}
			if steps++; steps == 2 { // the first is to read
				return errFault
			}
			return nil
		})
		if err := act(); err == nil {
			t.Fatalf("%s: the answer was not lost", op)
		}
		d.SetHook(nil)
	}
	unanswered("open a session", func() error { return open("ann", "a1") })
	if err := open("ann", "a2"); err != nil {
		t.Fatal(err)
	}
	want := "session.connected a1, user.online, session.connected a2"
	if got := strings.Join(told, ", "); got != want {
		t.Errorf("told was %s, want %s", got, want)
	}
	told = nil
	unanswered("end sessions", func() error {
		_, err := d.End(t.Context(), hubbub.Target{User: "ann"}, hubbub.EndClosed)
		return err
	})
	r, err := d.Restore(t.Context(), recordOf("ann", "phone", "a2", keptNode, clock), hubbub.Opened{Came: "a1"}, hubbub.DeviceLimit{})
	if err != nil || r.Ended != hubbub.EndClosed {
		t.Errorf("of a session whose end had no answer Restore says %+v, %v", r, err)
	}
	for range 6 { // the lease, for which nobody is taken for offline, and the grace
		clock.Advance(drivertest.Lease / 3)
		if _, err := d.Renew(t.Context(), hubbub.NodeStatus{Node: keptNode}); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Reap(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	last := strings.Join(told[max(0, len(told)-3):], ", ")
	if want := "session.disconnected a1, session.disconnected a2, user.offline"; last != want {
		t.Errorf("told was %s in the end, want %s", strings.Join(told, ", "), want)
	}
}
