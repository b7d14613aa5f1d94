package httpapi

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/hubbub-dev/hubbub"
)

// Events finds the calls that an event leads to by the operator's rules, in their order; none if no rule is about it. An error
// refuses the event as a whole, before anything is called. It may be called concurrently.
type Events func(ctx context.Context, typ string, data json.RawMessage) ([]Call, error)

// Call is a call of this API.
type Call struct {
	Method string
	Path   string          // below [Prefix], escaped, with a query if it has one
	Body   json.RawMessage // nil means none
}

// EventRequest is the body of POST /events.
type EventRequest struct {
	Type string          `json:"type" minLength:"1" maxLength:"128" doc:"What has happened." example:"product.listed"`
	Data json.RawMessage `json:"data,omitempty" doc:"Any JSON value, which the rules pick from; missing means null."`
	Key  string          `json:"key,omitempty" maxLength:"64" doc:"Idempotency key: what the event leads to is done once, and what failed is tried again. It can be sent as the header Idempotency-Key instead." example:"product-17-listed"`
}

// Step is what became of a call that an event has led to.
type Step struct {
	Call string `json:"call" doc:"Its method and path." example:"POST /rooms/shop/messages"`
	Result
}

// Steps is the reply to POST /events.
type Steps struct {
	Results []Step `json:"results" nullable:"false" doc:"Of each call, in the order of the rules."`
}

type eventInput struct {
	Header string `header:"Idempotency-Key" doc:"The same as key in the body. If both are there they must agree."`
	Body   EventRequest
}

func (a *API) event(ctx context.Context, in *eventInput) (Steps, error) {
	if a.o.Events == nil {
		return Steps{}, hubbub.Errorf(hubbub.NotFound, "this gateway has no rules for events: write one in the setting events")
	}
	key, err := idempotencyKey(in.Header, in.Body.Key)
	if err != nil {
		return Steps{}, err
	}
	data := in.Body.Data
	if len(data) == 0 {
		data = json.RawMessage("null")
	}
	calls, err := a.o.Events(ctx, in.Body.Type, data)
	if err != nil {
		return Steps{}, err
	}
	if len(calls) == 0 {
		return Steps{}, hubbub.Errorf(hubbub.NotFound, "no rule of the setting events fits: none has a type such as %q, or the when of those that have says no "+
			"to this event", in.Body.Type)
	}
	out := Steps{Results: make([]Step, 0, len(calls))}
	left := maxResults
	for i, c := range calls {
		call := inner{Call: c, trusted: true}
		if key != "" && c.Method == http.MethodPost {
			call.key = stepKey(key, i)
		}
		out.Results = append(out.Results, Step{c.Method + " " + c.Path, a.make(ctx, call, &left)})
	}
	return out, nil
}
