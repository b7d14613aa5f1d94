package hubbub

import (
	"errors"
	"fmt"
	"time"
)

// Reason is the stable word that says what kind of error an [Error] is. Programs decide by it; people read the message.
type Reason string

// The reasons.
const (
	Invalid      Reason = "invalid"      // the request cannot be understood; change it
	Unauthorized Reason = "unauthorized" // nobody knows who is asking, or the credentials are bad
	Forbidden    Reason = "forbidden"    // known who, but not allowed
	NotFound     Reason = "not_found"    // there is no such thing
	RateLimited  Reason = "rate_limited" // too much at once; come back after Error.RetryAfter
	TooLarge     Reason = "too_large"    // over a limit of size or number
	Unavailable  Reason = "unavailable"  // something behind the gateway does not answer; try again
	Conflict     Reason = "conflict"     // against what is already there
)

// Error is the one error type of the domain. Adapters map its reason to their protocol's codes; its message is for the
// person who wrote the request and says what to do.
type Error struct {
	Reason     Reason
	Message    string
	RetryAfter time.Duration // for RateLimited and Unavailable, how long to wait; 0 means unknown
	Err        error         // the cause, for logs, never shown to clients; may be nil
}

// Errorf makes an error for a person. An error among the args that is formatted with %w becomes its cause.
func Errorf(reason Reason, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Reason: reason, Message: err.Error(), Err: errors.Unwrap(err)}
}

// Error returns the message.
func (e *Error) Error() string { return e.Message }

// Unwrap returns Err, for errors.Is and errors.As.
func (e *Error) Unwrap() error { return e.Err }

// AsError returns err as an *Error: itself if there is one in its chain, otherwise one with the reason Unavailable, whose
// message tells nothing about the cause. It returns nil for nil.
func AsError(err error) *Error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Reason: Unavailable, Message: "the server cannot do this right now; try again", Err: err}
}
