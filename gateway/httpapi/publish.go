package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hubbub-dev/hubbub"
)

// Broadcast is the body of POST /broadcast.
type Broadcast struct {
	Data json.RawMessage `json:"data" doc:"Any JSON value."`
}

// RoomMessage is the body of POST /rooms/{room}/messages.
type RoomMessage struct {
	Data     json.RawMessage `json:"data" doc:"Any JSON value, as large as the room's rule allows."`
	Key      string          `json:"key,omitempty" doc:"Idempotency key: for 5 minutes the same key of the same API key in the same room is the same message. It can be sent as the header Idempotency-Key instead."`
	Collapse string          `json:"collapse,omitempty" doc:"What the message is about. A slow reader may get only the newest of those with the same collapse."`
}

// UserMessage is the body of POST /users/{user}/messages.
type UserMessage struct {
	Data   json.RawMessage `json:"data" doc:"Any JSON value."`
	Device string          `json:"device,omitempty" doc:"Only this device of the user; missing means all."`
}

// UsersMessage is the body of POST /messages.
type UsersMessage struct {
	Users []string        `json:"users" nullable:"false" minItems:"1" maxItems:"1000" doc:"To whom it is sent, each once." example:"[\"ann\",\"bob\"]"`
	Data  json.RawMessage `json:"data" doc:"Any JSON value." example:"{\"text\":\"hello\"}"`
}

// SentToUsers says what became of a message to several users.
type SentToUsers struct {
	Sent
	Offline []string `json:"offline" nullable:"false" doc:"Who was not online, and has not got it."`
}

// Sent says what became of a message.
type Sent struct {
	ID       string           `json:"id" example:"5T2M-1"`
	Time     int64            `json:"time" doc:"When it was accepted, in Unix milliseconds." example:"1767225600000"`
	Position *hubbub.Position `json:"position,omitempty" doc:"Its place in the room; missing where nothing is kept."`
}

type broadcastInput struct{ Body Broadcast }

type roomMessageInput struct {
	ForRoom
	Header string `header:"Idempotency-Key" doc:"The same as key in the body. If both are there they must agree."`
	Body   RoomMessage
}

type userMessageInput struct {
	ForUser
	Body UserMessage
}

type usersMessageInput struct{ Body UsersMessage }

// publishing registers the calls that send.
func (a *API) publishing() {
	handleOnce(a, Publish, huma.Operation{
		OperationID: "broadcast", Method: http.MethodPost, Path: "/broadcast", Tags: []string{"messages"},
		Summary: "Send to everybody", Description: "Tells everybody who is online. It is not kept for those who are not.",
	}, a.broadcast)
	handle(a, Publish, huma.Operation{
		OperationID: "send-to-room", Method: http.MethodPost, Path: "/rooms/{room}/messages", Tags: []string{"messages"},
		Summary: "Send to a room", Description: "The reply means that the message is accepted: it has its place in the room's " +
			"order, and is kept as long as the room's rule says. not_found if no rule knows the room, too_large if the rule does not " +
			"allow so much data, conflict if the key was used for other data.",
	}, a.sendToRoom)
	handleOnce(a, Publish, huma.Operation{
		OperationID: "send-to-user", Method: http.MethodPost, Path: "/users/{user}/messages", Tags: []string{"messages"},
		Summary: "Send to a user or device", Description: "Tells the devices of a user that are online. It is live only: it is not " +
			"kept, belongs to no conversation, and cannot be fetched later. not_found if none of them is online.",
	}, a.sendToUser)
	handleOnce(a, Publish, huma.Operation{
		OperationID: "send-to-users", Method: http.MethodPost, Path: "/messages", Tags: []string{"messages"},
		Summary: "Send to many users", Description: "Tells all devices of up to 1000 users that are online, as one message with one id. It is " +
			"live only, as to one user, and says who was not online.",
	}, a.sendToUsers)
}

func (a *API) broadcast(ctx context.Context, in *broadcastInput) (Sent, error) {
	b, err := a.o.Hub.SendAll(ctx, in.Body.Data)
	if err != nil {
		return Sent{}, err
	}
	return Sent{ID: b.ID, Time: millis(b.Time)}, nil
}

func (a *API) sendToRoom(ctx context.Context, in *roomMessageInput) (Sent, error) {
	key, err := idempotencyKey(in.Header, in.Body.Key)
	if err != nil {
		return Sent{}, err
	}
	out := hubbub.Outgoing{Data: in.Body.Data, Key: key, Collapse: in.Body.Collapse}
	m, err := a.o.Hub.SendRoom(ctx, in.Room, callerOf(ctx), out)
	if err != nil {
		return Sent{}, err
	}
	return sentOf(m), nil
}

func sentOf(m hubbub.Message) Sent {
	sent := Sent{ID: m.ID, Time: millis(m.Time)}
	if m.Position != (hubbub.Position{}) {
		sent.Position = &m.Position
	}
	return sent
}

func (a *API) sendToUser(ctx context.Context, in *userMessageInput) (Sent, error) {
	if in.Body.Device != "" {
		if err := hubbub.CheckName("device", in.Body.Device); err != nil {
			return Sent{}, err
		}
	}
	d, err := a.o.Hub.SendUser(ctx, in.User, in.Body.Device, in.Body.Data)
	if err != nil {
		return Sent{}, err
	}
	return Sent{ID: d.ID, Time: millis(d.Time)}, nil
}

func (a *API) sendToUsers(ctx context.Context, in *usersMessageInput) (SentToUsers, error) {
	d, offline, err := a.o.Hub.SendUsers(ctx, in.Body.Users, in.Body.Data)
	if err != nil {
		return SentToUsers{}, err
	}
	return SentToUsers{Sent{ID: d.ID, Time: millis(d.Time)}, append([]string{}, offline...)}, nil
}

// millis is a time as JSON has it: Unix milliseconds, 0 for the zero value.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
