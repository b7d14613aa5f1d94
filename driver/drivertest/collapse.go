package drivertest

import (
	"slices"
	"time"

	"github.com/hubbub-dev/hubbub"
)

func collapseTests() []test[*desk] {
	return []test[*desk]{
		{"a newer notice takes the place of the older", collapsing},
		{"of the same millisecond the later accepted one stays", collapsingAtOnce},
		{"an older notice that comes late is left out", collapsingLate},
		{"a large publication collapses in each inbox", collapsingMany},
		{"what was collapsed everywhere is forgotten", collapsedAway},
	}
}

// likes makes a publication that takes the place of older likes.
func (d *desk) likes(users ...string) hubbub.Publication {
	p := d.about("likes", users...)
	p.Collapse = "likes"
	return p
}

func collapsing(d *desk) {
	first := d.publish(d.likes("ann", "bob")).Publication.ID
	other := d.send("news", "ann")
	d.mark("ann", hubbub.NoticeMark{State: hubbub.NoticeRead})
	d.clock.Advance(time.Second)
	second := d.likes("ann")
	second.Content.Category = "moved"
	if step := d.publish(second); !slices.Equal(step.Users, []string{"ann"}) {
		d.Fatalf("the newer one reaches %v", step.Users)
	}
	d.has("ann", second.ID+" unseen", other+" read")
	d.has("bob", first+" unseen")
	if n := d.list("ann")[0]; n.Collapse != "likes" {
		d.Fatalf("the notice is %+v", n)
	}
	third := d.about("likes", "ann")
	third.Collapse = "other"
	d.publish(third)
	d.has("ann", third.ID+" unseen", second.ID+" unseen", other+" read")
	d.clock.Advance(time.Second)
	d.mark("ann", hubbub.NoticeMark{State: hubbub.NoticeArchived})
	fourth := d.publish(d.likes("ann")).Publication.ID
	d.has("ann", fourth+" unseen", third.ID+" archived", other+" archived")
}

func collapsingAtOnce(d *desk) {
	for _, id := range []string{"b", "a", "c"} {
		p := d.likes("ann")
		p.ID = id
		d.publish(p)
		d.has("ann", id+" unseen")
	}
}

func collapsingLate(d *desk) {
	early, late := d.likes("ann", "bob"), d.likes("ann")
	early.Time, late.Time = d.clock.Now().Add(time.Second), d.clock.Now().Add(time.Minute)
	d.publish(late)
	d.publish(early)
	d.clock.Advance(time.Hour)
	d.deliver(late.ID)
	d.has("ann", late.ID+" unseen")
	if step := d.deliver(early.ID); !slices.Equal(step.Users, []string{"bob"}) {
		d.Fatalf("the older one reaches %v", step.Users)
	}
	d.has("ann", late.ID+" unseen")
	d.has("bob", early.ID+" unseen")
	if ids := d.due(); len(ids) != 0 {
		d.Fatalf("due are %v", ids)
	}
}

func collapsingMany(d *desk) {
	d.fillRoom("lobby", names(crowd))
	for range 2 {
		p := d.likes()
		p.To = hubbub.Recipients{Room: "lobby"}
		d.clock.Advance(time.Second)
		d.finish(d.publish(p), names(crowd))
		d.has(names(crowd)[crowd-1], p.ID+" unseen")
	}
}

func collapsedAway(d *desk) {
	first := d.publish(d.likes("ann", "bob")).Publication.ID
	d.publish(d.likes("bob"))
	d.publish(d.likes("ann"))
	_, err := d.store.Withdraw(d.Context(), first)
	d.refused(err, hubbub.NotFound)
}
