package inbox_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/inbox"
)

// newReporter makes a world whose inbox reports what is read.
func newReporter(t *testing.T) *world {
	w := newWorld(t)
	w.Inbox = inbox.New(inbox.Options{Store: w.store, Bus: w.bus, Now: w.clock.Now, Report: func(f hubbub.Fact) []hubbub.OutboxItem {
		read := f.(hubbub.NoticesRead)
		return []hubbub.OutboxItem{{ID: read.ID, Target: "all", Order: "user " + read.User, Payload: []byte(strings.Join(read.Notices, " ")), Time: read.Time}}
	}})
	return w
}

// reported takes what was reported of a user out of the outbox: the ids of each fact.
func (w *world) reported(user string) (facts [][]string) {
	w.t.Helper()
	for {
		items, err := w.store.Claim(w.ctx, "all", 100, time.Minute)
		if err != nil {
			w.t.Fatal(err)
		}
		if len(items) == 0 {
			return facts
		}
		var done []hubbub.Settlement
		for _, item := range items {
			if item.Order != "user "+user {
				w.t.Errorf("reported in the order %q", item.Order)
			}
			facts = append(facts, strings.Fields(string(item.Payload)))
			done = append(done, hubbub.Settlement{Target: "all", ID: item.ID, Outcome: hubbub.OutcomeDelivered})
		}
		if err := w.store.Settle(w.ctx, done); err != nil {
			w.t.Fatal(err)
		}
	}
}

// TestWhatIsReadIsReported tells which notices and announcements each mark has read: not what was read already, nor what is
// archived or only seen. What was taken back can be read again.
func TestWhatIsReadIsReported(t *testing.T) {
	w := newReporter(t)
	w.arrive("ann")
	ids := w.news("ann", "n:x a:x n:y a:y a:z n:z")
	for _, step := range []struct {
		mark inbox.Mark
		want string // titles
	}{
		{inbox.Mark{State: "seen", All: true}, ""},
		{inbox.Mark{State: "read", IDs: []string{ids["n1"], ids["a4"]}}, "a4 n1"},
		{inbox.Mark{State: "read", IDs: []string{ids["n1"], ids["a4"]}}, ""},
		{inbox.Mark{State: "archived", IDs: []string{ids["n6"], ids["a5"], ids["n1"]}}, ""},
		{inbox.Mark{State: "read", Category: "x"}, "a2"},
		{inbox.Mark{State: "read", All: true}, "n3"},
		{inbox.Mark{State: "read", All: true}, ""},
		{inbox.Mark{State: "unread", IDs: []string{ids["n3"], ids["a2"]}}, ""},
		{inbox.Mark{State: "read", All: true}, "a2 n3"},
	} {
		w.mark("ann", step.mark)
		var got []string
		for _, fact := range w.reported("ann") {
			for _, read := range fact {
				got = append(got, titleOf(ids, read))
			}
		}
		slices.Sort(got)
		if strings.Join(got, " ") != step.want {
			t.Errorf("%+v reports %s, want %s", step.mark, got, step.want)
		}
	}
}

func titleOf(ids map[string]string, id string) string {
	for title, other := range ids {
		if other == id {
			return title
		}
	}
	return "unknown " + id
}

// TestManyAreReadInParts marks more notices and announcements than one fact may have, and some of each again.
func TestManyAreReadInParts(t *testing.T) {
	w := newReporter(t)
	w.arrive("ann")
	const each = 450
	want := map[string]bool{}
	for i := range each {
		want[w.publish(fmt.Sprint("n", i), users("ann"), in("x")).ID] = true
		want[w.publish(fmt.Sprint("a", i), everybody(), in("x")).ID] = true
	}
	if n := w.mark("ann", inbox.Mark{State: "read", All: true}); n != 2*each {
		t.Errorf("%d were marked", n)
	}
	for _, fact := range w.reported("ann") {
		if len(fact) == 0 || len(fact) > hubbub.DeliveryStep {
			t.Errorf("one fact has %d notices", len(fact))
		}
		for _, id := range fact {
			if !want[id] {
				t.Errorf("%s was reported twice, or never published", id)
			}
			delete(want, id)
		}
	}
	if len(want) > 0 {
		t.Errorf("%d were not reported", len(want))
	}
}
