package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"github.com/hubbub-dev/hubbub"
)

// EndUser signs a user out everywhere but in the session except, which may be "", and tells how many sessions were ended.
func (a API) EndUser(ctx context.Context, user, except string) (int, error) {
	query := ""
	if except != "" {
		query = "?" + url.Values{"except": {except}}.Encode()
	}
	return a.end(ctx, http.MethodDelete, path("users", user, "sessions")+query, nil)
}

// EndSession ends one session of a user, and tells how many were ended: 0 if it had ended already.
func (a API) EndSession(ctx context.Context, user, session string) (int, error) {
	return a.end(ctx, http.MethodDelete, path("users", user, "sessions", session), nil)
}

// EndDevice ends all sessions of a user's device, and tells how many there were.
func (a API) EndDevice(ctx context.Context, user, device string) (int, error) {
	return a.end(ctx, http.MethodDelete, path("users", user, "devices", device), nil)
}

// Revocation says which credentials of a user are not valid any more. The zero value: all that were issued until now.
type Revocation struct {
	Device string    // only what was issued to this device
	Token  string    // only the token with this id (its claim jti)
	Before time.Time // what was issued before; zero means now
	Block  bool      // nothing is valid, whenever it was or will be issued
	Until  time.Time // when the revocation is forgotten; zero means never
}

// Revoke makes credentials invalid, ends the sessions that were opened with them, and tells how many.
func (a API) Revoke(ctx context.Context, user string, r Revocation) (int, error) {
	return a.end(ctx, http.MethodPost, path("users", user, "revoke"), struct {
		Device string `json:"device,omitempty"`
		Token  string `json:"token,omitempty"`
		Before Time   `json:"before,omitzero"`
		Block  bool   `json:"block,omitempty"`
		Until  Time   `json:"until,omitzero"`
	}{r.Device, r.Token, Time{r.Before}, r.Block, Time{r.Until}})
}

// Block keeps a user out until a time, zero means for ever, and tells how many sessions it has ended.
func (a API) Block(ctx context.Context, user string, until time.Time) (int, error) {
	return a.end(ctx, http.MethodPut, path("users", user, "block"), struct {
		Until Time `json:"until,omitzero"`
	}{Time{until}})
}

// Unblock lets a user in again, and tells whether the user was blocked.
func (a API) Unblock(ctx context.Context, user string) (bool, error) {
	was, _, err := a.block(ctx, http.MethodDelete, user)
	return was, err
}

// Blocked tells whether a user is blocked, and until when; zero means for ever.
func (a API) Blocked(ctx context.Context, user string) (blocked bool, until time.Time, err error) {
	return a.block(ctx, http.MethodGet, user)
}

func (a API) block(ctx context.Context, method, user string) (bool, time.Time, error) {
	var reply struct {
		Blocked bool `json:"blocked"`
		Until   Time `json:"until"`
	}
	err := a.call(ctx, method, path("users", user, "block"), nil, &reply)
	return reply.Blocked, reply.Until.Time, err
}

// Erase removes everything that is kept about a user, for good, and tells how many sessions it has ended. After an error call
// it again.
func (a API) Erase(ctx context.Context, user string) (int, error) {
	return a.end(ctx, http.MethodDelete, path("users", user), nil)
}

func (a API) end(ctx context.Context, method, path string, body any) (int, error) {
	var reply endReply
	err := a.call(ctx, method, path, body, &reply)
	return reply.Ended, err
}

// TicketFor says for whom a ticket is. Only User must be set.
type TicketFor struct {
	User           string
	Device         string // "" means a random one
	Platform       string // "" means "web"
	Info           json.RawMessage
	Attrs          map[string]string
	Rooms          hubbub.Permissions
	SessionExpires time.Time     // when the session must end; zero means never
	TTL            time.Duration // how long the ticket may be used; 0 means as the gateway is set
}

// Ticket makes a ticket, with which a client connects once as ?ticket=, and tells until when.
func (a API) Ticket(ctx context.Context, t TicketFor) (ticket string, expires time.Time, err error) {
	body := struct {
		User           string              `json:"user"`
		Device         string              `json:"device,omitempty"`
		Platform       string              `json:"platform,omitempty"`
		Info           json.RawMessage     `json:"info,omitempty"`
		Attrs          map[string]string   `json:"attrs,omitempty"`
		Rooms          *hubbub.Permissions `json:"rooms,omitempty"`
		SessionExpires Time                `json:"session_expires,omitzero"`
		TTL            int64               `json:"ttl_ms,omitempty"`
	}{User: t.User, Device: t.Device, Platform: t.Platform, Info: t.Info, Attrs: t.Attrs, SessionExpires: Time{t.SessionExpires},
		TTL: t.TTL.Milliseconds()}
	if len(t.Rooms.Join)+len(t.Rooms.Send) > 0 {
		body.Rooms = &t.Rooms
	}
	var reply struct {
		Ticket  string `json:"ticket"`
		Expires Time   `json:"expires"`
	}
	err = a.call(ctx, http.MethodPost, path("tickets"), body, &reply)
	return reply.Ticket, reply.Expires.Time, err
}
