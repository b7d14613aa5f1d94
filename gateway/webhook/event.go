package webhook

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/hubbub-dev/hubbub"
)

// The types of events that are no transitions, whose types are their kinds.
const (
	typeOccupied = "room.occupied"
	typeVacated  = "room.vacated"
	typeMessage  = "message.sent"
	typeNotice   = "notice.read"
	typeTest     = "hubbub.test"
)

func eventTypes() []string {
	return []string{string(hubbub.SessionConnected), string(hubbub.SessionDisconnected), string(hubbub.UserOnline),
		string(hubbub.UserOffline), typeOccupied, typeVacated, typeMessage, typeNotice, typeTest}
}

// event is a fact as targets hear of it.
type event struct {
	typ   string
	id    string
	room  string // that it is about; "" if it is not about a room
	order string
	time  time.Time
	data  func() any // made only if somebody wants it
}

// eventOf returns the event that a fact is; false if it is none.
func eventOf(f hubbub.Fact) (event, bool) {
	switch f := f.(type) {
	case hubbub.Transition:
		return transitionEvent(f)
	case hubbub.Sent:
		m := &f.Message
		return event{typ: typeMessage, id: m.ID, room: m.Stream.Room, order: m.Stream.String(), time: m.Time,
			data: func() any { return messageData(m) }}, true
	case hubbub.RoomChanged:
		typ := typeVacated
		if f.Occupied {
			typ = typeOccupied
		}
		return event{typ: typ, id: f.ID, room: f.Room, order: hubbub.RoomStream(f.Room).String(), time: f.Time,
			data: func() any { return roomData{f.Room, f.Time.UnixMilli()} }}, true
	case hubbub.NoticesRead:
		return event{typ: typeNotice, id: f.ID, order: userOrder(f.User), time: f.Time,
			data: func() any { return noticeData{f.User, f.Notices, f.Time.UnixMilli()} }}, true
	}
	return event{}, false
}

func userOrder(user string) string { return "user " + user }

func transitionEvent(t hubbub.Transition) (event, bool) {
	e := event{typ: string(t.Kind), id: t.ID, order: userOrder(t.User), time: t.Time}
	switch t.Kind {
	case hubbub.UserOnline, hubbub.UserOffline:
		e.data = func() any { return userData{t.User, t.Time.UnixMilli()} }
	case hubbub.SessionConnected:
		e.data = func() any { return sessionDataOf(&t) }
	case hubbub.SessionDisconnected:
		e.data = func() any {
			lasted := max(t.Time.Sub(t.Session.Connected), 0)
			return endData{sessionDataOf(&t), t.Why, lasted.Milliseconds()}
		}
	default:
		return event{}, false
	}
	return e, true
}

type userData struct {
	User string `json:"user"`
	Time int64  `json:"time"`
}

type roomData struct {
	Room string `json:"room"`
	Time int64  `json:"time"`
}

type noticeData struct {
	User    string   `json:"user"`
	Notices []string `json:"notices"`
	Time    int64    `json:"time"`
}

type sessionData struct {
	User      string            `json:"user"`
	Device    string            `json:"device"`
	Platform  string            `json:"platform"`
	Session   string            `json:"session"`
	Info      json.RawMessage   `json:"info,omitempty"`
	Attrs     map[string]string `json:"attrs,omitempty"`
	Address   string            `json:"address,omitempty"`
	Connected int64             `json:"connected"`
}

type endData struct {
	sessionData
	Reason   hubbub.EndReason `json:"reason"`
	Duration int64            `json:"duration_ms"`
}

func sessionDataOf(t *hubbub.Transition) sessionData {
	s := &t.Session
	return sessionData{User: t.User, Device: s.Device, Platform: s.Platform, Session: s.ID, Info: s.Info, Attrs: s.Attrs,
		Address: s.Address, Connected: s.Connected.UnixMilli()}
}

type sentData struct {
	ID       string           `json:"id"`
	Room     string           `json:"room,omitempty"`
	Users    []string         `json:"users,omitempty"` // both, in ascending order
	From     *senderData      `json:"from,omitempty"`  // nil is a backend
	Data     json.RawMessage  `json:"data"`
	Time     int64            `json:"time"`
	Position *hubbub.Position `json:"position,omitempty"`
}

type senderData struct {
	User   string          `json:"user"`
	Device string          `json:"device"`
	Info   json.RawMessage `json:"info,omitempty"`
}

func messageData(m *hubbub.Message) sentData {
	d := sentData{ID: m.ID, Room: m.Stream.Room, Data: m.Data, Time: m.Time.UnixMilli()}
	if m.Stream.Room == "" {
		d.Users = m.Stream.Pair[:]
	}
	if m.From.User != "" {
		d.From = &senderData{m.From.User, m.From.Device, m.From.Info}
	}
	if m.Position != (hubbub.Position{}) {
		d.Position = &m.Position
	}
	return d
}

// payload is the body of an event without its sequence, which is not known before the outbox has accepted it. See withSequence.
func (e *event) payload() ([]byte, error) {
	var b bytes.Buffer
	coder := json.NewEncoder(&b)
	coder.SetEscapeHTML(false) // it is nobody's page, and what was sent arrives as it was
	err := coder.Encode(struct {
		Type      string `json:"type"`
		Timestamp string `json:"timestamp"`
		Data      any    `json:"data"`
	}{e.typ, e.time.UTC().Format("2006-01-02T15:04:05.000Z07:00"), e.data()})
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}
