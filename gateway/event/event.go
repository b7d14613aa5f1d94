// Package event turns one event that a backend tells into calls of the API for backends, as rules say.
package event

import "encoding/json"

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
	// Call is the method and the path below /api/v1, such as "POST /rooms/{data.room}/messages".
	Call string `koanf:"call"`
	// Body is sent as JSON; nil means none.
	Body any `koanf:"body"`
}

// Call is a call to make.
type Call struct {
	Method string
	Path   string // escaped, with a query if the step has one
	Body   json.RawMessage
}

// Events knows the rules. Its methods may be called concurrently.
type Events struct{}

// New checks the rules. known judges the method and path of each step, with "x" in the place of each reference: it returns an error
// that says what is wrong with such a call; nil means that all calls are known.
func New(rules []Rule, known func(method, path string) error) (*Events, error) { return &Events{}, nil }

// Calls returns the calls of all rules that fit the event, none if no rule does. Its errors are Invalid and name what is wrong.
func (e *Events) Calls(typ string, data json.RawMessage) ([]Call, error) { return nil, nil }
