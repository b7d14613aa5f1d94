package drivertest

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/hubbub-dev/hubbub"
)

func deliveryTests() []test[*desk] {
	return []test[*desk]{
		{"many users are reached in steps", manyReached},
		{"the members of a room are reached in steps", manyMembers},
		{"members are those at the time of delivery", changingMembers},
		{"a scheduled list of many users", manyScheduled},
		{"a delivery that many take part in", sharedDelivery},
		{"what expires is not delivered any more", lateDelivery},
		{"what is due comes in the order of its time", dueOrder},
	}
}

// crowd is more than two steps of a delivery.
const crowd = 2*hubbub.DeliveryStep + 1

func names(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("user%05d", i)
	}
	return all
}

func (d *desk) member(room, user string) {
	d.Helper()
	_, err := d.store.SetMember(d.Context(), room, hubbub.Member{User: user, Role: hubbub.RoleMember, Since: d.clock.Now()}, false)
	d.must(err)
}

// fillRoom makes users members at the same time, so that they share commits.
func (d *desk) fillRoom(room string, users []string) {
	d.Helper()
	atOnce(len(users), func(i int) {
		m := hubbub.Member{User: users[i], Role: hubbub.RoleMember, Since: d.clock.Now()}
		if _, err := d.store.SetMember(d.Context(), room, m, false); err != nil {
			d.Errorf("%v", err)
		}
	})
}

// finish takes all further steps of a delivery and fails the test unless exactly these users are reached, each once.
func (d *desk) finish(step hubbub.Step, want []string) {
	d.Helper()
	id, steps := step.Publication.ID, 1
	users := slices.Clone(step.Users)
	for ; step.More; steps++ {
		if len(step.Users) > hubbub.DeliveryStep {
			d.Fatalf("a step reaches %d users", len(step.Users))
		}
		if ids := d.due(); !slices.Contains(ids, id) {
			d.Fatalf("there is more to deliver, but due are %v", ids)
		}
		step = d.deliver(id)
		users = append(users, step.Users...)
	}
	slices.Sort(users)
	if !slices.Equal(users, want) {
		d.Fatalf("%d users are reached, want %d, each once", len(users), len(want))
	}
	if least := (len(want) + hubbub.DeliveryStep - 1) / hubbub.DeliveryStep; steps < least {
		d.Fatalf("%d steps have reached %d users", steps, len(want))
	}
	if step := d.deliver(id); step.Users != nil || step.More {
		d.Fatalf("after the last step there is another: %+v", step)
	}
	for i := 0; i < len(want); i += 1 + len(want)/20 {
		if n := d.inbox(want[i]).Counts.Unseen; n != 1 {
			d.Fatalf("%s has %d unseen notices", want[i], n)
		}
	}
}

func manyReached(d *desk) {
	step := d.publish(d.about("news", names(crowd)...))
	if !step.More {
		d.Fatalf("%d users are reached in one step", crowd)
	}
	d.finish(step, names(crowd))
}

func manyMembers(d *desk) {
	d.fillRoom("lobby", names(crowd))
	d.member("other", "zoe")
	p := d.about("news")
	p.To = hubbub.Recipients{Room: "lobby"}
	step := d.publish(p)
	d.samePublication(step.Publication, p)
	d.finish(step, names(crowd))
	d.has("zoe")
	p = d.about("news")
	p.To = hubbub.Recipients{Room: "empty"}
	if step := d.publish(p); step.Users != nil || step.More || len(d.due()) != 0 {
		d.Fatalf("in an empty room: %+v", step)
	}
}

func changingMembers(d *desk) {
	d.member("lobby", "ann")
	d.member("lobby", "bob")
	p := d.about("news")
	p.To, p.Time = hubbub.Recipients{Room: "lobby"}, d.clock.Now().Add(time.Minute)
	d.publish(p)
	_, err := d.store.RemoveMember(d.Context(), "lobby", "bob")
	d.must(err)
	d.member("lobby", "cid")
	d.clock.Advance(time.Minute)
	step := d.deliver(p.ID)
	d.samePublication(step.Publication, p)
	d.finish(step, []string{"ann", "cid"})
	d.has("bob")
}

func manyScheduled(d *desk) {
	p := d.about("news", names(crowd)...)
	p.Time = d.clock.Now().Add(time.Minute)
	d.publish(p)
	d.clock.Advance(time.Minute)
	step := d.deliver(p.ID)
	d.samePublication(step.Publication, p)
	d.finish(step, names(crowd))
}

func sharedDelivery(d *desk) {
	step := d.publish(d.about("news", names(crowd)...))
	var mu sync.Mutex
	users := slices.Clone(step.Users)
	atOnce(4, func(int) {
		for {
			next, err := d.store.Deliver(d.Context(), step.Publication.ID)
			if err != nil {
				d.Errorf("%v", err)
				return
			}
			mu.Lock()
			users = append(users, next.Users...)
			mu.Unlock()
			if !next.More {
				return
			}
		}
	})
	slices.Sort(users)
	if !slices.Equal(users, names(crowd)) {
		d.Fatalf("%d users are reached, want %d, each once", len(users), crowd)
	}
}

func lateDelivery(d *desk) {
	p := d.about("news", "ann")
	p.Time, p.Expires = d.clock.Now().Add(time.Minute), d.clock.Now().Add(2*time.Minute)
	d.publish(p)
	many := d.about("news", names(crowd)...)
	many.Expires = d.clock.Now().Add(time.Minute)
	d.publish(many)
	d.clock.Advance(2 * time.Minute)
	if step := d.deliver(p.ID); step.Users != nil || step.More || len(d.due()) != 0 {
		d.Fatalf("delivered %+v, due are %v", step, d.due())
	}
	if step := d.deliver(many.ID); step.Users != nil || step.More {
		d.Fatalf("delivered %+v", step)
	}
	if users, _ := d.expire(100); len(users) != hubbub.DeliveryStep {
		d.Fatalf("%d users have lost notices", len(users))
	}
	past := d.about("news", "ann")
	past.Expires = d.clock.Now()
	if step := d.publish(past); step.Users != nil || step.More {
		d.Fatalf("what has expired before is delivered: %+v", step)
	}
	d.expire(100)
	for _, id := range []string{p.ID, many.ID, past.ID} {
		_, err := d.store.Withdraw(d.Context(), id)
		d.refused(err, hubbub.NotFound)
	}
}

func dueOrder(d *desk) {
	var want []string
	for _, seconds := range []int{3, 1, 2, 1} {
		p := d.about("news", "ann")
		p.Time = d.clock.Now().Add(time.Duration(seconds) * time.Second)
		d.publish(p)
		want = append(want, p.ID)
	}
	d.clock.Advance(time.Minute)
	want = []string{want[1], want[3], want[2], want[0]}
	ids := d.due()
	if !slices.Equal(ids, want) {
		d.Fatalf("due are %v, want %v", ids, want)
	}
	ids, err := d.store.Due(d.Context(), 2)
	d.must(err)
	if !slices.Equal(ids, want[:2]) {
		d.Fatalf("the first two that are due are %v", ids)
	}
}
