package main

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/hubbub-dev/hubbub/client"
)

// handlers print what comes outside of rooms.
func (h *chat) handlers() client.Handlers {
	all := client.Handlers{
		State:   h.state,
		Message: func(m client.Message) { h.message("user.message", "@"+m.Peer, m) },
		Lost:    func(user string) { h.lost("@"+user, map[string]string{"user": user}) },
		Typing:  func(t client.Typing) { h.aside("typing", t, "") },
		Read:    func(r client.Read) { h.aside("message.read", r, "") },
		Broadcast: func(b client.Broadcast) {
			h.print("broadcast", b, b.Time, "broadcast: "+textOf(b.Data))
			h.count()
		},
		Replaced: func(r client.Replaced) { h.aside("session.replaced", r, "signed in on another device: "+r.By.Device) },
	}
	h.inboxHandlers(&all)
	return all
}

// roomHandler prints what comes in a room.
func (h *chat) roomHandler(name string, history int) client.RoomHandler {
	at := "#" + name
	return client.RoomHandler{
		Limit:   history,
		Message: func(m client.Message) { h.message("room.message", at, m) },
		Lost:    func() { h.lost(at, map[string]string{"room": name}) },
		Ended:   func(err error) { h.aside("ended", map[string]string{"room": name}, at+" is over: "+err.Error()) },
		Joined: func(e client.Entry) {
			h.aside("room.joined", e, fmt.Sprintf("%s %s came in (%d)", at, e.User, e.Count))
		},
		Left: func(e client.Entry) { h.aside("room.left", e, fmt.Sprintf("%s %s has left (%d)", at, e.User, e.Count)) },
	}
}

// count tells the loop of a message.
func (h *chat) count() {
	select {
	case h.got <- struct{}{}:
	case <-h.over.Done():
	}
}

func (h *chat) message(name, at string, m client.Message) {
	from := "backend"
	if m.From != nil {
		from = m.From.User
	}
	if at == "@" || at == "@"+from { // a backend's, or from the person whose conversation it is
		at = "@"
	} else {
		at += " "
	}
	h.print(name, m, m.Time, at+from+": "+textOf(m.Data))
	h.count()
}

func (h *chat) lost(at string, params any) {
	h.aside("lost", params, at+" messages are lost; the newest follow")
}

func (h *chat) state(s client.State) {
	switch {
	case s.Connected:
		text := fmt.Sprintf("connected as %s, device %s", s.Welcome.User, s.Welcome.Device)
		if box := s.Welcome.Inbox; box != nil && box.Unread > 0 {
			text += fmt.Sprintf(", unread notices: %d", box.Unread)
		}
		h.aside("connected", s.Welcome, text)
	case s.Final:
		h.aside("ended", map[string]string{"error": s.Err.Error()}, "")
	default:
		h.aside("disconnected", map[string]string{"error": s.Err.Error()},
			fmt.Sprintf("%v; next attempt in %v", s.Err, s.Delay.Round(10*time.Millisecond)))
	}
}

// print prints a message: as an event, or as a text for people.
func (h *chat) print(name string, params any, at client.Time, text string) {
	if h.screen.json {
		h.screen.event(event{Event: name, Params: params})
		return
	}
	h.screen.message(at.Time, text)
}

// aside prints what is no message. Without a text it is for scripts only.
func (h *chat) aside(name string, params any, text string) {
	switch {
	case h.screen.json:
		h.screen.event(event{Event: name, Params: params})
	case text != "":
		h.screen.note(text)
	}
}

// textOf is {"text": …} as its text, and any other data as JSON.
func textOf(data json.RawMessage) string {
	var fields map[string]json.RawMessage
	var text string
	if json.Unmarshal(data, &fields) == nil && len(fields) == 1 && json.Unmarshal(fields["text"], &text) == nil {
		return text
	}
	return string(data)
}
