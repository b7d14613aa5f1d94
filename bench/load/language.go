package main

import (
	"bytes"
	"fmt"
	"strconv"
)

// language is how the members of a chat sign in, join their room and send to it.
type language interface {
	// upgrade is the request that opens the conn of a member.
	upgrade(host string, m *member) []byte
	// opened is what a member says as soon as the conn is upgraded; nil is nothing.
	opened(m *member) []byte
	// signIn is what a member says to a frame before it is in its room, and whether it is there now.
	signIn(m *member, frame []byte) (say []byte, in bool, err error)
	// sends begins and ends the request that sends data to a room, and gets one answer.
	sends(room string) (before, after string)
	// hears tells what a frame is for a member who is in its room, and what must be said to it.
	hears(frame []byte) (kind heard, say []byte, err error)
}

// heard is what a frame is for who is in a room.
type heard int

const (
	message heard = iota // somebody has sent it to the room
	answer               // to the member's own request
	other                // of no interest
)

func languageOf(proto string) (language, error) {
	switch proto {
	case "hubbub.v1":
		return hubbubV1{}, nil
	case "socketio":
		return socketIO{}, nil
	}
	return nil, fmt.Errorf("-proto %q: use hubbub.v1 or socketio for chat", proto)
}

// hubbubV1 is docs/protocol.md. A member has a device, and its token goes with the upgrade.
type hubbubV1 struct{}

func (hubbubV1) upgrade(host string, m *member) []byte {
	return upgradeRequest(host, "/ws?device="+m.device(), "Authorization: Bearer "+m.token+"\r\n")
}

func (hubbubV1) opened(m *member) []byte {
	return appendFrame(nil, opText, []byte(`{"id":1,"method":"room.join","params":{"room":"`+m.room+`","limit":1}}`))
}

func (hubbubV1) signIn(m *member, frame []byte) ([]byte, bool, error) {
	if !bytes.HasPrefix(frame, []byte(`{"jsonrpc":"2.0","id":`)) {
		return nil, false, nil // welcome, and who came into the room before the answer
	}
	if !bytes.HasPrefix(frame, []byte(`{"jsonrpc":"2.0","id":1,"result":{"room":"`+m.room+`"`)) {
		return nil, false, fmt.Errorf("join %s: %.200q", m.room, frame)
	}
	return nil, true, nil
}

func (hubbubV1) sends(room string) (before, after string) {
	return `{"id":2,"method":"room.send","params":{"room":"` + room + `","data":"`, `"}}`
}

func (hubbubV1) hears(frame []byte) (heard, []byte, error) {
	switch {
	case bytes.HasPrefix(frame, []byte(`{"jsonrpc":"2.0","method":"room.message"`)):
		return message, nil, nil
	case bytes.HasPrefix(frame, []byte(`{"jsonrpc":"2.0","id":2,"result":`)):
		return answer, nil, nil
	case bytes.HasPrefix(frame, []byte(`{"jsonrpc":"2.0","method":`)):
		return other, nil, nil
	}
	return other, nil, fmt.Errorf("unexpected frame %.200q", frame)
}

// socketIO is Socket.IO v4 over WebSocket, with the events of servers/socketio. A member's token goes with the packet that
// connects it.
type socketIO struct{}

func (socketIO) upgrade(host string, _ *member) []byte {
	return upgradeRequest(host, "/socket.io/?EIO=4&transport=websocket", "")
}

func (socketIO) opened(*member) []byte { return nil }

func (socketIO) signIn(m *member, frame []byte) ([]byte, bool, error) {
	text := func(s string) []byte { return appendFrame(nil, opText, []byte(s)) }
	begins := func(s string) bool { return bytes.HasPrefix(frame, []byte(s)) }
	switch {
	case begins("0{"):
		return text(`40/chat,{"token":"` + m.token + `"}`), false, nil
	case begins("40/chat,"):
		return text(`42/chat,1["join","` + m.room + `"]`), false, nil
	case begins("43/chat,1["):
		return nil, true, nil
	case begins("2"):
		return text("3"), false, nil
	}
	return nil, false, fmt.Errorf("join %s: %.200q", m.room, frame)
}

func (socketIO) sends(room string) (before, after string) {
	return `42/chat,2["send","` + room + `","`, `"]`
}

func (socketIO) hears(frame []byte) (heard, []byte, error) {
	switch {
	case bytes.HasPrefix(frame, []byte(`42/chat,["message",`)):
		return message, nil, nil
	case bytes.HasPrefix(frame, []byte(`43/chat,2[`)):
		return answer, nil, nil
	case string(frame) == "2":
		return other, appendFrame(nil, opText, []byte("3")), nil
	}
	return other, nil, fmt.Errorf("unexpected frame %.200q", frame)
}

// member is somebody who signs in and joins a room.
type member struct {
	*conn
	number   int // among those of this process
	name     int // among all
	token    string
	room     string
	hall     *room
	upgraded bool
	in       bool // in the room
	owed     int  // answers since it spoke last
}

// room counts what was sent to it.
type room struct {
	before, after string // of a request that sends to it
	size          int
	sent          int
}

// user is the member's name; everybody has one device, which has another name.
func (m *member) user() string   { return "user-" + strconv.Itoa(m.name) }
func (m *member) device() string { return "device-" + strconv.Itoa(m.name) }
