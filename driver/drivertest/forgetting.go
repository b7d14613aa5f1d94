package drivertest

import (
	"fmt"
	"time"

	"github.com/hubbub-dev/hubbub"
)

func forgetTests() []test[*storeRig] {
	return []test[*storeRig]{
		{"who was erased was never here", erasedVisitor},
		{"members that were erased", erasedMember},
		{"the inbox of who was erased", erasedInbox},
		{"publications to who was erased", erasedRecipient},
		{"what waits for who was erased", erasedItems},
		{"revocations stay", erasedRevocations},
	}
}

func (r *storeRig) erase(user string) {
	r.Helper()
	eraseAll(&r.base, r.Store, user)
}

func erasedVisitor(r *storeRig) {
	j := &journalRig{r.base, r.Store}
	d := &desk{base: r.base, store: r.Store}
	d.publish(d.toAll("news"))
	for _, user := range []string{"ann", "bob"} {
		j.arrive(hubbub.Visitor{User: user, Info: []byte(`{}`), Attrs: map[string]string{"plan": "pro"}})
		for _, id := range []string{"s1", "s2"} {
			s := hubbub.SessionRecord{ID: user + id, User: user, Node: "a", Connected: r.clock.Now()}
			j.record(hubbub.Transition{Kind: hubbub.SessionConnected, User: user, Session: s, Time: r.clock.Now()})
			if id == "s1" {
				j.record(hubbub.Transition{Kind: hubbub.SessionDisconnected, User: user, Session: s, Time: r.clock.Now()})
			}
		}
	}
	r.erase("ann")
	if v := j.visitor("ann"); v.User != "" {
		r.Fatalf("who was erased is %+v", v)
	}
	j.expectLost("b", "bobs2", "-bob")
	late := hubbub.SessionRecord{ID: "anns2", User: "ann", Node: "a"}
	j.record(hubbub.Transition{Kind: hubbub.SessionDisconnected, User: "ann", Session: late, Time: r.clock.Now()},
		hubbub.Transition{Kind: hubbub.UserOffline, User: "ann", ID: "x", Time: r.clock.Now()})
	if v := j.visitor("ann"); v.User != "" {
		r.Fatalf("what came late has brought back %+v", v)
	}
	r.clock.Advance(time.Hour)
	j.arrive(hubbub.Visitor{User: "ann"})
	if v := j.visitor("ann"); !v.FirstSeen.Equal(r.clock.Now()) || !v.LastSeen.IsZero() || len(v.Attrs) != 0 || d.inbox("ann").Baseline != 1 {
		r.Fatalf("who comes anew is %+v with %+v", v, d.inbox("ann"))
	}
}

func erasedMember(r *storeRig) {
	m := &memberRig{streamRig{base: r.base, streams: r.Store}, r.Store}
	for i, words := range []string{
		"alone ann owner", "two ann owner", "two bob owner", "two cid admin", "heir bob member", "heir dora admin", "heir cid admin",
		"heir ann owner", "plain cid member", "plain bob member", "plain ann owner", "guest bob owner", "guest ann member",
	} {
		var room, user, role string
		fmt.Sscan(words, &room, &user, &role)
		r.clock.Advance(time.Second)
		if before := m.set(room, user, hubbub.Role(role)); before != "" {
			r.Fatalf("%d: %s was %q", i, words, before)
		}
	}
	for i := range hubbub.DeliveryStep + 50 {
		m.set(fmt.Sprint("room ", i), "ann", hubbub.RoleOwner)
	}
	r.erase("ann")
	if page, err := r.Memberships(r.Context(), "ann", "", 10); err != nil || page.Total != 0 {
		r.Fatalf("who was erased is a member: %+v, %v", page, err)
	}
	m.is("two", "cid", hubbub.RoleAdmin)
	m.is("heir", "dora", hubbub.RoleOwner) // the admin of the longest standing
	m.is("heir", "cid", hubbub.RoleAdmin)
	m.is("plain", "cid", hubbub.RoleOwner)
	m.is("plain", "bob", hubbub.RoleMember)
	m.is("guest", "bob", hubbub.RoleOwner)
	founder := hubbub.Member{User: "zoe", Role: hubbub.RoleOwner, Since: r.clock.Now()}
	if _, err := r.SetMember(r.Context(), "alone", founder, true); err != nil {
		r.Fatalf("a room without members cannot be founded: %v", err)
	}
}

func erasedInbox(r *storeRig) {
	d := &desk{base: r.base, store: r.Store}
	shared := d.send("news", "ann", "bob")
	for range hubbub.DeliveryStep + 20 {
		d.send("news", "ann")
	}
	d.send("likes", "ann")
	announced := d.publish(d.toAll("news")).Publication.ID
	for _, user := range []string{"ann", "bob"} {
		r.must(r.MarkAnnouncements(r.Context(), user, hubbub.AnnouncementMark{
			Up: &hubbub.Watermark{Category: "likes", State: hubbub.NoticeRead, Seq: 1}, Made: map[string]hubbub.NoticeState{announced: hubbub.NoticeRead}}))
	}
	r.erase("ann")
	d.has("ann")
	if box := d.inbox("ann"); box.Counts.Unread != 0 || len(box.Marks) != 0 || len(box.Made) != 0 {
		r.Fatalf("the inbox of who was erased is %+v", box)
	}
	d.has("bob", shared+" unseen")
	if box := d.inbox("bob"); len(box.Marks) != 1 || box.Made[announced] != hubbub.NoticeRead {
		r.Fatalf("the inbox of bob is %+v", box)
	}
}

func erasedRecipient(r *storeRig) {
	d := &desk{base: r.base, store: r.Store}
	later := func(users ...string) hubbub.Publication {
		p := d.about("news", users...)
		p.Time = r.clock.Now().Add(time.Hour)
		d.publish(p)
		return p
	}
	alone, both := later("ann"), later("ann", "bob", "<cid>")
	keyed := d.about("news", "ann")
	keyed.Key, keyed.Content.Title = "k", "for ann alone"
	d.publish(keyed)
	r.erase("ann")
	r.erase("<cid>")
	if step := d.publish(keyed); !step.Repeated || step.Publication.ID != keyed.ID || step.Publication.Content.Title != "" {
		r.Fatalf("with the key of what was erased is published %+v", step)
	}
	r.clock.Advance(2 * time.Hour)
	d.deliverAll()
	d.has("ann")
	d.has("<cid>")
	d.has("bob", both.ID+" unseen")
	if step := d.deliver(alone.ID); step.Publication.ID != "" {
		r.Fatalf("what was for who was erased is delivered: %+v", step)
	}
	erasedBetween(r, d)
}

// erasedBetween erases the member of a room whom a delivery has reached last.
func erasedBetween(r *storeRig, d *desk) {
	const n = 2*hubbub.DeliveryStep + 10
	name := func(i int) string { return fmt.Sprintf("member%04d", i) }
	for i := range n {
		_, err := r.SetMember(r.Context(), "club", hubbub.Member{User: name(i), Role: hubbub.RoleMember}, false)
		r.must(err)
	}
	p := d.about("news")
	p.To.Room = "club"
	step := d.publish(p)
	if !step.More {
		r.Fatalf("all of a room are reached in one step")
	}
	last := step.Users[len(step.Users)-1]
	r.erase(last)
	reached := len(step.Users)
	for _, step := range d.deliverAll() {
		reached += len(step.Users)
	}
	if reached != n {
		r.Fatalf("%d members are reached, want %d", reached, n)
	}
	d.has(last)
}

func erasedItems(r *storeRig) {
	item := func(id, order string) hubbub.OutboxItem {
		return hubbub.OutboxItem{ID: id, Target: "hook", Order: order, Payload: []byte(order)}
	}
	o := r.to("hook")
	put := func(items ...hubbub.OutboxItem) { r.Helper(); r.must(r.Put(r.Context(), items)) }
	put(item("1", "user ann"), item("2", "user ann"), item("3", "pair ann bob"), item("4", "pair aaa ann"), item("5", "pair annabel bob"),
		item("6", "user annabel"), item("7", "room ann"), item("8", "user bob"), item("9", "pair bob zoe"))
	dead := []hubbub.OutboxItem{item("d1", "user ann"), item("d2", "pair ann zoe"), item("d3", "user bob"), item("d4", "pair Ärger ann"), item("d5", "pair ann Ärger")}
	for _, one := range dead {
		one.Target = "dead"
		put(one)
	}
	given := r.to("dead")
	given.expect("d1", "d2", "d3", "d4", "d5")
	given.settle(hubbub.OutcomeDead, "d1", "d2", "d3")
	given.settle(hubbub.OutcomeRetry, "d4")
	r.erase("ann")
	o.expect("5", "6", "7", "8", "9")
	if left := itemIDs(given.dead(0, 10)); fmt.Sprint(left) != "[d3]" {
		r.Fatalf("dead are still %q", left)
	}
	r.clock.Advance(2 * time.Hour)
	given.expect()
	put(item("1", "user ann")) // was told already, or will never be
	put(item("10", "user ann"))
	o.settle(hubbub.OutcomeDelivered, "5", "6", "7", "8", "9")
	o.expect("10")
}

func erasedRevocations(r *storeRig) {
	all := []hubbub.Revocation{{User: "ann"}, {User: "ann", Token: "t"}, {User: "bob", Token: "t"}}
	for _, v := range all {
		r.keep(v)
	}
	r.erase("ann")
	r.keeps(all...) // or old credentials would be good again
}
