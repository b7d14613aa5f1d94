package rpc_test

import (
	"fmt"
	"testing"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/rpc"
)

func TestMembers(t *testing.T) {
	rules := []hubbub.RoomRule{{Match: "team-*", Join: hubbub.AccessMember, Create: true, History: hubbub.HistoryDurable}, {Match: "*"}}
	inBubbleWithStore(t, hubbub.Options{Rooms: rules}, rpc.Options{}, func(t *testing.T, s *server) {
		ann, bob, eve := s.connect(t, "user=ann"), s.connect(t, "user=bob"), s.connect(t, "user=eve")
		ann.refused("forbidden", "room.join", `{"room":"team-a"}`)
		same(t, ann.call("room.add", `{"room":"team-a","user":"ann"}`), `{}`) // the first is the owner
		same(t, ann.took("room.member"), `{"room":"team-a","user":"ann","role":"owner","by":"ann"}`)
		ann.call("room.join", `{"room":"team-a"}`)
		bob.refused("forbidden", "room.add", `{"room":"team-a","user":"bob"}`)
		bob.refused("forbidden", "room.members", `{"room":"team-a"}`)

		same(t, ann.call("room.add", `{"room":"team-a","user":"bob","role":"admin"}`), `{}`)
		same(t, bob.took("room.member"), `{"room":"team-a","user":"bob","role":"admin","by":"ann"}`)
		same(t, ann.took("room.member"), `{"room":"team-a","user":"bob","role":"admin","by":"ann"}`)
		bob.call("room.join", `{"room":"team-a"}`)
		ann.take("room.joined")
		same(t, bob.call("room.add", `{"room":"team-a","user":"eve"}`), `{}`)
		bob.refused("forbidden", "room.add", `{"room":"team-a","user":"eve","role":"owner"}`)
		bob.refused("forbidden", "room.remove", `{"room":"team-a","user":"ann"}`)
		ann.refused("conflict", "room.remove", `{"room":"team-a","user":"ann"}`)
		ann.refused("conflict", "room.add", `{"room":"team-a","user":"ann","role":"member"}`)
		same(t, eve.call("room.members", `{"room":"team-a"}`), `{"members":[{"user":"ann","role":"owner","since":"*"},`+
			`{"user":"bob","role":"admin","since":"*"},{"user":"eve","role":"member","since":"*"}],"total":3}`)
		page := eve.call("room.members", `{"room":"team-a","limit":2}`)
		same(t, page, `{"members":["*","*"],"next":"*","total":3}`)
		same(t, eve.call("room.members", fmt.Sprintf(`{"room":"team-a","limit":2,"after":%q}`, next(t, page))),
			`{"members":[{"user":"eve","role":"member","since":"*"}],"total":3}`)
		eve.call("room.join", `{"room":"team-a"}`)
		ann.forget()
		bob.forget()
		eve.forget()

		if _, err := s.hub.RemoveMember(t.Context(), "team-a", "eve"); err != nil {
			t.Fatal(err)
		}
		for _, c := range []*client{ann, bob, eve} {
			same(t, c.took("room.member"), `{"room":"team-a","user":"eve"}`)
		}
		same(t, ann.took("room.left"), `{"room":"team-a","user":"eve","count":2}`)
		eve.refused("forbidden", "room.send", `{"room":"team-a","data":1}`)
		same(t, bob.call("room.remove", `{"room":"team-a","user":"bob"}`), `{}`)
		same(t, ann.took("room.member"), `{"room":"team-a","user":"bob","by":"bob"}`)
		bob.refused("forbidden", "room.join", `{"room":"team-a"}`)
		bob.refused("forbidden", "room.remove", `{"room":"team-a","user":"ann"}`)
		same(t, ann.call("room.remove", `{"room":"team-a","user":"nobody"}`), `{}`)
		same(t, ann.call("room.remove", `{"room":"team-a","user":"ann"}`), `{}`) // the last one may
	})
}

// TestMembersHaveConversations has messages of a room wait for a member who was never in it.
func TestMembersHaveConversations(t *testing.T) {
	rules := []hubbub.RoomRule{{Match: "*", History: hubbub.HistoryDurable}}
	private := hubbub.PrivateRule{History: hubbub.HistoryDurable}
	inBubbleWithStore(t, hubbub.Options{Rooms: rules, Private: private}, rpc.Options{}, func(t *testing.T, s *server) {
		if _, err := s.hub.SetMember(t.Context(), "team", "bob", hubbub.RoleMember); err != nil {
			t.Fatal(err)
		}
		ann := s.connect(t, "user=ann")
		ann.call("room.join", `{"room":"team"}`)
		ann.call("room.send", `{"room":"team","data":"hello"}`)
		settle()
		ann.call("user.send", `{"user":"bob","data":"psst"}`)
		bob := s.connect(t, "user=bob")
		same(t, bob.call("conversation.list", ""), `{"conversations":[`+
			`{"user":"ann","last":"*","position":{"epoch":"*","offset":1},"unread":1},`+
			`{"room":"team","last":"*","position":{"epoch":"*","offset":1},"unread":1}]}`)
	})
}
