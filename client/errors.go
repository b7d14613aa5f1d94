package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/ws"
)

// ErrDisconnected is in the chain of the errors of calls that had no connection, or lost it before the reply came.
var ErrDisconnected = errors.New("client: not connected")

// ErrClosed is why a client has ended that was closed by [Client.Close], and in the chain of the errors of calls after that.
var ErrClosed = errors.New("client: closed")

// disconnected is an error of a call. The cause may be nil.
func disconnected(message string, cause error) *hubbub.Error {
	return &hubbub.Error{Reason: hubbub.Unavailable, Message: message, Err: errors.Join(ErrDisconnected, cause)}
}

// rpcError is an error of JSON-RPC 2.0, section 5.1, with the data of docs/protocol.md.
type rpcError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Data    struct {
		Reason     hubbub.Reason `json:"reason"`
		RetryAfter int64         `json:"retry_after_ms"`
	} `json:"data"`
}

func (e *rpcError) domain() *hubbub.Error {
	reason := e.Data.Reason
	if reason == "" {
		reason = reasonOfCode(e.Code)
	}
	return &hubbub.Error{Reason: reason, Message: e.Message, RetryAfter: time.Duration(e.Data.RetryAfter) * time.Millisecond}
}

// reasonOfCode is for servers that give no reason word.
func reasonOfCode(code int) hubbub.Reason {
	switch code {
	case -32601:
		return hubbub.NotFound
	case -32603:
		return hubbub.Unavailable
	}
	return hubbub.Invalid
}

// problem is the body of an HTTP error (RFC 9457, section 3) with the gateway's own fields.
type problem struct {
	Title      string        `json:"title"`
	Detail     string        `json:"detail"`
	Reason     hubbub.Reason `json:"reason"`
	RetryAfter int64         `json:"retry_after_ms"`
}

// fromHTTP makes an error from an HTTP response that is none of 2xx. The body may be anything.
func fromHTTP(status int, body []byte, cause error) *hubbub.Error {
	var p problem
	if err := json.Unmarshal(body, &p); err != nil {
		p = problem{} // not a problem document: a proxy's page, perhaps
	}
	e := &hubbub.Error{Reason: p.Reason, Message: p.Detail, RetryAfter: time.Duration(p.RetryAfter) * time.Millisecond, Err: cause}
	if e.Reason == "" {
		e.Reason = reasonOfStatus(status)
	}
	if e.Message == "" {
		e.Message = fmt.Sprintf("the server answers %d %s", status, http.StatusText(status))
	}
	return e
}

func reasonOfStatus(status int) hubbub.Reason {
	for _, r := range []hubbub.Reason{hubbub.Unauthorized, hubbub.Forbidden, hubbub.NotFound, hubbub.RateLimited, hubbub.TooLarge,
		hubbub.Conflict} {
		if r.Status() == status {
			return r
		}
	}
	if status >= 500 {
		return hubbub.Unavailable
	}
	return hubbub.Invalid
}

// refusal gives the error of a refused handshake the server's reason. Others stay as they are.
func refusal(err error) error {
	refused, ok := errors.AsType[*ws.HandshakeError](err)
	if !ok || refused.Status == http.StatusSwitchingProtocols {
		return err
	}
	return fromHTTP(refused.Status, refused.Body, err)
}

// again tells whether a request that was refused can be sent again as it is, and after how long.
func again(err error) (time.Duration, bool) {
	e, ok := errors.AsType[*hubbub.Error](err)
	if !ok || errors.Is(err, ErrDisconnected) || e.Reason != hubbub.RateLimited && e.Reason != hubbub.Unavailable {
		return 0, false
	}
	if e.RetryAfter > 0 {
		return e.RetryAfter, true
	}
	return time.Second, true
}
