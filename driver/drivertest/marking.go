package drivertest

import (
	"time"

	"github.com/hubbub-dev/hubbub"
)

func markTests() []test[*desk] {
	return []test[*desk]{
		{"states go forward", marking},
		{"read notices are taken back", markingBack},
		{"marks of a category", markingCategory},
		{"marks of what was published until then", markingUntil},
		{"marks of named notices", markingIDs},
		{"marks go in steps", markingSteps},
		{"marks that make no sense", markingNonsense},
	}
}

// mark marks in one step and returns how many have changed.
func (d *desk) mark(user string, m hubbub.NoticeMark) int {
	d.Helper()
	if m.Limit == 0 {
		m.Limit = 1000
	}
	changed, more, err := d.store.MarkNotices(d.Context(), user, m)
	d.must(err)
	if changed > m.Limit || more && changed < m.Limit {
		d.Fatalf("with the limit %d it has changed %d, and there are more: %v", m.Limit, changed, more)
	}
	return changed
}

// states fails the test unless the notices of the shelf of ann have these states: first those of "news", then those of
// "likes", each as they were unseen, seen, read and archived at first. A state is its first letter.
func (d *desk) states(ids map[string]string, want string) {
	d.Helper()
	now := map[string]hubbub.NoticeState{}
	for _, n := range recount(d, d.store, "ann") {
		now[n.ID] = n.State
	}
	got := ""
	for _, category := range []string{"news", "likes"} {
		for _, state := range everyState() {
			got += map[hubbub.NoticeState]string{
				hubbub.NoticeUnseen: "u", hubbub.NoticeSeen: "s", hubbub.NoticeRead: "r", hubbub.NoticeArchived: "a",
			}[now[ids[category+" "+string(state)]]]
		}
		got += " "
	}
	if got = got[:len(got)-1]; got != want {
		d.Fatalf("the states are %q, want %q", got, want)
	}
	if n := len(d.list("bob")); n != 8 {
		d.Fatalf("bob has %d notices, want 8", n)
	}
}

// marks marks all of the shelf of ann, and compares with how many should change, and what comes of it.
func (d *desk) marks(ids map[string]string, m hubbub.NoticeMark, changed int, want string) {
	d.Helper()
	if n := d.mark("ann", m); n != changed {
		d.Fatalf("%+v has changed %d, want %d", m, n, changed)
	}
	d.states(ids, want)
	if n := d.mark("ann", m); n != 0 {
		d.Fatalf("%+v again has changed %d", m, n)
	}
	d.states(ids, want)
}

func marking(d *desk) {
	ids := d.shelf()
	d.states(ids, "usra usra")
	d.marks(ids, hubbub.NoticeMark{State: hubbub.NoticeSeen}, 2, "ssra ssra")
	d.marks(ids, hubbub.NoticeMark{State: hubbub.NoticeRead}, 4, "rrra rrra")
	d.marks(ids, hubbub.NoticeMark{State: hubbub.NoticeSeen}, 0, "rrra rrra")
	d.marks(ids, hubbub.NoticeMark{State: hubbub.NoticeArchived}, 6, "aaaa aaaa")
	d.marks(ids, hubbub.NoticeMark{State: hubbub.NoticeRead}, 0, "aaaa aaaa")
}

func markingBack(d *desk) {
	ids := d.shelf()
	back := hubbub.NoticeMark{State: hubbub.NoticeSeen, Back: true}
	d.marks(ids, back, 2, "ussa ussa")
	back.Category = "news"
	d.marks(ids, back, 0, "ussa ussa")
	back.Category, back.IDs = "", []string{ids["news unseen"], ids["news seen"], ids["news archived"], "unknown"}
	d.marks(ids, back, 1, "usss ussa")
	d.mark("ann", hubbub.NoticeMark{State: hubbub.NoticeRead})
	back = hubbub.NoticeMark{State: hubbub.NoticeSeen, Back: true, Category: "likes"}
	d.marks(ids, back, 3, "rrrr sssa")
}

func markingCategory(d *desk) {
	ids := d.shelf()
	d.marks(ids, hubbub.NoticeMark{State: hubbub.NoticeSeen, Category: "likes"}, 1, "usra ssra")
	d.marks(ids, hubbub.NoticeMark{State: hubbub.NoticeArchived, Category: "news"}, 3, "aaaa ssra")
	d.marks(ids, hubbub.NoticeMark{State: hubbub.NoticeRead, Category: "none"}, 0, "aaaa ssra")
}

func markingUntil(d *desk) {
	ids := d.shelf()
	all := recount(d, d.store, "ann") // the newest is "likes archived"
	until := func(n int) time.Time { return all[n].Time }
	d.marks(ids, hubbub.NoticeMark{State: hubbub.NoticeRead, Until: until(7).Add(-time.Millisecond)}, 0, "usra usra")
	d.marks(ids, hubbub.NoticeMark{State: hubbub.NoticeRead, Until: until(6)}, 2, "rsra rsra")
	d.marks(ids, hubbub.NoticeMark{State: hubbub.NoticeRead, Until: until(5)}, 1, "rrra rsra")
	d.marks(ids, hubbub.NoticeMark{State: hubbub.NoticeArchived, Category: "likes", Until: until(4)}, 2, "rrra aara")
	d.marks(ids, hubbub.NoticeMark{
		State: hubbub.NoticeArchived, IDs: []string{ids["news unseen"], ids["news read"]}, Until: until(5),
	}, 1, "arra aara")
}

func markingIDs(d *desk) {
	ids := d.shelf()
	foreign := d.publish(d.about("news", "cid")).Publication.ID
	named := []string{ids["news unseen"], ids["likes read"], "unknown", foreign, ids["news unseen"]}
	d.marks(ids, hubbub.NoticeMark{State: hubbub.NoticeRead, IDs: named}, 1, "rsra usra")
	d.marks(ids, hubbub.NoticeMark{State: hubbub.NoticeArchived, IDs: named, Category: "likes"}, 1, "rsra usaa")
	d.marks(ids, hubbub.NoticeMark{State: hubbub.NoticeArchived, IDs: []string{}}, 0, "rsra usaa")
	d.has("cid", foreign+" unseen")
}

func markingSteps(d *desk) {
	for i := range 10 {
		id := d.send("news", "ann")
		if i < 4 {
			d.mark("ann", hubbub.NoticeMark{State: hubbub.NoticeSeen, IDs: []string{id}})
		}
	}
	ids := idsOf(d.list("ann"))
	for _, m := range []hubbub.NoticeMark{
		{State: hubbub.NoticeRead, Limit: 3}, {State: hubbub.NoticeSeen, Back: true, Limit: 7},
		{State: hubbub.NoticeRead, Category: "news", Limit: 9}, {State: hubbub.NoticeArchived, IDs: ids, Limit: 4},
	} {
		left := 10
		for more := true; more; {
			n, again, err := d.store.MarkNotices(d.Context(), "ann", m)
			d.must(err)
			if want := min(left, m.Limit); n != want {
				d.Fatalf("%+v has changed %d of %d, want %d", m, n, left, want)
			}
			if left -= n; left > 0 && !again {
				d.Fatalf("%+v has left %d, but tells that there are no more", m, left)
			}
			more = again
			recount(d, d.store, "ann")
		}
	}
	if n := len(d.list("ann")); n != 0 {
		d.Fatalf("%d notices are not archived", n)
	}
}

func markingNonsense(d *desk) {
	id := d.send("news", "ann")
	for _, m := range []hubbub.NoticeMark{
		{State: hubbub.NoticeUnseen, Limit: 10}, {State: "unread", Limit: 10}, {Limit: 10},
		{State: hubbub.NoticeRead, Back: true, Limit: 10}, {State: hubbub.NoticeArchived, Back: true, Limit: 10},
	} {
		_, _, err := d.store.MarkNotices(d.Context(), "ann", m)
		d.refused(err, hubbub.Invalid)
	}
	if n := d.mark("nobody", hubbub.NoticeMark{State: hubbub.NoticeRead}); n != 0 {
		d.Fatalf("%d notices of nobody have changed", n)
	}
	d.has("ann", id+" unseen")
}
