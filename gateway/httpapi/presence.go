package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hubbub-dev/hubbub"
)

// Presence tells whether a user is online.
type Presence struct {
	User     string              `json:"user"`
	Online   bool                `json:"online" doc:"Has a session, or had one until less than the grace period ago."`
	Info     json.RawMessage     `json:"info,omitempty" doc:"What others may see of the user, an object."`
	Devices  []hubbub.DeviceInfo `json:"devices" nullable:"false" doc:"Those with open sessions, the first to come first."`
	LastSeen int64               `json:"last_seen,omitempty" doc:"When the last session ended, in Unix milliseconds; missing while there is one, and for who was never seen."`
}

// Session is an open session of a user.
type Session struct {
	Session   string `json:"session" doc:"Its id."`
	Device    string `json:"device"`
	Platform  string `json:"platform"`
	Connected int64  `json:"connected" doc:"Since when, in Unix milliseconds."`
	Address   string `json:"address,omitempty" doc:"The client's."`
}

// User is a user with devices and sessions.
type User struct {
	Presence
	Sessions []Session `json:"sessions" nullable:"false" doc:"The first to come first."`
}

// UserPage is a part of the list of who is online.
type UserPage struct {
	Users []Presence `json:"users" nullable:"false"`
	Count int        `json:"count" doc:"How many the whole list has."`
	Next  string     `json:"next,omitempty" doc:"Pass it as after for the next page; missing on the last."`
}

// Room is a room with a part of the list of who is there.
type Room struct {
	Room string `json:"room"`
	UserPage
}

// RoomPage is a part of the list of rooms that somebody is in.
type RoomPage struct {
	Rooms []hubbub.RoomCount `json:"rooms" nullable:"false"`
	Next  string             `json:"next,omitempty" doc:"Pass it as after for the next page; missing on the last."`
}

// Asked is the body of POST /presence.
type Asked struct {
	Users []string `json:"users" nullable:"false" doc:"The names of users, at most 1000."`
}

// Presences is the reply to it.
type Presences struct {
	Users []Presence `json:"users" nullable:"false" doc:"In the order asked, each once."`
}

// ForRoom is the part of a request that names a room.
type ForRoom struct {
	Room string `path:"room" doc:"Name of the room." example:"lobby"`
}

// ForUser is the part of a request that names a user.
type ForUser struct {
	User string `path:"user" doc:"Name of the user." example:"ann"`
}

// Paging is the part of a request that selects a part of a list.
type Paging struct {
	After string `query:"after" doc:"The next of the page before; missing for the first page."`
	Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"50" doc:"How many at most."`
}

type usersInput struct {
	Paging
	Room     string `query:"room" doc:"Only who is in this room."`
	Platform string `query:"platform" doc:"Only who has a device of this platform online."`
	Attr     string `query:"attr" doc:"Only whose token has this attribute, as NAME:VALUE." example:"plan:pro"`
}

type roomInput struct {
	ForRoom
	Paging
}

type askedInput struct{ Body Asked }

// reading registers the calls that ask.
func (a *API) reading() {
	handle(a, Read, huma.Operation{
		OperationID: "count-online", Method: http.MethodGet, Path: "/online", Tags: []string{"presence"},
		Summary: "Count who is online", Description: "The numbers may be a second old.",
	}, func(ctx context.Context, _ *struct{}) (hubbub.Counts, error) { return a.o.Hub.Count(ctx) })
	handle(a, Read, huma.Operation{
		OperationID: "list-online-users", Method: http.MethodGet, Path: "/users", Tags: []string{"presence"},
		Summary: "List who is online", Description: "All that is given must hold.",
	}, a.listUsers)
	handle(a, Read, huma.Operation{
		OperationID: "get-user", Method: http.MethodGet, Path: "/users/{user}", Tags: []string{"presence"},
		Summary: "Get a user's devices and sessions", Description: "A user who was never seen is offline, not unknown.",
	}, a.getUser)
	handle(a, Read, huma.Operation{
		OperationID: "get-presences", Method: http.MethodPost, Path: "/presence", Tags: []string{"presence"},
		Summary: "Get the presence of many users", Description: "Up to 1000 users in one call.",
	}, a.getPresences)
	handle(a, Read, huma.Operation{
		OperationID: "list-rooms", Method: http.MethodGet, Path: "/rooms", Tags: []string{"presence"},
		Summary: "List rooms that somebody is in",
	}, a.listRooms)
	handle(a, Read, huma.Operation{
		OperationID: "get-room", Method: http.MethodGet, Path: "/rooms/{room}", Tags: []string{"presence"},
		Summary: "Get who is in a room", Description: "A room that nobody is in is empty, not unknown.",
	}, a.getRoom)
}

func (a *API) listUsers(ctx context.Context, in *usersInput) (UserPage, error) {
	f := hubbub.Filter{Room: in.Room, Platform: in.Platform}
	if in.Attr != "" {
		var ok bool
		if f.Attr, f.Value, ok = strings.Cut(in.Attr, ":"); !ok || f.Attr == "" {
			return UserPage{}, hubbub.Errorf(hubbub.Invalid, "attr must be NAME:VALUE, for example attr=plan:pro")
		}
	}
	return a.online(ctx, f, in.Paging)
}

func (a *API) getRoom(ctx context.Context, in *roomInput) (Room, error) {
	users, err := a.online(ctx, hubbub.Filter{Room: in.Room}, in.Paging)
	if err != nil {
		return Room{}, err
	}
	return Room{Room: in.Room, UserPage: users}, nil
}

// online reads a page of users.
func (a *API) online(ctx context.Context, f hubbub.Filter, p Paging) (UserPage, error) {
	found, err := a.o.Hub.Online(ctx, f, p.After, p.Limit)
	if err != nil {
		return UserPage{}, err
	}
	return UserPage{Users: presences(found.Users), Count: found.Total, Next: found.Next}, nil
}

func (a *API) getUser(ctx context.Context, in *ForUser) (User, error) {
	found, err := a.o.Hub.Presences(ctx, []string{in.User})
	if err != nil {
		return User{}, err
	}
	records, err := a.o.Hub.SessionsOf(ctx, in.User)
	if err != nil {
		return User{}, err
	}
	u := User{Presence: presences(found)[0], Sessions: make([]Session, 0, len(records))}
	for _, r := range records {
		u.Sessions = append(u.Sessions, Session{Session: r.ID, Device: r.Device, Platform: r.Platform,
			Connected: millis(r.Connected), Address: r.Address})
	}
	return u, nil
}

func (a *API) getPresences(ctx context.Context, in *askedInput) (Presences, error) {
	found, err := a.o.Hub.Presences(ctx, in.Body.Users)
	if err != nil {
		return Presences{}, err
	}
	return Presences{Users: presences(found)}, nil
}

func (a *API) listRooms(ctx context.Context, in *Paging) (RoomPage, error) {
	found, err := a.o.Hub.Occupied(ctx, in.After, in.Limit)
	if err != nil {
		return RoomPage{}, err
	}
	return RoomPage{Rooms: append([]hubbub.RoomCount{}, found.Rooms...), Next: found.Next}, nil
}

// presences is how the API tells the domain's presences.
func presences(found []hubbub.Presence) []Presence {
	told := make([]Presence, 0, len(found))
	for _, p := range found {
		told = append(told, presenceOf(p))
	}
	return told
}

func presenceOf(p hubbub.Presence) Presence {
	return Presence{User: p.User, Online: p.Online, Info: p.Info, Devices: append([]hubbub.DeviceInfo{}, p.Devices...),
		LastSeen: millis(p.LastSeen)}
}
