package rpc_test

import (
	"encoding/json"
	"testing"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/rpc"
)

func TestPrivateChat(t *testing.T) {
	inBubble(t, hubbub.Options{}, rpc.Options{}, func(t *testing.T, s *server) {
		ann, phone := s.connect(t, `user=ann&device=a1&info={"name":"Ann"}`), s.connect(t, `user=ann&device=a2&info={"name":"Ann"}`)
		bob := s.connect(t, "user=bob&device=b1")
		same(t, ann.call("user.send", `{"user":"bob","data":"psst","key":"k"}`), `{"id":"*","position":{"epoch":"*","offset":1}}`)
		seen := func(peer string) string {
			return `{"id":"*","peer":"` + peer + `","to":"bob","from":{"user":"ann","info":{"name":"Ann"},"device":"a1"},` +
				`"data":"psst","time":"*","position":{"epoch":"*","offset":1}}`
		}
		same(t, bob.took("user.message"), seen("ann"))
		same(t, ann.took("user.message"), seen("bob"))
		same(t, phone.took("user.message"), seen("bob"))
		phone.call("user.send", `{"user":"bob","data":2,"echo":false}`)
		bob.take("user.message")
		ann.take("user.message")
		phone.nothing()

		history := bob.call("user.history", `{"user":"ann","limit":1,"after":`+position(t, bob.call("user.history", `{"user":"ann"}`), 0)+`}`)
		if got := datas(t, history); got != "2" {
			t.Errorf("history: %s", history)
		}
		list := bob.call("conversation.list", ``)
		same(t, list, `{"conversations":[{"user":"ann","info":{"name":"Ann"},"last":"*","position":{"epoch":"*","offset":2},"unread":2}]}`)
		bob.call("message.read", `{"user":"ann","position":`+position(t, history, 0)+`}`)
		same(t, ann.took("message.read"), `{"user":"bob","reader":"bob","position":{"epoch":"*","offset":2}}`)
		same(t, bob.took("message.read"), `{"user":"ann","reader":"bob","position":{"epoch":"*","offset":2}}`)
		phone.take("message.read")
		same(t, bob.call("conversation.list", `{"limit":10}`), `{"conversations":[{"user":"ann","info":{"name":"Ann"},"last":"*",`+
			`"position":{"epoch":"*","offset":2},"read":{"epoch":"*","offset":2},"unread":0}]}`)
		same(t, ann.call("conversation.list", ``), `{"conversations":[{"user":"bob","last":"*","position":"*",`+
			`"peer_read":{"epoch":"*","offset":2},"unread":0}]}`)

		bob.call("typing", `{"user":"ann"}`)
		same(t, ann.took("typing"), `{"user":"bob","from":{"user":"bob","device":"b1"},"active":true}`)
		bob.call("typing", `{"user":"ann","active":false}`)
		ann.take("typing")
		phone.forget()
		ann.nothing()
		bob.nothing()
	})
}

func TestNotesToOneself(t *testing.T) {
	inBubble(t, hubbub.Options{}, rpc.Options{}, func(t *testing.T, s *server) {
		ann, phone := s.connect(t, "user=ann&device=a1"), s.connect(t, "user=ann&device=a2")
		ann.call("user.send", `{"user":"ann","data":"milk"}`)
		const note = `{"id":"*","peer":"ann","to":"ann","from":{"user":"ann","device":"a1"},"data":"milk","time":"*","position":"*"}`
		same(t, ann.took("user.message"), note)
		same(t, phone.took("user.message"), note)
		ann.nothing()
	})
}

func TestReceiptsAndTypingInRooms(t *testing.T) {
	inBubble(t, hubbub.Options{Limits: hubbub.Limits{SmallRoom: 2}}, rpc.Options{}, func(t *testing.T, s *server) {
		ann, bob, eve := s.connect(t, "user=ann&device=a"), s.connect(t, "user=bob&device=b"), s.connect(t, "user=eve&device=e")
		ann.call("room.join", `{"room":"lobby"}`)
		bob.call("room.join", `{"room":"lobby"}`)
		ann.call("room.send", `{"room":"lobby","data":1}`)
		at := position(t, bob.call("room.history", `{"room":"lobby"}`), 0)
		bob.forget()
		ann.forget()
		bob.call("message.read", `{"room":"lobby","position":`+at+`}`)
		same(t, ann.took("message.read"), `{"room":"lobby","reader":"bob","position":`+at+`}`)
		ann.call("typing", `{"room":"lobby"}`)
		same(t, bob.took("typing"), `{"room":"lobby","from":{"user":"ann","device":"a"},"active":true}`)
		ann.nothing()
		bob.forget()

		eve.refused("forbidden", "typing", `{"room":"lobby"}`)
		eve.refused("forbidden", "message.read", `{"room":"lobby","position":`+at+`}`)
		eve.refused("invalid", "message.read", `{"user":"ann","position":{"epoch":"gone","offset":9}}`)
		eve.call("room.join", `{"room":"lobby"}`)
		ann.forget()
		bob.forget()
		eve.call("typing", `{"room":"lobby"}`)
		eve.call("message.read", `{"room":"lobby","position":`+at+`}`)
		ann.nothing()
		bob.nothing()
	})
}

func TestBackendsMessages(t *testing.T) {
	inBubble(t, hubbub.Options{}, rpc.Options{}, func(t *testing.T, s *server) {
		ann, phone := s.connect(t, "user=ann&device=a1"), s.connect(t, "user=ann&device=a2")
		if _, err := s.hub.SendUser(t.Context(), "ann", "a2", json.RawMessage(`{"a":[1]}`)); err != nil {
			t.Fatal(err)
		}
		same(t, phone.took("user.message"), `{"id":"*","data":{"a":[1]},"time":"*"}`)
		if _, err := s.hub.SendAll(t.Context(), json.RawMessage(`"hear"`)); err != nil {
			t.Fatal(err)
		}
		same(t, phone.took("broadcast"), `{"id":"*","data":"hear","time":"*"}`)
		ann.take("broadcast")
		ann.nothing()
	})
}
