package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hubbub-dev/hubbub"
)

// Ended says how many sessions a call has ended.
type Ended struct {
	Ended int `json:"ended" doc:"How many sessions were ended; 0 if there was none any more."`
}

// Revocation is the body of POST /users/{user}/revoke. The zero value revokes what the user was issued until now.
type Revocation struct {
	Device string `json:"device,omitempty" doc:"Only what was issued to this device."`
	Token  string `json:"token,omitempty" doc:"Only the token with this id (the jti claim), whenever it was issued."`
	Before int64  `json:"before,omitempty" minimum:"1" doc:"What was issued before this time is revoked, in Unix milliseconds; missing means now. Tokens know their time to the second."`
	Block  bool   `json:"block,omitempty" doc:"Nothing is valid, whenever it was or will be issued."`
	Until  int64  `json:"until,omitempty" minimum:"1" doc:"When the revocation is forgotten, in Unix milliseconds; missing means never."`
}

// TicketRequest is the body of POST /tickets: who the ticket signs in.
type TicketRequest struct {
	User           string              `json:"user"`
	Device         string              `json:"device,omitempty" doc:"The stable id of the device; missing means a random one."`
	Platform       string              `json:"platform,omitempty" doc:"Missing means web."`
	Info           json.RawMessage     `json:"info,omitempty" doc:"What others may see of the user, an object of at most 2048 bytes."`
	Attrs          map[string]string   `json:"attrs,omitempty" doc:"Facts to select users by."`
	Rooms          *hubbub.Permissions `json:"rooms,omitempty" doc:"Globs of the rooms that the session may join and send to where the rules ask for a token's permission."`
	SessionExpires int64               `json:"session_expires,omitempty" minimum:"1" doc:"When the session must end, in Unix milliseconds; missing means never."`
	TTL            int64               `json:"ttl_ms,omitempty" minimum:"1000" doc:"How long the ticket may be used, in milliseconds; missing means as the gateway is set."`
}

// Ticket lets whoever has it sign in, once.
type Ticket struct {
	Ticket  string `json:"ticket" doc:"Connect with it as ?ticket=."`
	Expires int64  `json:"expires" doc:"When it becomes invalid, in Unix milliseconds."`
}

type endAllInput struct {
	ForUser
	Except string `query:"except" doc:"The id of a session that goes on."`
}

type endSessionInput struct {
	ForUser
	Session string `path:"session" doc:"The id of the session."`
}

type endDeviceInput struct {
	ForUser
	Device string `path:"device" doc:"Name of the device."`
}

type revokeInput struct {
	ForUser
	Body Revocation
}

type ticketInput struct{ Body TicketRequest }

const endTold = "They are told why, and their clients do not come back by themselves. Who has a valid token can sign in again."

// signingOut registers the calls that end sessions.
func (a *API) signingOut() {
	handle(a, Sessions, huma.Operation{
		OperationID: "end-sessions", Method: http.MethodDelete, Path: "/users/{user}/sessions", Tags: []string{"sessions"},
		Summary: "Sign a user out everywhere, or everywhere else", Description: "Ends all sessions of a user, or all but one. " + endTold,
	}, func(ctx context.Context, in *endAllInput) (Ended, error) {
		return a.end(ctx, hubbub.Target{User: in.User, Except: in.Except})
	})
	handle(a, Sessions, huma.Operation{
		OperationID: "end-session", Method: http.MethodDelete, Path: "/users/{user}/sessions/{session}", Tags: []string{"sessions"},
		Summary: "End one session", Description: "Ends a session of a user. " + endTold,
	}, func(ctx context.Context, in *endSessionInput) (Ended, error) {
		return a.end(ctx, hubbub.Target{User: in.User, Session: in.Session})
	})
	handle(a, Sessions, huma.Operation{
		OperationID: "end-device", Method: http.MethodDelete, Path: "/users/{user}/devices/{device}", Tags: []string{"sessions"},
		Summary: "Sign a device out", Description: "Ends all sessions of a user's device. " + endTold,
	}, func(ctx context.Context, in *endDeviceInput) (Ended, error) {
		if err := hubbub.CheckName("device", in.Device); err != nil {
			return Ended{}, err
		}
		return a.end(ctx, hubbub.Target{User: in.User, Device: in.Device})
	})
	handleOnce(a, Sessions, huma.Operation{
		OperationID: "revoke", Method: http.MethodPost, Path: "/users/{user}/revoke", Tags: []string{"sessions"},
		Summary: "Make a user's credentials invalid", Description: "Revokes what was issued to a user, and ends the sessions that " +
			"were opened with it. An empty object revokes everything that was issued until now; signing in anew works.",
	}, a.revoke)
}

// ticketing registers the call that issues tickets.
func (a *API) ticketing() {
	handle(a, Sessions, huma.Operation{
		OperationID: "issue-ticket", Method: http.MethodPost, Path: "/tickets", Tags: []string{"sessions"},
		Summary: "Issue a ticket that signs somebody in once", Description: "For pages whose backend knows who the visitor is: it " +
			"gets a ticket, and the page connects with ?ticket=.",
	}, a.issueTicket)
}

func (a *API) end(ctx context.Context, t hubbub.Target) (Ended, error) {
	n, err := a.o.Hub.End(ctx, t, hubbub.EndLoggedOut)
	return Ended{n}, err
}

func (a *API) revoke(ctx context.Context, in *revokeInput) (Ended, error) {
	b := in.Body
	if b.Device != "" {
		if err := hubbub.CheckName("device", b.Device); err != nil {
			return Ended{}, err
		}
	}
	if b.Block && b.Before != 0 {
		return Ended{}, hubbub.Errorf(hubbub.Invalid, "block and before exclude each other: leave before out to make everything "+
			"invalid, or block to let newer credentials in")
	}
	r := hubbub.Revocation{User: in.User, Device: b.Device, Token: b.Token, Before: instant(b.Before), Until: instant(b.Until)}
	if b.Before == 0 && !b.Block && b.Token == "" {
		r.Before = time.Now()
	}
	n, err := a.o.Hub.Revoke(ctx, r)
	return Ended{n}, err
}

func (a *API) issueTicket(ctx context.Context, in *ticketInput) (Ticket, error) {
	b := in.Body
	id := hubbub.Identity{User: b.User, Device: b.Device, Platform: b.Platform, Info: b.Info, Attrs: b.Attrs,
		Issued: time.Now(), Expires: instant(b.SessionExpires)}
	if b.Rooms != nil {
		id.Rooms = *b.Rooms
	}
	if err := id.Check(); err != nil {
		return Ticket{}, err
	}
	ticket, expires, err := a.o.IssueTicket(ctx, id, time.Duration(b.TTL)*time.Millisecond)
	if err != nil {
		return Ticket{}, err
	}
	return Ticket{Ticket: ticket, Expires: millis(expires)}, nil
}

// instant is the time of Unix milliseconds; the zero value for 0.
func instant(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}
