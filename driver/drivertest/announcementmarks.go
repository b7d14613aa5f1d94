package drivertest

import (
	"maps"
	"time"

	"github.com/hubbub-dev/hubbub"
)

func announcementMarkTests() []test[*desk] {
	return []test[*desk]{
		{"watermarks only rise", watermarks},
		{"what was made of single announcements", exceptions},
		{"a watermark forgets what was less below it", exceptionsForgotten},
		{"what was made of an announcement goes with it", exceptionsGo},
		{"marks of announcements that make no sense", announcementNonsense},
	}
}

func (d *desk) makes(user string, up *hubbub.Watermark, made map[string]hubbub.NoticeState) {
	d.Helper()
	d.must(d.store.MarkAnnouncements(d.Context(), user, hubbub.AnnouncementMark{Up: up, Made: made}))
}

// watermarksOf returns up to where a user's marks go, by category and state.
func (d *desk) watermarksOf(user string) map[hubbub.Watermark]uint64 {
	d.Helper()
	marks := map[hubbub.Watermark]uint64{}
	for _, w := range d.inbox(user).Marks {
		key := hubbub.Watermark{Category: w.Category, State: w.State}
		if marks[key] != 0 {
			d.Fatalf("%s has two marks %+v", user, key)
		}
		marks[key] = w.Seq
	}
	return marks
}

func watermarks(d *desk) {
	for range 5 {
		d.publish(d.toAll("news"))
	}
	all, _ := d.announced("p00001", "p00002", "p00003", "p00004", "p00005")
	want := map[hubbub.Watermark]uint64{}
	for _, w := range []hubbub.Watermark{
		{State: hubbub.NoticeSeen, Seq: all[2].Seq}, {State: hubbub.NoticeSeen, Seq: all[1].Seq},
		{State: hubbub.NoticeRead, Seq: all[0].Seq}, {Category: "news", State: hubbub.NoticeRead, Seq: all[3].Seq},
		{Category: "news", State: hubbub.NoticeArchived, Seq: all[4].Seq}, {State: hubbub.NoticeSeen, Seq: all[4].Seq},
	} {
		d.makes("ann", &w, nil)
		key := hubbub.Watermark{Category: w.Category, State: w.State}
		want[key] = max(want[key], w.Seq)
		if got := d.watermarksOf("ann"); !maps.Equal(got, want) {
			d.Fatalf("after %+v the marks are %v, want %v", w, got, want)
		}
	}
	if got := d.watermarksOf("bob"); len(got) != 0 {
		d.Fatalf("the marks of bob are %v", got)
	}
}

// hasMade fails the test unless this is what a user has made of single announcements.
func (d *desk) hasMade(user string, want map[string]hubbub.NoticeState) {
	d.Helper()
	if got := d.inbox(user).Made; !maps.Equal(got, want) {
		d.Fatalf("%s has made %v, want %v", user, got, want)
	}
}

func exceptions(d *desk) {
	a, b := d.publish(d.toAll("news")).Publication.ID, d.publish(d.toAll("news")).Publication.ID
	want := map[string]hubbub.NoticeState{a: hubbub.NoticeRead, b: hubbub.NoticeUnseen}
	notice := d.send("news", "ann")
	d.makes("ann", nil, map[string]hubbub.NoticeState{
		a: hubbub.NoticeRead, b: hubbub.NoticeUnseen, "unknown": hubbub.NoticeRead, notice: hubbub.NoticeRead,
	})
	d.hasMade("ann", want)
	d.has("ann", notice+" unseen")
	want[a], want[b] = hubbub.NoticeSeen, hubbub.NoticeArchived // also back
	d.makes("ann", nil, maps.Clone(want))
	d.hasMade("ann", want)
	d.hasMade("bob", nil)
	late := d.toAll("news")
	late.Time = d.clock.Now().Add(hubbub.NoticeKeyLife)
	d.publish(late)
	d.makes("ann", nil, map[string]hubbub.NoticeState{late.ID: hubbub.NoticeRead})
	d.hasMade("ann", want)
}

func exceptionsForgotten(d *desk) {
	var ids []string
	for _, category := range []string{"news", "likes", "news", "news"} {
		ids = append(ids, d.publish(d.toAll(category)).Publication.ID)
	}
	all, _ := d.announced(ids...)
	both := func(states ...hubbub.NoticeState) {
		d.Helper()
		made := map[string]hubbub.NoticeState{}
		for i, state := range states {
			made[ids[i]] = state
		}
		d.makes("ann", nil, made)
		d.makes("bob", nil, made)
	}
	seen, read, archived := hubbub.NoticeSeen, hubbub.NoticeRead, hubbub.NoticeArchived
	both(seen, seen, archived, seen)
	bob := d.inbox("bob").Made
	d.makes("ann", &hubbub.Watermark{Category: "news", State: read, Seq: all[2].Seq}, nil)
	d.hasMade("ann", map[string]hubbub.NoticeState{ids[1]: seen, ids[2]: archived, ids[3]: seen})
	d.makes("ann", &hubbub.Watermark{State: seen, Seq: all[3].Seq}, nil)
	d.hasMade("ann", map[string]hubbub.NoticeState{ids[1]: seen, ids[2]: archived, ids[3]: seen})
	both(seen)
	d.makes("ann", &hubbub.Watermark{Category: "news", State: read, Seq: all[0].Seq}, nil) // which is not higher than before
	d.hasMade("ann", map[string]hubbub.NoticeState{ids[1]: seen, ids[2]: archived, ids[3]: seen})
	d.makes("ann", &hubbub.Watermark{State: archived, Seq: all[3].Seq}, map[string]hubbub.NoticeState{ids[0]: seen})
	d.hasMade("ann", map[string]hubbub.NoticeState{ids[0]: seen, ids[2]: archived})
	d.hasMade("bob", bob)
}

func exceptionsGo(d *desk) {
	expires := d.toAll("news")
	expires.Expires, expires.Key = d.clock.Now().Add(time.Second), "k"
	a, b := d.publish(d.toAll("news")).Publication.ID, d.publish(expires).Publication.ID
	for _, user := range names(30) {
		d.makes(user, nil, map[string]hubbub.NoticeState{a: hubbub.NoticeRead, b: hubbub.NoticeRead})
	}
	d.withdraw(a)
	for _, user := range names(30) {
		d.hasMade(user, map[string]hubbub.NoticeState{b: hubbub.NoticeRead})
	}
	d.clock.Advance(time.Second)
	d.expire(7)
	for _, user := range names(30) {
		d.hasMade(user, nil)
	}
	d.makes("ann", nil, map[string]hubbub.NoticeState{a: hubbub.NoticeRead, b: hubbub.NoticeRead})
	d.hasMade("ann", nil)
}

func announcementNonsense(d *desk) {
	id := d.publish(d.toAll("news")).Publication.ID
	for _, m := range []hubbub.AnnouncementMark{
		{Up: &hubbub.Watermark{State: hubbub.NoticeUnseen, Seq: 1}}, {Up: &hubbub.Watermark{State: "unread", Seq: 1}},
		{Made: map[string]hubbub.NoticeState{id: "unread"}},
	} {
		d.refused(d.store.MarkAnnouncements(d.Context(), "ann", m), hubbub.Invalid)
	}
	d.makes("ann", nil, nil)
	if box := d.inbox("ann"); len(box.Marks) != 0 || len(box.Made) != 0 {
		d.Fatalf("the inbox is %+v", box)
	}
}
