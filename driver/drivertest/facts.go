package drivertest

import (
	"fmt"
	"slices"
	"time"

	"github.com/hubbub-dev/hubbub"
)

// storeRig is a whole store under test.
type storeRig struct {
	base
	hubbub.Store
}

func factTests() []test[*storeRig] {
	return []test[*storeRig]{
		{"messages with their items", reportedMessages},
		{"a message that is refused has no items", refusedReport},
		{"marked notices with their items", reportedMarks},
		{"marked announcements with their items", reportedAnnouncements},
		{"transitions with their items", reportedTransitions},
		{"told by what was told", toldByWhatWasTold},
		{"rooms that are occupied", occupiedRooms},
	}
}

const factTarget = "facts"

// fact makes an item of something that has happened.
func (r *storeRig) fact(id string) hubbub.OutboxItem {
	return hubbub.OutboxItem{ID: id, Target: factTarget, Order: id, Payload: []byte(id)}
}

// owes fails the test unless these items came into the outbox, and delivers them.
func (r *storeRig) owes(want ...string) {
	r.Helper()
	items, err := r.Claim(r.Context(), factTarget, 1000, time.Minute)
	r.must(err)
	if got := itemIDs(items); !slices.Equal(got, want) {
		r.Fatalf("in the outbox are %q, want %q", got, want)
	}
	var done []hubbub.Settlement
	for _, item := range items {
		done = append(done, hubbub.Settlement{Target: factTarget, ID: item.ID})
	}
	r.must(r.Settle(r.Context(), done))
}

func (r *storeRig) draft(id, key string, keep int) hubbub.Draft {
	return hubbub.Draft{
		Message: hubbub.Message{ID: id, Stream: lobby, From: hubbub.Sender{User: "ann"}, Data: []byte(`"` + key + `"`), Time: r.clock.Now()},
		Key:     key, Author: "user ann phone", Retention: hubbub.Retention{Messages: keep},
		Report: func(m hubbub.Message) []hubbub.OutboxItem {
			return []hubbub.OutboxItem{r.fact(fmt.Sprint(m.ID, " at ", m.Position.Offset)), r.fact("again " + m.ID)}
		},
	}
}

func reportedMessages(r *storeRig) {
	for _, d := range []hubbub.Draft{r.draft("m1", "k1", 0), r.draft("m2", "k1", 0), r.draft("m3", "", -1), r.draft("m4", "k4", -1), r.draft("m5", "k4", -1)} {
		_, err := r.Append(r.Context(), d)
		r.must(err)
	}
	r.owes("m1 at 1", "again m1", "m3 at 0", "again m3", "m4 at 0", "again m4")
}

func refusedReport(r *storeRig) {
	d := r.draft("m1", "k", 0)
	_, err := r.Append(r.Context(), d)
	r.must(err)
	d = r.draft("m2", "k", 0)
	d.Message.Data = []byte("2")
	_, err = r.Append(r.Context(), d)
	r.refused(err, hubbub.Conflict)
	r.owes("m1 at 1", "again m1")
}

func reportedMarks(r *storeRig) {
	d := &desk{base: r.base, store: r.Store}
	ids := []string{d.send("news", "ann"), d.send("likes", "ann"), d.send("news", "ann")}
	d.send("news", "bob")
	mark := func(m hubbub.NoticeMark) {
		r.Helper()
		m.State, m.Report = hubbub.NoticeRead, func(ids []string) []hubbub.OutboxItem {
			slices.Sort(ids)
			return []hubbub.OutboxItem{r.fact(fmt.Sprint(ids))}
		}
		_, _, err := r.MarkNotices(r.Context(), "ann", m)
		r.must(err)
	}
	mark(hubbub.NoticeMark{Category: "news", Limit: 10})
	r.owes(fmt.Sprint([]string{ids[0], ids[2]}))
	mark(hubbub.NoticeMark{Limit: 10})
	mark(hubbub.NoticeMark{Limit: 10}) // nothing changes
	r.owes(fmt.Sprint(ids[1:2]))
	ids = []string{d.send("news", "ann"), d.send("likes", "ann"), d.send("news", "ann")}
	mark(hubbub.NoticeMark{IDs: []string{ids[2], "unknown", ids[0], ids[2]}, Limit: 10})
	r.owes(fmt.Sprint([]string{ids[0], ids[2]}))
	mark(hubbub.NoticeMark{IDs: ids[:1], Limit: 10})
	r.owes()
}

func reportedAnnouncements(r *storeRig) {
	d := &desk{base: r.base, store: r.Store}
	p := d.publish(d.toAll("news")).Publication
	made := hubbub.AnnouncementMark{Made: map[string]hubbub.NoticeState{p.ID: hubbub.NoticeRead}, Items: []hubbub.OutboxItem{r.fact("made")}}
	r.must(r.MarkAnnouncements(r.Context(), "ann", made))
	up := hubbub.AnnouncementMark{Up: &hubbub.Watermark{State: hubbub.NoticeRead, Seq: 1}, Items: []hubbub.OutboxItem{r.fact("up")}}
	r.must(r.MarkAnnouncements(r.Context(), "bob", up))
	r.owes("made", "up")
	made.Made[p.ID] = "nonsense"
	made.Items = []hubbub.OutboxItem{r.fact("refused")}
	if err := r.MarkAnnouncements(r.Context(), "ann", made); err == nil {
		r.Fatalf("nonsense was marked")
	}
	r.owes()
}

func reportedTransitions(r *storeRig) {
	s := hubbub.SessionRecord{ID: "s1", User: "ann", Node: "a", Connected: r.clock.Now()}
	came := hubbub.Transition{ID: "t1", Kind: hubbub.SessionConnected, User: "ann", Session: s, Time: r.clock.Now()}
	r.must(r.Record(r.Context(), []hubbub.Transition{came}, []hubbub.OutboxItem{r.fact("2"), r.fact("1")}))
	r.must(r.Record(r.Context(), []hubbub.Transition{came}, []hubbub.OutboxItem{r.fact("2")}))
	r.must(r.Record(r.Context(), nil, []hubbub.OutboxItem{r.fact("3")}))
	r.owes("2", "1", "3")
}

// toldByWhatWasTold has many tell at the same time that a user is online, or offline, who then is not: each by what the others have told.
func toldByWhatWasTold(r *storeRig) {
	const n = 32
	s := hubbub.SessionRecord{ID: "s1", User: "ann", Node: "a", Connected: r.clock.Now()}
	came := hubbub.Transition{ID: "t1", Kind: hubbub.SessionConnected, User: "ann", Session: s, Time: r.clock.Now()}
	r.must(r.Record(r.Context(), []hubbub.Transition{came}, nil))
	atOnce(n, func(i int) {
		err := r.RecordBy(r.Context(), []hubbub.Transition{came}, func(told map[string]hubbub.Standing) ([]hubbub.Transition, []hubbub.OutboxItem) {
			u := told["ann"]
			t := hubbub.Transition{ID: fmt.Sprint("turn ", i), Kind: hubbub.UserOnline, User: "ann", Time: u.Turned.Add(time.Millisecond)}
			if u.Online {
				t.Kind = hubbub.UserOffline
			}
			item := r.fact(t.ID)
			item.Payload = []byte(t.Kind)
			return []hubbub.Transition{t}, []hubbub.OutboxItem{item}
		})
		if err != nil {
			r.Errorf("%v", err)
		}
	})
	items, err := r.Claim(r.Context(), factTarget, 2*n, time.Minute)
	r.must(err)
	if len(items) != n {
		r.Fatalf("%d items are in the outbox, want %d", len(items), n)
	}
	for i, item := range items {
		if want := []hubbub.TransitionKind{hubbub.UserOffline, hubbub.UserOnline}[i%2]; string(item.Payload) != string(want) {
			r.Fatalf("of the user who comes and goes by turns it is told as number %d: %s", i, item.Payload)
		}
	}
}

func occupiedRooms(r *storeRig) {
	set := func(room string, occupied, want bool) {
		r.Helper()
		item := r.fact(fmt.Sprint(room, " ", occupied))
		changed, err := r.SetOccupied(r.Context(), room, occupied, []hubbub.OutboxItem{item})
		if changed != want || err != nil {
			r.Fatalf("%s occupied: %v tells %v, %v", room, occupied, changed, err)
		}
	}
	list := func(after string, limit int, want ...string) {
		r.Helper()
		if rooms, err := r.OccupiedRooms(r.Context(), after, limit); !slices.Equal(rooms, want) || err != nil {
			r.Fatalf("the rooms after %q are %q, want %q, %v", after, rooms, want, err)
		}
	}
	list("", 10)
	set("b", false, false)
	set("b", true, true)
	set("b", true, false)
	set("a", true, true)
	set("c", true, true)
	list("", 10, "a", "b", "c")
	list("", 2, "a", "b")
	list("a", 1, "b")
	list("c", 1)
	list("", 0)
	set("b", false, true)
	list("", 10, "a", "c")
	r.owes("b true", "a true", "c true", "b false")
	changes := make([]bool, 8)
	atOnce(len(changes), func(i int) {
		var err error
		changes[i], err = r.SetOccupied(r.Context(), "d", true, nil)
		if err != nil {
			r.Errorf("%v", err)
		}
	})
	if n := len(slices.DeleteFunc(changes, func(changed bool) bool { return !changed })); n != 1 {
		r.Fatalf("a room was occupied %d times at once", n)
	}
}
