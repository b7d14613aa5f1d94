package rpc

import (
	"fmt"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/ws"
)

// JSON-RPC's own error codes (JSON-RPC 2.0, section 5.1) for what cannot be a request. All others are [hubbub.Reason.Code].
const (
	codeParse          = -32700
	codeInvalidRequest = -32600
	codeUnknownMethod  = -32601
)

// refusal is an error as a client gets it.
type refusal struct {
	code  int
	flood bool // the session makes more requests than it may
	*hubbub.Error
}

// refuse makes a refusal with one of JSON-RPC's own codes.
func refuse(code int, format string, args ...any) *refusal {
	reason := hubbub.Invalid
	if code == codeUnknownMethod {
		reason = hubbub.NotFound
	}
	return &refusal{code: code, Error: &hubbub.Error{Reason: reason, Message: fmt.Sprintf(format, args...)}}
}

// refuseFlood makes a refusal for who makes more requests than the server's rate.
func refuseFlood(wait time.Duration) *refusal {
	r := refusalOf(&hubbub.Error{
		Reason: hubbub.RateLimited, Message: "you are making too many requests; wait a moment", RetryAfter: wait,
	})
	r.flood = true
	return r
}

// refusalOf makes a refusal of any error.
func refusalOf(err error) *refusal {
	e := hubbub.AsError(err)
	return &refusal{code: e.Reason.Code(), Error: e}
}

// fault tells whether the client's program is to blame. Too many of these in a row end the session.
func (r *refusal) fault() bool { return r.code < 0 || r.Reason == hubbub.Unauthorized || r.flood }

// wire is the error object.
func (r *refusal) wire() wireError {
	e := wireError{Code: r.code, Message: r.Message, Data: wireCause{Reason: r.Reason}}
	if r.RetryAfter > 0 {
		e.Data.RetryAfterMS = max(1, int64((r.RetryAfter+time.Millisecond-1)/time.Millisecond))
	}
	return e
}

// Close codes of hubbub.v1 beside RFC 6455's and those that package ws has itself. A client comes back after those below 4500.
const (
	CodeTokenExpired ws.Code = 4001 // reason "token_expired"
	CodeDraining     ws.Code = 4003 // reason "draining retry=MIN-MAX"
	CodeNodeLost     ws.Code = 4005 // reason "node_lost retry=MIN-MAX"
	CodeReplaced     ws.Code = 4501 // reason "replaced"
	CodeLoggedOut    ws.Code = 4502 // reason "logged_out"
	CodeNotAllowed   ws.Code = 4503 // reason "not_allowed"
	CodeBadRequests  ws.Code = 4504 // reason "too_many_bad_requests"
)
