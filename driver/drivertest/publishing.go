package drivertest

import (
	"slices"
	"time"

	"github.com/hubbub-dev/hubbub"
)

func publishingTests() []test[*desk] {
	return []test[*desk]{
		{"a notice reaches the named users", publishing},
		{"a notice says all that was published", contents},
		{"an id is used once", sameID},
		{"a known key delivers nothing again", keyRepeated},
		{"a known key with something else is a conflict", keyConflicts},
		{"keys are those of an author", keyAuthors},
		{"keys are remembered for their life", noticeKeyLife},
		{"a publication is scheduled", scheduled},
		{"a key of a scheduled publication", scheduledKey},
	}
}

func publishing(d *desk) {
	p := d.about("news", "bob", "ann", "bob")
	step := d.publish(p)
	slices.Sort(step.Users)
	if !slices.Equal(step.Users, []string{"ann", "bob"}) || step.Repeated || step.More || step.Revision != 0 {
		d.Fatalf("published %+v", step)
	}
	d.samePublication(step.Publication, p)
	d.has("ann", "p00001 unseen")
	d.has("bob", "p00001 unseen")
	d.has("cid")
	if box := d.inbox("ann"); box.Counts.Unread != 1 || box.Counts.Unseen != 1 ||
		box.Counts.Categories["news"] != (hubbub.CategoryCounts{Unread: 1, Unseen: 1}) || len(box.Counts.Categories) != 1 {
		d.Fatalf("the inbox of ann is %+v", box)
	}
	if step := d.deliver(p.ID); step.Users != nil || step.More || step.Publication.ID != "" {
		d.Fatalf("what was delivered to all is delivered again: %+v", step)
	}
	if ids := d.due(); len(ids) != 0 {
		d.Fatalf("what was delivered to all is due: %v", ids)
	}
	d.publish(d.about("news")) // to nobody
}

func contents(d *desk) {
	p := d.about("", "ann")
	p.Content, p.Collapse, p.Expires = fullContent(), "order 1", d.clock.Now().Add(time.Hour)
	d.publish(p)
	d.sameNotice(d.list("ann")[0], p, hubbub.NoticeUnseen)
	d.clock.Advance(time.Second)
	least := d.about("c", "ann")
	d.publish(least)
	d.sameNotice(d.list("ann")[0], least, hubbub.NoticeUnseen)
	least = d.about("c", "ann")
	least.Time = time.Time{}
	if step := d.publish(least); !step.Publication.Time.Equal(d.clock.Now()) {
		d.Fatalf("without a time it is published at %v", step.Publication.Time)
	}
}

func sameID(d *desk) {
	p := d.about("news", "ann")
	d.publish(p)
	p.To.Users = []string{"bob"}
	p.Key = "k"
	_, err := d.store.Publish(d.Context(), p)
	d.refused(err, hubbub.Conflict)
	d.has("bob")
	p.ID = "other" // nor is anything left of the key
	if step := d.publish(p); step.Repeated {
		d.Fatalf("what was refused is remembered")
	}
}

func keyRepeated(d *desk) {
	p := d.about("news", "ann", "bob")
	p.Key, p.Content.Data, p.Expires = "k", []byte(`{"a":1}`), d.clock.Now().Add(100*time.Hour)
	d.publish(p)
	d.mark("ann", hubbub.NoticeMark{State: hubbub.NoticeRead})
	again := p
	again.ID, again.To.Users, again.Time = "again", []string{"bob", "ann", "bob"}, p.Time.Add(time.Second)
	d.clock.Advance(time.Second)
	repeat := func() {
		d.Helper()
		step := d.publish(again)
		if !step.Repeated || step.Users != nil || step.More || step.Revision != 0 {
			d.Fatalf("the repetition is %+v", step)
		}
		d.samePublication(step.Publication, p)
	}
	repeat()
	d.has("ann", p.ID+" read")
	d.has("bob", p.ID+" unseen")
	d.withdraw(p.ID)
	repeat()
	d.has("ann")
	if _, err := d.store.Withdraw(d.Context(), p.ID); err == nil {
		d.Fatalf("what was withdrawn can be withdrawn again, since its key is known")
	}
}

func keyConflicts(d *desk) {
	first := d.about("news", "ann")
	first.Key = "k"
	d.publish(first)
	for i, change := range []func(p *hubbub.Publication){
		func(p *hubbub.Publication) { p.Content.Title = "other" },
		func(p *hubbub.Publication) { p.Content.Category = "other" },
		func(p *hubbub.Publication) { p.Content.Data = []byte("1") },
		func(p *hubbub.Publication) { p.To.Users = []string{"bob"} },
		func(p *hubbub.Publication) { p.To.Users = []string{"ann", "bob"} },
		func(p *hubbub.Publication) { p.To = hubbub.Recipients{Room: "ann"} },
		func(p *hubbub.Publication) { p.To = hubbub.Recipients{Audience: &hubbub.Audiences{}} },
	} {
		p := first
		p.ID = "other"
		change(&p)
		_, err := d.store.Publish(d.Context(), p)
		if err == nil {
			d.Fatalf("change %d is accepted", i)
		}
		d.refused(err, hubbub.Conflict)
	}
	d.has("ann", first.ID+" unseen")
	d.has("bob")
	if all, _, err := d.store.Announcements(d.Context()); err != nil || len(all) != 0 {
		d.Fatalf("announced %+v, %v", all, err)
	}
}

func keyAuthors(d *desk) {
	for _, author := range []string{"shop", "blog", ""} {
		p := d.about("news", "ann")
		p.Key, p.Author = "k", author
		if step := d.publish(p); step.Repeated {
			d.Fatalf("the key of %q is taken for that of another", author)
		}
	}
	for range 2 {
		if step := d.publish(d.about("news", "ann")); step.Repeated {
			d.Fatalf("without a key it is a repetition")
		}
	}
}

func noticeKeyLife(d *desk) {
	p := d.about("news", "ann")
	p.Key = "k"
	d.publish(p)
	d.clock.Advance(hubbub.NoticeKeyLife)
	d.expire(100)
	p.ID = "second"
	if step := d.publish(p); !step.Repeated {
		d.Fatalf("the key is forgotten too early")
	}
	d.clock.Advance(time.Millisecond)
	d.expire(100)
	if step := d.publish(p); step.Repeated {
		d.Fatalf("the key is never forgotten")
	}
	if n := len(d.list("ann")); n != 2 {
		d.Fatalf("ann has %d notices, want 2", n)
	}
}

func scheduled(d *desk) {
	p := d.about("news", "ann")
	p.Time = d.clock.Now().Add(time.Minute)
	if step := d.publish(p); step.Users != nil || step.More {
		d.Fatalf("before its time: %+v", step)
	}
	later := d.about("news", "ann")
	later.Time = d.clock.Now().Add(time.Hour)
	d.publish(later)
	d.clock.Advance(time.Minute - time.Millisecond)
	if step := d.deliver(p.ID); step.Users != nil || step.Publication.ID != "" || len(d.due()) != 0 {
		d.Fatalf("before its time: %+v, due are %v", step, d.due())
	}
	d.has("ann")
	d.clock.Advance(time.Millisecond)
	if ids := d.due(); !slices.Equal(ids, []string{p.ID}) {
		d.Fatalf("due are %v", ids)
	}
	d.has("ann")
	d.clock.Advance(time.Second) // whoever delivers it is late
	step := d.deliver(p.ID)
	if !slices.Equal(step.Users, []string{"ann"}) || step.More || len(d.due()) != 0 {
		d.Fatalf("delivered %+v, still due are %v", step, d.due())
	}
	d.samePublication(step.Publication, p)
	d.sameNotice(d.list("ann")[0], p, hubbub.NoticeUnseen)
	if step := d.deliver("unknown"); step.Publication.ID != "" || step.More {
		d.Fatalf("what there is not is delivered: %+v", step)
	}
}

func scheduledKey(d *desk) {
	p := d.about("news", "ann")
	p.Time, p.Key = d.clock.Now().Add(time.Minute), "k"
	d.publish(p)
	again := p
	again.ID = "again"
	if step := d.publish(again); !step.Repeated || step.Publication.ID != p.ID || !step.Publication.Time.Equal(p.Time) {
		d.Fatalf("the repetition is %+v", step)
	}
	d.clock.Advance(time.Minute)
	d.deliverAll()
	d.has("ann", p.ID+" unseen")
}
