package drivertest

import (
	"fmt"
	"slices"
	"time"

	"github.com/hubbub-dev/hubbub"
)

func listTests() []test[*desk] {
	return []test[*desk]{
		{"lists select by category and state", listing},
		{"lists of named notices", listingIDs},
		{"lists come in pages", listingPages},
		{"lists with states that there are not", listingNonsense},
		{"counts of categories", countingCategories},
	}
}

// shelf gives ann a notice of each state in each of two categories, and returns their ids by both.
func (d *desk) shelf() map[string]string {
	d.Helper()
	ids := map[string]string{}
	for _, state := range everyState() {
		for _, category := range []string{"news", "likes"} {
			id := d.send(category, "ann", "bob")
			ids[category+" "+string(state)] = id
			if state != hubbub.NoticeUnseen {
				d.mark("ann", hubbub.NoticeMark{State: state, IDs: []string{id}})
			}
		}
	}
	return ids
}

func listing(d *desk) {
	ids := d.shelf()
	for _, category := range []string{"", "news", "likes", "none"} {
		for mask := range 16 {
			q := hubbub.NoticeQuery{Category: category, Limit: 100}
			states := everyState()[:3]
			if mask > 0 {
				states = nil
				for i, state := range everyState() {
					if mask&(1<<i) != 0 {
						states = append(states, state)
					}
				}
				q.States = append(slices.Clone(states), states[0])
			}
			var want []string
			for _, c := range []string{"news", "likes"} {
				for _, state := range states {
					if category == "" || category == c {
						want = append(want, ids[c+" "+string(state)])
					}
				}
			}
			slices.Sort(want)
			slices.Reverse(want)
			if got := idsOf(listAll(d, d.store, "ann", q)); !slices.Equal(got, want) {
				d.Fatalf("%+v selects %v, want %v", q, got, want)
			}
		}
	}
	if all := listAll(d, d.store, "ann", hubbub.NoticeQuery{States: []hubbub.NoticeState{}, Limit: 10}); len(all) != 0 {
		d.Fatalf("no states select %v", idsOf(all))
	}
}

func listingIDs(d *desk) {
	ids := d.shelf()
	foreign := d.send("news", "bob")
	seen, archived := ids["news seen"], ids["news archived"]
	named := []string{archived, foreign, "unknown", seen, ids["likes unseen"], seen}
	list := func(q hubbub.NoticeQuery, want ...string) {
		d.Helper()
		if got := idsOf(listAll(d, d.store, "ann", q)); !slices.Equal(got, want) {
			d.Fatalf("%+v selects %v, want %v", q, got, want)
		}
	}
	list(hubbub.NoticeQuery{IDs: named, Limit: 10}, seen, ids["likes unseen"])
	list(hubbub.NoticeQuery{IDs: named, Limit: 1}, seen, ids["likes unseen"])
	list(hubbub.NoticeQuery{IDs: named, States: everyState(), Limit: 10}, archived, seen, ids["likes unseen"])
	list(hubbub.NoticeQuery{IDs: named, States: everyState(), Category: "news", Limit: 10}, archived, seen)
	list(hubbub.NoticeQuery{IDs: []string{}, Limit: 10})
	list(hubbub.NoticeQuery{IDs: []string{"unknown"}, Limit: 10})
}

func listingPages(d *desk) {
	var want []string
	for i := range 40 {
		p := d.about(fmt.Sprint("category ", i%3), "ann")
		p.ID = fmt.Sprintf("p%02d", i*7%40) // which is not the order of acceptance
		p.Time = p.Time.Add(time.Duration(i/10) * time.Millisecond)
		d.clock.Advance(time.Millisecond)
		want = append(want, p.Time.Format("05.000 ")+p.ID)
		d.publish(p)
		d.mark("ann", hubbub.NoticeMark{State: everyState()[1+i%2], IDs: []string{p.ID}})
	}
	d.clock.Advance(time.Second)
	d.deliverAll()
	slices.Sort(want)
	slices.Reverse(want)
	for _, limit := range []int{1, 3, 10, 40, 100} {
		var got []string
		for _, n := range listAll(d, d.store, "ann", hubbub.NoticeQuery{Limit: limit}) {
			got = append(got, n.Time.Format("05.000 ")+n.ID)
		}
		if !slices.Equal(got, want) {
			d.Fatalf("in pages of %d it is %q, want %q", limit, got, want)
		}
	}
	for _, limit := range []int{0, -1} {
		all, err := d.store.NoticesOf(d.Context(), "ann", hubbub.NoticeQuery{Limit: limit})
		if len(all) != 0 || err != nil {
			d.Fatalf("a page of %d notices has %d, %v", limit, len(all), err)
		}
	}
}

func listingNonsense(d *desk) {
	_, err := d.store.NoticesOf(d.Context(), "ann", hubbub.NoticeQuery{States: []hubbub.NoticeState{"unread"}, Limit: 10})
	d.refused(err, hubbub.Invalid)
}

func countingCategories(d *desk) {
	d.shelf()
	counts := d.inbox("ann").Counts
	want := hubbub.CategoryCounts{Unread: 2, Unseen: 1}
	if counts.Unread != 4 || counts.Unseen != 2 || len(counts.Categories) != 2 || counts.Categories["news"] != want ||
		counts.Categories["likes"] != want {
		d.Fatalf("the counts are %+v", counts)
	}
	d.mark("ann", hubbub.NoticeMark{State: hubbub.NoticeRead, Category: "news"})
	if counts = d.inbox("ann").Counts; counts.Unread != 2 || len(counts.Categories) != 1 || counts.Categories["likes"] != want {
		d.Fatalf("the counts are %+v", counts)
	}
	d.mark("ann", hubbub.NoticeMark{State: hubbub.NoticeRead})
	if counts = d.inbox("ann").Counts; counts.Unread != 0 || counts.Unseen != 0 || counts.Categories != nil {
		d.Fatalf("the counts are %+v", counts)
	}
	if counts = d.inbox("nobody").Counts; counts.Unread != 0 || counts.Categories != nil {
		d.Fatalf("the counts are %+v", counts)
	}
}
