package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

// BlockRequest is the body of PUT /users/{user}/block.
type BlockRequest struct {
	Until int64 `json:"until,omitempty" minimum:"1" maximum:"253402300799999" doc:"When the block ends, in Unix milliseconds; missing means never." example:"1798761600000"`
}

// Block says whether a user is blocked.
type Block struct {
	Blocked bool  `json:"blocked"`
	Until   int64 `json:"until,omitempty" doc:"When the block ends, in Unix milliseconds; missing means never."`
}

// Unblocked says what DELETE /users/{user}/block has changed.
type Unblocked struct {
	Blocked bool `json:"blocked" doc:"The user was blocked until now."`
}

type blockInput struct {
	ForUser
	Body *BlockRequest
}

// blocking registers the calls that keep users out, and the one that forgets them.
func (a *API) blocking() {
	handle(a, Sessions, huma.Operation{
		OperationID: "block-user", Method: http.MethodPut, Path: "/users/{user}/block", Tags: []string{"sessions"},
		Summary: "Block a user", Description: "Ends all sessions of the user, and refuses every sign-in until the block ends, whatever the " +
			"credentials. Blocking again changes when it ends.",
	}, a.block)
	handle(a, Sessions, huma.Operation{
		OperationID: "unblock-user", Method: http.MethodDelete, Path: "/users/{user}/block", Tags: []string{"sessions"},
		Summary: "Unblock a user", Description: "The user may sign in again. Unblocking who is not blocked is no error.",
	}, func(ctx context.Context, in *ForUser) (Unblocked, error) {
		was, err := a.o.Hub.Unblock(ctx, in.User)
		return Unblocked{was}, err
	})
	handle(a, Sessions, huma.Operation{
		OperationID: "get-block", Method: http.MethodGet, Path: "/users/{user}/block", Tags: []string{"sessions"},
		Summary: "Get whether a user is blocked", Description: "And until when. A user who was never seen can be blocked, too.",
	}, func(ctx context.Context, in *ForUser) (Block, error) {
		blocked, until, err := a.o.Hub.Blocked(ctx, in.User)
		return Block{blocked, millis(until)}, err
	})
	handle(a, Admin, huma.Operation{
		OperationID: "erase-user", Method: http.MethodDelete, Path: "/users/{user}", Tags: []string{"sessions"},
		Summary: "Erase everything about a person", Description: "Ends all sessions of the user, and removes for good what is kept: who the " +
			"user is, what the user has sent to rooms, whole conversations with others, memberships, receipts, the inbox, and webhooks about " +
			"the user that wait, but for what was said in rooms, which targets still get. Rooms keep their order. A block stays. It may take a while; calling again after an error goes on. Who has a valid " +
			"token can sign in again, and is new then: block or revoke first.",
	}, func(ctx context.Context, in *ForUser) (Ended, error) {
		n, err := a.o.Hub.Erase(ctx, in.User)
		return Ended{n}, err
	})
}

func (a *API) block(ctx context.Context, in *blockInput) (Ended, error) {
	until := int64(0)
	if in.Body != nil {
		until = in.Body.Until
	}
	n, err := a.o.Hub.Block(ctx, in.User, instant(until))
	return Ended{n}, err
}
