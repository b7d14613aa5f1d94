package drivertest

import (
	"fmt"
	"slices"
	"time"

	"github.com/hubbub-dev/hubbub"
)

// memberRig is for tests of members.
type memberRig struct {
	streamRig
	hubbub.Members
}

func memberTests() []test[*memberRig] {
	return []test[*memberRig]{
		{"members are added, changed and removed", membersChange},
		{"only one founds a room", onlyOneFounds},
		{"a room with members keeps an owner", lastOwner},
		{"members come in pages", memberPages},
		{"a user's rooms come in pages", membershipPages},
		{"members take part in a room", membersTakePart},
	}
}

func (r *memberRig) set(room, user string, role hubbub.Role) hubbub.Role {
	r.Helper()
	before, err := r.SetMember(r.Context(), room, hubbub.Member{User: user, Role: role, Since: r.clock.Now()}, false)
	r.must(err)
	return before
}

// is fails the test unless a user has a role.
func (r *memberRig) is(room, user string, want hubbub.Role) {
	r.Helper()
	role, err := r.MemberOf(r.Context(), room, user)
	r.must(err)
	if role != want {
		r.Fatalf("%s is %q in %s, want %q", user, role, room, want)
	}
}

func (r *memberRig) members(room, after string, limit int) hubbub.MemberPage {
	r.Helper()
	page, err := r.Members.Members(r.Context(), room, after, limit)
	r.must(err)
	return page
}

func membersChange(r *memberRig) {
	founded := r.clock.Now()
	ann := hubbub.Member{User: "ann", Role: hubbub.RoleOwner, Since: founded}
	if before, err := r.SetMember(r.Context(), "team", ann, true); before != "" || err != nil {
		r.Fatalf("founding tells %q, %v", before, err)
	}
	r.clock.Advance(time.Minute)
	if before := r.set("team", "bob", hubbub.RoleMember); before != "" {
		r.Fatalf("who was no member was %q", before)
	}
	r.clock.Advance(time.Minute)
	if before := r.set("team", "bob", hubbub.RoleAdmin); before != hubbub.RoleMember {
		r.Fatalf("a member was %q", before)
	}
	r.is("team", "ann", hubbub.RoleOwner)
	r.is("team", "bob", hubbub.RoleAdmin)
	r.is("team", "cid", "")
	r.is("other", "ann", "")
	page := r.members("team", "", 10)
	if len(page.Members) != 2 || page.Total != 2 || page.Next != "" {
		r.Fatalf("the members are %+v", page)
	}
	if m := page.Members[1]; m.User != "bob" || m.Role != hubbub.RoleAdmin || !m.Since.Equal(founded.Add(time.Minute)) {
		r.Fatalf("bob is %+v; the time is that of the beginning, also after a change", m)
	}
	for _, want := range []hubbub.Role{hubbub.RoleAdmin, ""} {
		if before, err := r.RemoveMember(r.Context(), "team", "bob"); before != want || err != nil {
			r.Fatalf("removing bob tells %q, %v; want %q", before, err, want)
		}
	}
	r.is("team", "bob", "")
}

func onlyOneFounds(r *memberRig) {
	errs := make([]error, 10)
	atOnce(len(errs), func(i int) {
		m := hubbub.Member{User: fmt.Sprint("user", i), Role: hubbub.RoleOwner, Since: r.clock.Now()}
		_, errs[i] = r.SetMember(r.Context(), "team", m, true)
	})
	errs = slices.DeleteFunc(errs, func(err error) bool { return err == nil })
	if len(errs) != 9 {
		r.Fatalf("%d of 10 have not founded the room, want 9", len(errs))
	}
	for _, err := range errs {
		r.refused(err, hubbub.Conflict)
	}
	if page := r.members("team", "", 10); page.Total != 1 || page.Members[0].Role != hubbub.RoleOwner {
		r.Fatalf("the members are %+v", page)
	}
}

func lastOwner(r *memberRig) {
	r.set("team", "ann", hubbub.RoleOwner)
	r.set("team", "bob", hubbub.RoleAdmin)
	_, err := r.SetMember(r.Context(), "team", hubbub.Member{User: "ann", Role: hubbub.RoleAdmin, Since: r.clock.Now()}, false)
	r.refused(err, hubbub.Conflict)
	_, err = r.RemoveMember(r.Context(), "team", "ann")
	r.refused(err, hubbub.Conflict)
	r.is("team", "ann", hubbub.RoleOwner)
	r.set("team", "ann", hubbub.RoleOwner) // changes nothing
	r.set("team", "bob", hubbub.RoleOwner)
	r.set("team", "ann", hubbub.RoleMember) // there is another one
	_, err = r.RemoveMember(r.Context(), "team", "ann")
	r.must(err)
	r.set("team", "bob", hubbub.RoleMember) // alone anything goes
	_, err = r.RemoveMember(r.Context(), "team", "bob")
	r.must(err)
	if page := r.members("team", "", 10); page.Total != 0 || len(page.Members) != 0 {
		r.Fatalf("the members are %+v", page)
	}
	// A room whose members have no owner, since a backend wants none, is no reason to refuse anything.
	r.set("crowd", "ann", hubbub.RoleMember)
	r.set("crowd", "bob", hubbub.RoleMember)
	_, err = r.RemoveMember(r.Context(), "crowd", "ann")
	r.must(err)
}

func memberPages(r *memberRig) {
	var want []string
	for i := range 23 {
		want = append(want, fmt.Sprintf("user%02d", i))
		r.set("team", want[i], hubbub.RoleMember)
	}
	r.set("other", "zoe", hubbub.RoleMember)
	for _, limit := range []int{1, 7, 23, 100} {
		var got []string
		for after, pages := "", 0; ; pages++ {
			page := r.members("team", after, limit)
			if page.Total != len(want) || len(page.Members) > limit || pages > 100 {
				r.Fatalf("page %d of %d has %d of %d", pages, limit, len(page.Members), page.Total)
			}
			for _, m := range page.Members {
				got = append(got, m.User)
			}
			if after = page.Next; after == "" {
				break
			}
		}
		if !slices.Equal(got, want) {
			r.Fatalf("in pages of %d the members are %v, want %v", limit, got, want)
		}
	}
}

func membershipPages(r *memberRig) {
	var want []string
	for i := range 11 {
		want = append(want, fmt.Sprintf("room%02d", i))
		r.set(want[i], "ann", hubbub.RoleAdmin)
		r.set(want[i], "bob", hubbub.RoleMember)
	}
	for _, limit := range []int{1, 4, 11, 100} {
		var got []string
		for after, pages := "", 0; ; pages++ {
			page, err := r.Memberships(r.Context(), "ann", after, limit)
			r.must(err)
			if page.Total != len(want) {
				r.Fatalf("page %d of %d counts %d rooms, want %d", pages, limit, page.Total, len(want))
			}
			for _, m := range page.Memberships {
				if m.Role != hubbub.RoleAdmin || !m.Since.Equal(r.clock.Now()) || len(page.Memberships) > limit || pages > 100 ||
					page.Total != len(want) {
					r.Fatalf("page %d of %d has %+v", pages, limit, page)
				}
				got = append(got, m.Room)
			}
			if after = page.Next; after == "" {
				break
			}
		}
		if !slices.Equal(got, want) {
			r.Fatalf("in pages of %d ann is in %v, want %v", limit, got, want)
		}
	}
}

func membersTakePart(r *memberRig) {
	r.set("lobby", "cid", hubbub.RoleMember)
	r.set("silent", "cid", hubbub.RoleMember)
	if all := r.talks("cid", 10); len(all) != 0 {
		r.Fatalf("without a message cid talks in %v", streamsOf(all))
	}
	r.tell("ann", lobby, 1)
	r.tell("ann", hubbub.PairStream("cid", "ann"), 2)
	r.tell("cid", hubbub.RoomStream("other"), 3)
	last := r.tell("ann", lobby, 4)
	all := r.talks("cid", 1)
	want := []hubbub.Stream{lobby, hubbub.RoomStream("other"), hubbub.PairStream("ann", "cid")}
	if got := streamsOf(all); !slices.Equal(got, want) {
		r.Fatalf("cid talks in %v, want %v", got, want)
	}
	if c := all[0]; c.Unread != 2 || c.Last.Position != last {
		r.Fatalf("of the lobby cid sees %+v", c)
	}
	r.read("cid", lobby, last) // takes part now by this, too, and sees it once
	if all := r.talks("cid", 10); len(all) != 3 || all[0].Unread != 0 || all[0].Read != last {
		r.Fatalf("after reading cid sees %+v", all)
	}
	_, err := r.RemoveMember(r.Context(), "silent", "cid")
	r.must(err)
	r.tell("ann", hubbub.RoomStream("silent"), 5)
	if all := r.talks("cid", 10); len(all) != 3 {
		r.Fatalf("who was removed talks in %v", streamsOf(all))
	}
}
