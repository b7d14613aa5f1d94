// Package jq runs jq expressions of the configuration on values that come from elsewhere. An expression is its owner's,
// and can be as greedy as they write it; what it makes is bounded whatever the value is, and its time by a context. It
// sees neither the environment nor files.
package jq

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"

	"github.com/itchyny/gojq"
)

// MaxResult is about how many bytes the JSON of a result may have.
const MaxResult = 1 << 20

// maxDepth is how deep a result may be, as it is in encoding/json.
const maxDepth = 10000

// Query is an expression. It may be used concurrently.
type Query struct{ code *gojq.Code }

// Compile reads an expression.
func Compile(expression string) (*Query, error) {
	parsed, err := gojq.Parse(expression)
	if err != nil {
		return nil, fmt.Errorf("the jq expression %q cannot be read: %w", expression, err)
	}
	code, err := gojq.Compile(parsed)
	if err != nil {
		return nil, fmt.Errorf("the jq expression %q cannot be used: %w", expression, err)
	}
	return &Query{code}, nil
}

// Run returns the one value that the expression makes of v, nil if it makes none. v is what encoding/json decodes, with
// numbers as float64 or json.Number; it is not changed. What is returned may share with it, and must not be changed
// either. Errors may quote v.
func (q *Query) Run(ctx context.Context, v any) (result any, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("jq panicked: %v", p)
		}
	}()
	values := q.code.RunWithContext(ctx, v)
	result, ok := values.Next()
	if !ok {
		return nil, nil
	}
	if err, failed := result.(error); failed {
		return nil, fmt.Errorf("jq: %w", err)
	}
	if more, ok := values.Next(); ok {
		if err, failed := more.(error); failed {
			return nil, fmt.Errorf("jq: %w", err)
		}
		return nil, errors.New("jq made more than one value: put the expression in [ ] to get them as a list")
	}
	if room := MaxResult; !fits(result, 0, &room) {
		return nil, fmt.Errorf("jq made something with more than %d bytes, or nested deeper than %d", MaxResult, maxDepth)
	}
	return result, nil
}

// True tells whether jq takes a value for true: all but false and null.
func True(v any) bool { return v != nil && v != false }

// Encode writes a result as JSON.
func Encode(v any) (json.RawMessage, error) { return gojq.Marshal(v) }

// fits tells whether the JSON of v is not much larger than the room. A small program can make a value that holds one
// other a million times, which costs no memory until it is written.
func fits(v any, depth int, room *int) bool {
	switch v := v.(type) {
	case string:
		*room -= len(v) + 2
	case json.Number:
		*room -= len(v)
	case *big.Int:
		*room -= v.BitLen() / 3
	case []any:
		*room -= 2
		for _, item := range v {
			if *room -= 1; *room < 0 || depth >= maxDepth || !fits(item, depth+1, room) {
				return false
			}
		}
	case map[string]any:
		*room -= 2
		for name, member := range v {
			if *room -= len(name) + 4; *room < 0 || depth >= maxDepth || !fits(member, depth+1, room) {
				return false
			}
		}
	default:
		*room -= 4
	}
	return *room >= 0
}
