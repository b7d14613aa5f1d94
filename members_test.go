package hubbub_test

import (
	"context"
	"testing"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/internal/testkit"
)

// clubs are options with a room for members, one that people may create, and an open one.
func clubs() hubbub.Options {
	o := lasting()
	o.Rooms = []hubbub.RoomRule{
		{Match: "board", Join: hubbub.AccessMember, History: hubbub.HistoryDurable},
		{Match: "group-*", Join: hubbub.AccessMember, Create: true, History: hubbub.HistoryDurable},
		{Match: "*", History: hubbub.HistoryDurable},
	}
	return o
}

// TestWhoMayAddWhom goes through the roles.
func TestWhoMayAddWhom(t *testing.T) {
	h := build(t, storeFile(t), clubs())
	ctx := t.Context()
	owner, admin, member, stranger := open(t, h.Hub, "owner"), open(t, h.Hub, "admin"), open(t, h.Hub, "member"), open(t, h.Hub, "stranger")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	wantReason(t, stranger.AddMember(ctx, "board", "stranger", ""), hubbub.Forbidden) // nobody may create it
	must(owner.AddMember(ctx, "group-1", "owner", ""))
	if role, _ := h.store.MemberOf(ctx, "group-1", "owner"); role != hubbub.RoleOwner {
		t.Errorf("who creates a room is its %q", role)
	}
	must(owner.AddMember(ctx, "group-1", "admin", hubbub.RoleAdmin))
	must(admin.AddMember(ctx, "group-1", "member", ""))
	wantReason(t, stranger.AddMember(ctx, "group-1", "stranger", ""), hubbub.Forbidden)
	wantReason(t, admin.AddMember(ctx, "group-1", "member", hubbub.RoleAdmin), hubbub.Forbidden)
	wantReason(t, admin.AddMember(ctx, "group-1", "owner", hubbub.RoleMember), hubbub.Forbidden)
	wantReason(t, member.AddMember(ctx, "group-1", "stranger", ""), hubbub.Forbidden)
	wantReason(t, member.AddMember(ctx, "group-1", "member", hubbub.RoleOwner), hubbub.Forbidden)
	wantReason(t, member.RemoveMember(ctx, "group-1", "admin"), hubbub.Forbidden)
	wantReason(t, owner.RemoveMember(ctx, "group-1", "owner"), hubbub.Conflict) // the others would have none
	wantReason(t, owner.AddMember(ctx, "group-1", "member", "king"), hubbub.Invalid)
	wantReason(t, owner.AddMember(ctx, "group-1", "a user", ""), hubbub.Invalid)
	must(member.RemoveMember(ctx, "group-1", "member"))
	must(owner.AddMember(ctx, "group-1", "admin", hubbub.RoleOwner))
	must(owner.RemoveMember(ctx, "group-1", "owner"))

	must(stranger.AddMember(ctx, "town", "stranger", ""))
	page, err := stranger.Members(ctx, "town", "", 0)
	if err != nil || page.Total != 1 || page.Members[0].Role != hubbub.RoleMember {
		t.Errorf("an open room has %+v, %v", page, err)
	}
	_, err = stranger.Members(ctx, "group-1", "", 0)
	wantReason(t, err, hubbub.Forbidden)
}

// TestRoomsPerMemberAreBounded has nobody become a member of more rooms than the limit says, by themself or by others; backends may
// make it more.
func TestRoomsPerMemberAreBounded(t *testing.T) {
	o := clubs()
	o.Limits.RoomsPerMember = 2
	h := build(t, storeFile(t), o)
	ctx := t.Context()
	ann, bob := open(t, h.Hub, "ann"), open(t, h.Hub, "bob")
	for _, room := range []string{"group-1", "town"} {
		if err := ann.AddMember(ctx, room, "ann", ""); err != nil {
			t.Fatal(err)
		}
	}
	wantReason(t, ann.AddMember(ctx, "group-2", "ann", ""), hubbub.TooLarge)
	wantReason(t, ann.AddMember(ctx, "village", "ann", ""), hubbub.TooLarge)
	if err := bob.AddMember(ctx, "group-3", "bob", ""); err != nil {
		t.Fatal(err)
	}
	wantReason(t, bob.AddMember(ctx, "group-3", "ann", ""), hubbub.TooLarge)
	if _, err := h.SetMember(ctx, "group-3", "ann", hubbub.RoleMember); err != nil {
		t.Errorf("a backend may not add her: %v", err)
	}
}

// TestNobodyInheritsARoom has the last member of a room leave for good: what was said there is not for whoever comes next, but a
// backend may begin anew. A room where nothing was said is as good as new.
func TestNobodyInheritsARoom(t *testing.T) {
	for _, kind := range []hubbub.HistoryKind{hubbub.HistoryDurable, hubbub.HistoryMemory} {
		o := clubs()
		o.Rooms[1].History = kind
		h := build(t, storeFile(t), o)
		ctx := t.Context()
		ann, eve := open(t, h.Hub, "ann"), open(t, h.Hub, "eve")
		for _, room := range []string{"group-silent", "group-secret"} {
			if err := ann.AddMember(ctx, room, "ann", ""); err != nil {
				t.Fatal(err)
			}
		}
		ann.join(t, "group-secret", nil)
		ann.say(t, "group-secret", "between us")
		for _, room := range []string{"group-silent", "group-secret"} {
			if err := ann.RemoveMember(ctx, room, "ann"); err != nil {
				t.Fatal(err)
			}
		}
		wantReason(t, eve.AddMember(ctx, "group-secret", "eve", ""), hubbub.Forbidden)
		if err := eve.AddMember(ctx, "group-silent", "eve", ""); err != nil {
			t.Error(err)
		}
		if _, err := h.SetMember(ctx, "group-secret", "eve", hubbub.RoleOwner); err != nil {
			t.Error(err)
		}
	}
}

// TestWhoIsRemovedLeaves takes the sessions of somebody who is no member any more out of the room, and tells all.
func TestWhoIsRemovedLeaves(t *testing.T) {
	h := build(t, storeFile(t), clubs())
	for _, user := range []string{"ann", "bob"} {
		if _, err := h.SetMember(t.Context(), "board", user, hubbub.RoleMember); err != nil {
			t.Fatal(err)
		}
	}
	ann, bob := open(t, h.Hub, "ann"), open(t, h.Hub, "bob")
	ann.join(t, "board", nil)
	bob.join(t, "board", nil)
	if before, err := h.RemoveMember(t.Context(), "board", "bob"); err != nil || before != hubbub.RoleMember {
		t.Fatal(before, err)
	}
	testkit.Eventually(t, "Bob's leaving", func() bool {
		_, err := bob.SendRoom(t.Context(), "board", text("still here?"))
		return err != nil && hubbub.AsError(err).Reason == hubbub.Forbidden
	})
	want := hubbub.MemberChanged{Room: "board", User: "bob"}
	for _, c := range []client{ann, bob} {
		testkit.Eventually(t, "what "+c.Identity().User+" is told", func() bool { return len(events[hubbub.MemberChanged](c)) > 0 })
		if got := events[hubbub.MemberChanged](c); len(got) != 1 || got[0] != want {
			t.Errorf("%s was told %v", c.Identity().User, got)
		}
	}
	err := bob.Join(t.Context(), "board", hubbub.JoinOptions{}, func(hubbub.JoinResult) {})
	wantReason(t, err, hubbub.Forbidden)
}

// TestMembersSeeTheirRooms has a room in the list of a member who never was in it.
func TestMembersSeeTheirRooms(t *testing.T) {
	h := build(t, storeFile(t), clubs())
	for _, user := range []string{"ann", "bob"} {
		if _, err := h.SetMember(t.Context(), "board", user, hubbub.RoleMember); err != nil {
			t.Fatal(err)
		}
	}
	ann, bob := open(t, h.Hub, "ann"), open(t, h.Hub, "bob")
	ann.join(t, "board", nil)
	ann.say(t, "board", "hello")
	page, err := bob.Conversations(t.Context(), "", 0)
	if err != nil || len(page.Conversations) != 1 || page.Conversations[0].Unread != 1 {
		t.Errorf("Bob's conversations are %+v, %v", page, err)
	}
}

// TestSessionsMakeUsersMembersOfAFewRooms goes up to the limit.
func TestSessionsMakeUsersMembersOfAFewRooms(t *testing.T) {
	o := clubs()
	o.Limits.RoomsPerMember = 2
	h := build(t, storeFile(t), o)
	ann, bob := open(t, h.Hub, "ann"), open(t, h.Hub, "bob")
	for _, room := range []string{"group-1", "town"} {
		if err := ann.AddMember(t.Context(), room, "ann", ""); err != nil {
			t.Fatal(err)
		}
	}
	wantReason(t, ann.AddMember(t.Context(), "group-2", "ann", ""), hubbub.TooLarge)
	if err := bob.AddMember(t.Context(), "group-3", "bob", ""); err != nil {
		t.Fatal(err)
	}
	wantReason(t, bob.AddMember(t.Context(), "group-3", "ann", ""), hubbub.TooLarge)
	if _, err := h.SetMember(t.Context(), "group-3", "ann", hubbub.RoleMember); err != nil { // a backend may
		t.Fatal(err)
	}
}

// TestWhoMayNotJoinIsNoMember has somebody outside a room become a member of it instead of joining it.
func TestWhoMayNotJoinIsNoMember(t *testing.T) {
	o := clubs()
	o.MayJoin = func(_ context.Context, s *hubbub.Session, room string) error {
		if room == "staff" && s.Identity().User == "eve" {
			return hubbub.Errorf(hubbub.Forbidden, "staff only")
		}
		return nil
	}
	h := build(t, storeFile(t), o)
	ann, eve := open(t, h.Hub, "ann"), open(t, h.Hub, "eve")
	if err := ann.AddMember(t.Context(), "staff", "ann", ""); err != nil {
		t.Fatal(err)
	}
	if _, err := h.SendRoom(t.Context(), "staff", "payroll", text("secret")); err != nil {
		t.Fatal(err)
	}
	if page, err := ann.Conversations(t.Context(), "", 0); err != nil || len(page.Conversations) != 1 {
		t.Errorf("Ann sees %+v, %v", page.Conversations, err)
	}
	wantReason(t, eve.AddMember(t.Context(), "staff", "eve", ""), hubbub.Forbidden)
	_, err := eve.Members(t.Context(), "staff", "", 0)
	wantReason(t, err, hubbub.Forbidden)
	if _, err := h.SetMember(t.Context(), "staff", "eve", hubbub.RoleMember); err != nil { // she was one of them
		t.Fatal(err)
	}
	page, err := eve.Conversations(t.Context(), "", 0)
	if err != nil || len(page.Conversations) > 0 {
		t.Errorf("Eve sees %+v, %v", page.Conversations, err)
	}
}
