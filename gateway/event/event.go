package event

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/internal/jq"
	"github.com/hubbub-dev/hubbub/internal/template"
)

// MaxCalls is how many calls one event may make.
const MaxCalls = 100

// whenTime is how long the jq expressions of one event may take.
const whenTime = time.Second

// Rule says what is done when an event comes.
type Rule struct {
	// Type is a glob of types, such as "product.*"; see hubbub.Match.
	Type string `koanf:"type"`
	// When is a jq expression about {"type", "id", "data"}: the rule does nothing if it gives false or null, such as
	// ".data.stock > 0". "" means always.
	When string `koanf:"when"`
	// Do are the calls, in order.
	Do []Step `koanf:"do"`
}

// Step is one call.
type Step struct {
	// Call is the method, POST, PUT, PATCH or DELETE, and the path below /api/v1, such as "POST
	// /rooms/{data.room}/messages". It may have a query.
	Call string `koanf:"call"`
	// Body is sent as JSON; nil means none.
	Body any `koanf:"body"`
}

// Call is a call to make.
type Call struct {
	Method string
	Path   string // below /api/v1, escaped, with the query if the step has one
	Body   json.RawMessage
}

// Events knows the rules. Its methods may be called concurrently.
type Events struct{ rules []rule }

// rule is a checked Rule.
type rule struct {
	glob  string
	when  *jq.Query // nil means always
	steps []step
}

// Calls returns the calls of all rules that fit the event, none if no rule does. Its errors are Invalid and say what
// the event lacks, or TooLarge past [MaxCalls] or if a call would be too long.
func (e *Events) Calls(typ string, data json.RawMessage) ([]Call, error) {
	if err := hubbub.CheckName("type of the event", typ); err != nil {
		return nil, err
	}
	if len(data) == 0 {
		data = json.RawMessage("null")
	}
	decoded, err := template.Decode(data)
	if err != nil || !json.Valid(data) || !utf8.Valid(data) {
		return nil, &hubbub.Error{Reason: hubbub.Invalid, Message: "the data of the event are not JSON", Err: err}
	}
	ctx, cancel := context.WithTimeout(context.Background(), whenTime)
	defer cancel()
	now := &happening{typ: typ, id: rand.Text(), data: decoded}
	var calls []Call
	for i := range e.rules {
		more, err := e.rules[i].calls(ctx, now)
		if err != nil {
			return nil, err
		}
		if calls = append(calls, more...); len(calls) > MaxCalls {
			return nil, hubbub.Errorf(hubbub.TooLarge, "the event %s makes more than %d calls", typ, MaxCalls)
		}
	}
	return calls, nil
}

// happening is an event that has come.
type happening struct {
	typ  string
	id   string
	data any
}

// calls returns the calls of the rule, none if it does not fit.
func (r *rule) calls(ctx context.Context, now *happening) ([]Call, error) {
	if !hubbub.Match(r.glob, now.typ) {
		return nil, nil
	}
	if r.when != nil {
		is, err := r.when.Run(ctx, map[string]any{"type": now.typ, "id": now.id, "data": now.data})
		if err != nil {
			return nil, &hubbub.Error{Reason: hubbub.Invalid, Err: err,
				Message: fmt.Sprintf("when of the rule for %s cannot be decided for these data: %.300v", r.glob, err)}
		}
		if !jq.True(is) {
			return nil, nil
		}
	}
	calls := make([]Call, 0, len(r.steps))
	for i := range r.steps {
		c, err := r.steps[i].expand(now)
		if err != nil {
			return nil, err
		}
		calls = append(calls, c)
	}
	return calls, nil
}

// find is the template.Source of the event.
func (h *happening) find(ref template.Ref) (any, error) {
	switch ref[0] {
	case "type":
		return h.typ, nil
	case "id":
		return h.id, nil
	}
	v, err := template.Walk(h.data, ref[1:])
	if err != nil {
		return nil, hubbub.Errorf(hubbub.Invalid, "the event %s has no %s", h.typ, ref)
	}
	return v, nil
}
