package bff

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/backend"
)

const (
	maxDetail     = 512       // bytes of a backend's explanation that callers are told
	maxRetryAfter = time.Hour // that callers are told to wait
)

// outcome is what has become of a part.
type outcome struct {
	status int
	data   json.RawMessage // valid JSON in UTF-8; never written to
	err    *hubbub.Error   // nil for a success
	own    bool            // the status is ours, and not the backend's
	cached bool
}

// failed is the outcome of a request that has no reply.
func failed(err error) outcome {
	e := hubbub.AsError(err)
	status := e.Reason.Status()
	if errors.Is(err, context.DeadlineExceeded) {
		status = http.StatusGatewayTimeout
	}
	return outcome{status: status, err: e, own: true}
}

// judge makes the outcome of a reply.
func (p *part) judge(r *backend.Reply) outcome {
	switch {
	case r.Status >= 400:
		return outcome{status: r.Status, err: p.refusal(r)}
	case len(r.Body) == 0 || p.method == http.MethodHead:
		return outcome{status: r.Status, data: json.RawMessage("null")}
	case !json.Valid(r.Body) || !utf8.Valid(r.Body):
		return outcome{status: http.StatusBadGateway, own: true,
			err: hubbub.Errorf(hubbub.Unavailable, "the backend %s answered with something that is not JSON", p.of)}
	}
	return outcome{status: r.Status, data: r.Body}
}

// refusal is the error of a reply that is one.
func (p *part) refusal(r *backend.Reply) *hubbub.Error {
	e := &hubbub.Error{Reason: reasonOf(r.Status), Message: fmt.Sprintf("the backend %s answered with status %d", p.of, r.Status)}
	if r.Status == http.StatusTooManyRequests || r.Status == http.StatusServiceUnavailable {
		e.RetryAfter = retryAfter(r.Header.Get("Retry-After"))
	}
	if r.Status >= 500 {
		return e // what a backend says about its own troubles is not for callers
	}
	if detail := detailOf(r); detail != "" {
		e.Message = detail
	}
	return e
}

// reasonOf is the reason of a backend's status. Those that speak about how the gateway calls are not the caller's fault.
func reasonOf(status int) hubbub.Reason {
	switch status {
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		return hubbub.Invalid
	case http.StatusUnauthorized, http.StatusForbidden:
		return hubbub.Forbidden
	case http.StatusNotFound, http.StatusGone:
		return hubbub.NotFound
	case http.StatusConflict, http.StatusPreconditionFailed:
		return hubbub.Conflict
	case http.StatusRequestEntityTooLarge:
		return hubbub.TooLarge
	case http.StatusTooManyRequests:
		return hubbub.RateLimited
	}
	return hubbub.Unavailable
}

// detailOf is the explanation in an RFC 9457 problem, "" if there is none.
func detailOf(r *backend.Reply) string {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/problem+json" {
		return ""
	}
	var problem struct {
		Detail string `json:"detail"`
	}
	if json.Unmarshal(r.Body, &problem) != nil {
		return ""
	}
	detail := strings.TrimSpace(problem.Detail)
	if len(detail) > maxDetail {
		detail = strings.ToValidUTF8(detail[:maxDetail], "") + "…"
	}
	return detail
}

// retryAfter reads a number of seconds, RFC 9110, section 10.2.3, and takes dates for unknown.
func retryAfter(text string) time.Duration {
	seconds, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		return 0
	}
	return min(time.Duration(seconds)*time.Second, maxRetryAfter)
}

// failure is the error of a call whose required part has failed.
func (p *part) failure(out *outcome) *hubbub.Error {
	e := &hubbub.Error{Reason: hubbub.Unavailable, RetryAfter: out.err.RetryAfter, Err: out.err,
		Message: "part " + p.name + ": " + out.err.Message}
	switch reason := out.err.Reason; {
	case reason == hubbub.NotFound, reason == hubbub.Forbidden, reason == hubbub.RateLimited, out.own:
		e.Reason = reason
	}
	return e
}

// appendReply puts the outcomes into one object, in the order of the parts.
func appendReply(r *route, of []*outcome) json.RawMessage {
	size := 2
	for _, out := range of {
		size += len(out.data) + 256
	}
	b := append(make([]byte, 0, size), '{')
	for i, out := range of {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '"')
		b = append(b, r.parts[i].name...) // needs no escapes
		b = append(b, `":{"status":`...)
		b = strconv.AppendInt(b, int64(out.status), 10)
		if out.err == nil {
			b = append(append(append(b, `,"data":`...), out.data...), '}')
			continue
		}
		b = append(appendError(append(b, `,"error":`...), out.err), '}')
	}
	return append(b, '}')
}

func appendError(b []byte, e *hubbub.Error) []byte {
	text, _ := json.Marshal(struct { // strings and numbers never fail
		Reason     hubbub.Reason `json:"reason"`
		Message    string        `json:"message"`
		RetryAfter int64         `json:"retry_after_ms,omitempty"`
	}{e.Reason, e.Message, e.RetryAfter.Milliseconds()})
	return append(b, text...)
}
