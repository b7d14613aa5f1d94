package client

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/hubbub-dev/hubbub"
)

// BatchCall is a call of the HTTP API that is made together with others, as docs/http-api.md describes it.
type BatchCall struct {
	Method string `json:"method"`
	Path   string `json:"path"`           // below /api/v1, such as [Path] makes, with a query if there is one
	Body   any    `json:"body,omitempty"` // nil means none
	Key    string `json:"key,omitempty"`  // idempotency key, of POST only; "" means none
}

// Result is what became of one of several calls.
type Result struct {
	Status int             `json:"status"` // of HTTP
	Body   json.RawMessage `json:"body"`   // the reply, or a problem
}

// Err is nil if the call has succeeded, and otherwise a [hubbub.Error], as if it had been made alone.
func (r Result) Err() error {
	if r.Status/100 == 2 {
		return nil
	}
	return fromHTTP(r.Status, r.Body, nil)
}

// Decode stores the reply in v, or returns what Err does.
func (r Result) Decode(v any) error {
	if err := r.Err(); err != nil {
		return err
	}
	if err := json.Unmarshal(r.Body, v); err != nil {
		return hubbub.Errorf(hubbub.Invalid, "the reply is something else: %w", err)
	}
	return nil
}

// Batch makes up to 100 calls, one after the other, and returns what became of each, in the same order. The error is about the
// batch as a whole. With [API.Once] it can be sent again: what was done is not done twice.
func (a API) Batch(ctx context.Context, calls ...BatchCall) ([]Result, error) {
	var reply struct {
		Results []Result `json:"results"`
	}
	err := a.call(ctx, http.MethodPost, path("batch"), struct {
		Calls []BatchCall `json:"calls"`
	}{calls}, &reply)
	return reply.Results, err
}

// Step is what became of a call that an event has led to.
type Step struct {
	Call string `json:"call"` // method and path
	Result
}

// Event tells the gateway that something has happened, and returns what its rules made of it. [hubbub.NotFound] if no rule is about
// it. With [API.Once] it can be told again: what was done is not done twice.
func (a API) Event(ctx context.Context, typ string, data any) ([]Step, error) {
	var reply struct {
		Results []Step `json:"results"`
	}
	err := a.call(ctx, http.MethodPost, path("events"), struct {
		Type string `json:"type"`
		Data any    `json:"data"`
	}{typ, data}, &reply)
	return reply.Results, err
}
