package drivertest

import (
	"slices"
	"time"

	"github.com/hubbub-dev/hubbub"
)

func removalTests() []test[*desk] {
	return []test[*desk]{
		{"what is past its time goes when it is expired", expiring},
		{"expiring goes in steps", expiringSteps},
		{"withdrawing", withdrawing},
		{"withdrawing goes in steps", withdrawingSteps},
		{"withdrawing ends a delivery", withdrawingEarly},
		{"a withdrawal that was left off is finished", withdrawingHalf},
		{"withdrawing what there is not", withdrawingNothing},
	}
}

func expiring(d *desk) {
	forever := d.send("news", "ann")
	p := d.about("news", "ann", "bob")
	p.Expires = d.clock.Now().Add(time.Minute)
	d.publish(p)
	other := d.about("news", "cid")
	other.Expires = d.clock.Now().Add(time.Hour)
	d.publish(other)
	d.mark("bob", hubbub.NoticeMark{State: hubbub.NoticeArchived})
	d.clock.Advance(time.Minute - time.Millisecond)
	if users, revision := d.expire(100); users != nil || revision != 0 {
		d.Fatalf("too early %v lose notices", users)
	}
	d.has("ann", p.ID+" unseen", forever+" unseen")
	d.clock.Advance(time.Millisecond)
	if users, revision := d.expire(100); !slices.Equal(users, []string{"ann", "bob"}) || revision != 0 {
		d.Fatalf("%v lose notices, the revision is %d", users, revision)
	}
	d.has("ann", forever+" unseen")
	d.has("bob")
	d.has("cid", other.ID+" unseen")
	if users, _ := d.expire(100); users != nil {
		d.Fatalf("%v lose notices twice", users)
	}
}

func expiringSteps(d *desk) {
	for range 3 {
		p := d.about("news", names(20)...)
		p.Expires = d.clock.Now().Add(time.Minute)
		d.publish(p)
	}
	d.clock.Advance(time.Hour)
	left := 60
	for more := true; more; {
		gone, err := d.store.Expire(d.Context(), 7)
		d.must(err)
		if len(gone.Users) > 7 || left > 0 && !gone.More && len(gone.Users) < left {
			d.Fatalf("of %d notices one step removes %+v", left, gone)
		}
		more, left = gone.More, 0
		for _, user := range names(20) {
			left += len(recount(d, d.store, user))
		}
	}
	if left != 0 {
		d.Fatalf("%d notices are left", left)
	}
}

func withdrawing(d *desk) {
	keep := d.send("news", "ann")
	id := d.send("news", "ann", "bob")
	d.mark("bob", hubbub.NoticeMark{State: hubbub.NoticeRead})
	if users, revision := d.withdraw(id); !slices.Equal(users, []string{"ann", "bob"}) || revision != 0 {
		d.Fatalf("withdrawn from %v, revision %d", users, revision)
	}
	d.has("ann", keep+" unseen")
	d.has("bob")
	_, err := d.store.Withdraw(d.Context(), id)
	d.refused(err, hubbub.NotFound)
}

func withdrawingSteps(d *desk) {
	for _, size := range []int{crowd, 2 * hubbub.DeliveryStep} {
		p := d.about("news", names(size)...)
		d.finish(d.publish(p), names(size))
		if users, _ := d.withdraw(p.ID); !slices.Equal(users, names(size)) {
			d.Fatalf("withdrawn from %d inboxes, want %d", len(users), size)
		}
		for i := 0; i < size; i += 50 {
			if n := d.inbox(names(size)[i]).Counts.Unread; n != 0 {
				d.Fatalf("%s has %d notices", names(size)[i], n)
			}
		}
	}
}

func withdrawingEarly(d *desk) {
	p := d.about("news", "ann")
	p.Time = d.clock.Now().Add(time.Minute)
	d.publish(p)
	many := d.publish(d.about("news", names(crowd)...))
	if users, _ := d.withdraw(p.ID); users != nil {
		d.Fatalf("before its time it is withdrawn from %v", users)
	}
	if users, _ := d.withdraw(many.Publication.ID); !slices.Equal(users, many.Users) {
		d.Fatalf("withdrawn from %d inboxes, want %d", len(users), len(many.Users))
	}
	d.clock.Advance(time.Hour)
	if ids := d.due(); len(ids) != 0 {
		d.Fatalf("due are %v", ids)
	}
	for _, id := range []string{p.ID, many.Publication.ID} {
		if step := d.deliver(id); step.Users != nil || step.More {
			d.Fatalf("what is withdrawn is delivered: %+v", step)
		}
	}
	d.has("ann")
}

func withdrawingHalf(d *desk) {
	p := d.about("news", names(crowd)...)
	d.finish(d.publish(p), names(crowd))
	first, err := d.store.Withdraw(d.Context(), p.ID)
	d.must(err)
	if !first.More {
		d.Fatalf("%d inboxes change in one step", crowd)
	}
	rest, _ := d.expire(100)
	users := append(rest, first.Users...)
	slices.Sort(users)
	if !slices.Equal(users, names(crowd)) {
		d.Fatalf("withdrawn from %d inboxes, want %d", len(users), crowd)
	}
}

func withdrawingNothing(d *desk) {
	_, err := d.store.Withdraw(d.Context(), "unknown")
	d.refused(err, hubbub.NotFound)
	p := d.about("news", "ann")
	p.Expires = d.clock.Now().Add(time.Minute)
	d.publish(p)
	d.clock.Advance(time.Hour)
	d.expire(100)
	_, err = d.store.Withdraw(d.Context(), p.ID)
	d.refused(err, hubbub.NotFound)
}
