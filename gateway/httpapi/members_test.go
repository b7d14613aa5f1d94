package httpapi_test

import (
	"testing"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/httpapi"
)

func TestMembers(t *testing.T) {
	s := start(t, set{hub: hubbub.Options{Store: openStore(t), Rooms: []hubbub.RoomRule{{Match: "team*", Join: hubbub.AccessMember}}}})
	ann := s.sit(hubbub.Identity{User: "ann"})
	set := func(path, body string, before hubbub.Role) {
		t.Helper()
		if got := ok[httpapi.MemberSet](s, "PUT", path, body); got.Before != before {
			t.Errorf("PUT %s %s answers %+v, want %q", path, body, got, before)
		}
	}
	set("/rooms/team%2Fred/members/ann", `{"role": "owner"}`, "")
	set("/rooms/team%2Fred/members/bob", ``, "")
	set("/rooms/team%2Fred/members/bob", `{}`, "member")
	set("/rooms/team%2Fred/members/bob", `{"role": "admin"}`, "member")
	set("/rooms/team2/members/ann", `{}`, "")
	for _, want := range []string{"member team/red ann owner", "member team2 ann member"} {
		if got := ann.gets(t); got != want {
			t.Errorf("ann is told %s, want %s", got, want)
		}
	}
	page := ok[httpapi.MemberPage](s, "GET", "/rooms/team%2Fred/members?limit=1", "")
	if len(page.Members) != 1 || page.Members[0].User != "ann" || page.Members[0].Role != "owner" || page.Members[0].Since == 0 || page.Total != 2 {
		t.Errorf("the members are %+v", page)
	}
	page = ok[httpapi.MemberPage](s, "GET", "/rooms/team%2Fred/members?after="+page.Next, "")
	if len(page.Members) != 1 || page.Members[0].User != "bob" || page.Members[0].Role != "admin" || page.Next != "" {
		t.Errorf("the second page is %+v", page)
	}
	rooms := ok[httpapi.MembershipPage](s, "GET", "/users/ann/rooms", "").Rooms
	if len(rooms) != 2 || rooms[0].Room != "team/red" || rooms[0].Role != "owner" || rooms[0].Since == 0 || rooms[1].Room != "team2" {
		t.Errorf("ann is a member of %+v", rooms)
	}

	s.refuse(refused{409, hubbub.Conflict, "owner"}, "DELETE", "/rooms/team%2Fred/members/ann", "")
	s.refuse(refused{409, hubbub.Conflict, "owner"}, "PUT", "/rooms/team%2Fred/members/ann", `{}`)
	for _, user := range []string{"bob", "ann"} {
		if got := ok[httpapi.MemberSet](s, "DELETE", "/rooms/team%2Fred/members/"+user, ""); got.Before == "" {
			t.Errorf("removing %s answers %+v", user, got)
		}
	}
	if got := ann.gets(t); got != "member team/red ann " {
		t.Errorf("ann is told %s", got)
	}
	if got := ok[httpapi.MemberSet](s, "DELETE", "/rooms/team%2Fred/members/ann", ""); got.Before != "" {
		t.Errorf("removing again answers %+v", got)
	}

	s.refuse(refused{404, hubbub.NotFound, "no rule"}, "PUT", "/rooms/other/members/ann", ``)
	s.refuse(refused{404, hubbub.NotFound, "no rule"}, "GET", "/rooms/other/members", ``)
	s.refuse(refused{422, hubbub.Invalid, "user"}, "PUT", "/rooms/team/members/a%20b", ``)
	s.refuse(refused{422, hubbub.Invalid, "role"}, "PUT", "/rooms/team/members/ann", `{"role": "king"}`)
	s.refuse(refused{422, hubbub.Invalid, "body.rule"}, "PUT", "/rooms/team/members/ann", `{"rule": "owner"}`)
	s.refuse(refused{400, hubbub.Invalid, "body"}, "PUT", "/rooms/team/members/ann", `{`)
	s.refuse(refused{415, hubbub.Invalid, "JSON"}, "PUT", "/rooms/team/members/ann", `role=owner`, "Content-Type", "text/plain")
	s.refuse(refused{422, hubbub.Invalid, "user"}, "GET", "/users/a%20b/rooms", "")
}
