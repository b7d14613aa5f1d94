package drivertest

import (
	"maps"
	"slices"
	"time"

	"github.com/hubbub-dev/hubbub"
)

func announcementTests() []test[*desk] {
	return []test[*desk]{
		{"an announcement is published once for all", announcing},
		{"an announcement is scheduled", announcingLater},
		{"announcements are withdrawn", announcementsWithdrawn},
		{"announcements expire", announcementsExpire},
		{"a newer announcement takes the place of the older", announcementsCollapse},
		{"users have attributes and a baseline", baselines},
	}
}

// announced fails the test unless these announcements are published, and returns them and the revision.
func (d *desk) announced(want ...string) ([]hubbub.Announcement, uint64) {
	d.Helper()
	all, revision, err := d.store.Announcements(d.Context())
	d.must(err)
	var got []string
	for i, a := range all {
		got = append(got, a.Publication.ID)
		if a.Seq == 0 || i > 0 && a.Seq <= all[i-1].Seq {
			d.Fatalf("%s has the seq %d", a.Publication.ID, a.Seq)
		}
	}
	if !slices.Equal(got, want) {
		d.Fatalf("announced are %v, want %v", got, want)
	}
	if r := d.inbox("ann").Counts.Revision; r != revision {
		d.Fatalf("the list has the revision %d, the inbox %d", revision, r)
	}
	return all, revision
}

func announcing(d *desk) {
	p := d.toAll("news")
	p.Content, p.To.Audience = fullContent(), &hubbub.Audiences{Attrs: map[string]string{"plan": "pro", "team": "ä"}, Newcomers: true}
	p.Collapse, p.Expires = "c", d.clock.Now().Add(time.Hour)
	_, before := d.announced()
	step := d.publish(p)
	if step.Revision <= before || step.Users != nil || step.More || step.Repeated {
		d.Fatalf("published %+v", step)
	}
	all, revision := d.announced(p.ID)
	if revision != step.Revision {
		d.Fatalf("the revision is %d, the step said %d", revision, step.Revision)
	}
	d.samePublication(step.Publication, p)
	d.samePublication(all[0].Publication, p)
	d.has("ann")
	second := d.toAll("news")
	if again := d.publish(second); again.Revision <= step.Revision {
		d.Fatalf("published %+v", again)
	}
	all, _ = d.announced(p.ID, second.ID)
	d.samePublication(all[1].Publication, second)
	if ids := d.due(); len(ids) != 0 {
		d.Fatalf("due are %v", ids)
	}
}

func announcingLater(d *desk) {
	late, now := d.toAll("news"), d.toAll("news")
	late.Time, late.Key = d.clock.Now().Add(time.Minute), "k"
	if step := d.publish(late); step.Revision != 0 {
		d.Fatalf("before its time: %+v", step)
	}
	d.publish(now)
	_, before := d.announced(now.ID)
	d.clock.Advance(time.Minute)
	steps := d.deliverAll()
	if len(steps) != 1 || steps[0].Revision <= before {
		d.Fatalf("delivered %+v", steps)
	}
	d.samePublication(steps[0].Publication, late)
	_, revision := d.announced(now.ID, late.ID)
	if step := d.publish(late); !step.Repeated || step.Revision != 0 {
		d.Fatalf("the repetition is %+v", step)
	}
	if _, again := d.announced(now.ID, late.ID); again != revision {
		d.Fatalf("a repetition changes the revision from %d to %d", revision, again)
	}
}

func announcementsWithdrawn(d *desk) {
	first, second := d.publish(d.toAll("news")).Publication.ID, d.publish(d.toAll("news")).Publication.ID
	late := d.toAll("news")
	late.Time = d.clock.Now().Add(time.Minute)
	d.publish(late)
	before, revision := d.announced(first, second)
	if _, r := d.withdraw(late.ID); r != 0 {
		d.Fatalf("before its time it is withdrawn with the revision %d", r)
	}
	if users, r := d.withdraw(second); users != nil || r <= revision {
		d.Fatalf("withdrawn from %v, revision %d after %d", users, r, revision)
	}
	d.announced(first)
	_, err := d.store.Withdraw(d.Context(), second)
	d.refused(err, hubbub.NotFound)
	third := d.publish(d.toAll("news")).Publication.ID
	if all, _ := d.announced(first, third); all[1].Seq <= before[1].Seq {
		d.Fatalf("the seq %d is given again", all[1].Seq)
	}
}

func announcementsExpire(d *desk) {
	p := d.toAll("news")
	p.Expires = d.clock.Now().Add(time.Minute)
	d.publish(p)
	keep := d.publish(d.toAll("news")).Publication.ID
	d.clock.Advance(time.Minute - time.Millisecond)
	_, before := d.announced(p.ID, keep)
	if users, revision := d.expire(10); users != nil || revision != 0 {
		d.Fatalf("too early %v, revision %d", users, revision)
	}
	d.clock.Advance(time.Millisecond)
	users, revision := d.expire(10)
	if users != nil || revision <= before {
		d.Fatalf("expired %v, revision %d after %d", users, revision, before)
	}
	if _, now := d.announced(keep); now != revision {
		d.Fatalf("the revision is %d, expiring said %d", now, revision)
	}
	if _, again := d.expire(10); again != 0 {
		d.Fatalf("it expires twice")
	}
}

func announcementsCollapse(d *desk) {
	weather := func(at time.Duration) hubbub.Publication {
		p := d.toAll("weather")
		p.Collapse, p.Time = "weather", d.clock.Now().Add(at)
		return p
	}
	first := d.publish(weather(0)).Publication
	other := d.publish(d.toAll("news")).Publication.ID
	d.publish(d.likes("ann"))
	_, before := d.announced(first.ID, other)
	d.makes("ann", nil, map[string]hubbub.NoticeState{first.ID: hubbub.NoticeRead})
	second := weather(0)
	if step := d.publish(second); step.Revision <= before || step.Replaced != first.ID {
		d.Fatalf("published %+v", step)
	}
	d.announced(other, second.ID)
	if made := d.inbox("ann").Made; len(made) != 0 {
		d.Fatalf("of what was replaced ann has made %v", made)
	}
	_, err := d.store.Withdraw(d.Context(), first.ID)
	if err != nil { // traces of it may be left
		d.refused(err, hubbub.NotFound)
	}
	early, late := weather(time.Second), weather(time.Minute)
	d.publish(early)
	d.publish(late)
	d.clock.Advance(time.Hour)
	d.deliver(late.ID)
	if step := d.deliver(early.ID); step.Revision != 0 {
		d.Fatalf("the older one is published: %+v", step)
	}
	d.announced(other, late.ID)
	if ids := d.due(); len(ids) != 0 {
		d.Fatalf("due are %v", ids)
	}
}

func (d *desk) arrive(user string, attrs map[string]string) {
	d.Helper()
	d.must(d.store.Arrive(d.Context(), hubbub.Visitor{User: user, Attrs: attrs, FirstSeen: d.clock.Now()}))
}

func baselines(d *desk) {
	d.arrive("ann", map[string]string{"plan": "pro"})
	d.publish(d.toAll("news"))
	d.arrive("bob", nil)
	second := d.publish(d.toAll("news")).Publication.ID
	d.arrive("ann", map[string]string{"plan": "free", "team": "a"})
	d.arrive("bob", nil)
	all, _ := d.announced("p00001", second)
	ann, bob, nobody := d.inbox("ann"), d.inbox("bob"), d.inbox("nobody")
	if ann.Baseline >= all[0].Seq || !maps.Equal(ann.Attrs, map[string]string{"plan": "free", "team": "a"}) {
		d.Fatalf("ann was there first, and has %+v", ann)
	}
	if bob.Baseline < all[0].Seq || bob.Baseline >= all[1].Seq || len(bob.Attrs) != 0 {
		d.Fatalf("bob came between, and has %+v", bob)
	}
	if nobody.Baseline < all[1].Seq {
		d.Fatalf("who was never here has %+v", nobody)
	}
	d.withdraw(second)
	d.arrive("cid", nil)
	if cid := d.inbox("cid"); cid.Baseline < all[1].Seq {
		d.Fatalf("cid came after what was withdrawn, and has %+v", cid)
	}
}
