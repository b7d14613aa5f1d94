package httpapi

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hubbub-dev/hubbub"
)

const (
	maxResults   = 8 << 20  // bytes of all replies in the reply to a batch
	resultMargin = 64 << 10 // with less than this left no further call is made
)

// Batch is the body of POST /batch.
type Batch struct {
	Calls []BatchCall `json:"calls" nullable:"false" minItems:"1" maxItems:"100" doc:"They are made in this order, one after the other; one that fails does not stop the next."`
}

// BatchCall is a call of a batch.
type BatchCall struct {
	Method string          `json:"method" enum:"GET,POST,PUT,DELETE" example:"POST"`
	Path   string          `json:"path" minLength:"1" maxLength:"8192" doc:"Below /api/v1, percent-encoded, with the query if there is one." example:"/rooms/lobby/messages"`
	Body   json.RawMessage `json:"body,omitempty" doc:"As the call itself wants it; missing means none."`
	Key    string          `json:"key,omitempty" maxLength:"64" doc:"The header Idempotency-Key of this call, of POST only." example:"order-17-shipped"`
}

// Result is what became of one of several calls.
type Result struct {
	Status int             `json:"status" doc:"Its HTTP status." example:"200"`
	Body   json.RawMessage `json:"body" doc:"Its reply, a problem if the status is 400 or more."`
}

// Results is the reply to POST /batch.
type Results struct {
	Results []Result `json:"results" nullable:"false" doc:"Of each call, in the same order."`
}

type batchInput struct {
	Header string `header:"Idempotency-Key" doc:"Gives each POST of the batch that has no key one of its own, so that the batch can be sent again: what was done is not done twice, and what failed is tried again." example:"import-2026-03-02"`
	Body   Batch
}

// gathering registers the calls that make others.
func (a *API) gathering() {
	register(a, gate{need: anyScope, alone: true}, huma.Operation{
		OperationID: "batch", Method: http.MethodPost, Path: "/batch", Tags: []string{"several"},
		Summary: "Make several calls at once", Description: "Up to 100 calls of any kind, each with a result of its own as if it had been made " +
			"alone: each needs its scope, and counts for the rate. The reply is 200 whatever the results are. Calls that cannot be made are answered " +
			"with a status, too: 503 when the batch takes too long, 413 when all replies together have more than 8 MiB. /batch, /events and " +
			"/presence/stream cannot be in it.",
	}, a.batch)
	register(a, gate{need: Publish, alone: true}, huma.Operation{
		OperationID: "event", Method: http.MethodPost, Path: "/events", Tags: []string{"several"},
		Summary: "Tell that something has happened", Description: "The gateway's rules (the setting events) say which calls follow: messages, notices, " +
			"whatever this API can do. They are made in the name of this API key, which needs no other scope for them, since the operator wrote " +
			"them. Each has a result of its own. not_found if no rule is about such an event, invalid if a rule needs data that it does not have: " +
			"then nothing is called.",
	}, a.event)
}

// inner is a call that is part of another one.
type inner struct {
	Call
	key     string
	trusted bool // it needs no scope and does not count for the rate
}

func (a *API) batch(ctx context.Context, in *batchInput) (Results, error) {
	key, err := idempotencyKey(in.Header, "")
	if err != nil {
		return Results{}, err
	}
	out := Results{Results: make([]Result, 0, len(in.Body.Calls))}
	left := maxResults
	for i, c := range in.Body.Calls {
		call := inner{Call: Call{c.Method, c.Path, c.Body}, key: c.Key}
		if key != "" && c.Key == "" && c.Method == http.MethodPost {
			call.key = stepKey(key, i)
		}
		out.Results = append(out.Results, a.make(ctx, call, &left))
	}
	return out, nil
}

// stepKey is the idempotency key of a step of something that has one itself.
func stepKey(key string, step int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%d", key, step))
	return base32.HexEncoding.EncodeToString(sum[:20])
}

// make makes a call within another one. left is how many bytes the replies may still have.
func (a *API) make(ctx context.Context, c inner, left *int) Result {
	got := &recorded{most: *left}
	switch refused := a.dispatch(ctx, got, c, *left); {
	case refused != nil:
		return refused.result()
	case got.over:
		return newProblem(hubbub.TooLarge.Status(), hubbub.TooLarge, "the call was made, but its reply does not fit: all replies together may have "+
			"8 MiB; make fewer calls at once", 0).result()
	}
	if !json.Valid(got.body.Bytes()) {
		return newProblem(http.StatusNotFound, hubbub.NotFound, noSuchCall, 0).result() // the mux redirects to a tidier path
	}
	*left -= got.body.Len()
	return Result{got.status, got.body.Bytes()}
}

// dispatch leads a call within another one through the same gates as any other.
func (a *API) dispatch(ctx context.Context, w http.ResponseWriter, c inner, left int) *Problem {
	if ctx.Err() != nil {
		return newProblem(hubbub.Unavailable.Status(), hubbub.Unavailable, "the calls before took too long: this one was not made; try again", 0)
	}
	if left < resultMargin {
		return newProblem(hubbub.TooLarge.Status(), hubbub.TooLarge, "the replies before have filled 8 MiB: this call was not made", 0)
	}
	r, refused := c.request(ctx)
	if refused != nil {
		return refused
	}
	caller := holderOf(ctx)
	if c.trusted {
		caller = &heldKey{Key: Key{Name: caller.Name, Scopes: []Scope{Admin}}, usage: caller.usage}
	}
	pattern, refused := a.admit(r, caller, !c.trusted)
	if refused != nil {
		return refused
	}
	if a.calls[pattern].alone {
		return problemOf(hubbub.Errorf(hubbub.Invalid, "%s can be no part of another call", strings.TrimPrefix(r.URL.Path, Prefix)))
	}
	a.perform(w, r, caller, pattern)
	return nil
}

// request is the call as if it had come alone.
func (c inner) request(ctx context.Context) (*http.Request, *Problem) {
	if c.key != "" && c.Method != http.MethodPost {
		return nil, problemOf(hubbub.Errorf(hubbub.Invalid, "only POST has a key: %s is the same when it is made again", c.Method))
	}
	target, err := url.ParseRequestURI(Prefix + c.Path)
	if err != nil || !strings.HasPrefix(c.Path, "/") {
		return nil, problemOf(hubbub.Errorf(hubbub.Invalid, "the path must be one below "+Prefix+" such as /rooms/lobby/messages, percent-encoded"))
	}
	r := (&http.Request{Method: c.Method, URL: target, Header: http.Header{}, Body: http.NoBody, RequestURI: target.RequestURI(),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}).WithContext(ctx)
	if len(c.Body) > 0 {
		r.Body, r.ContentLength = inMemory(c.Body), int64(len(c.Body))
		r.Header.Set("Content-Type", "application/json")
	}
	if c.key != "" {
		r.Header.Set(keyHeader, `"`+c.key+`"`)
	}
	return r, nil
}

// result is the problem as that of one of several calls.
func (p *Problem) result() Result {
	body, err := json.Marshal(p)
	if err != nil {
		panic("httpapi: a problem cannot be encoded: " + err.Error()) // it has nothing but texts and numbers
	}
	return Result{p.Status, body}
}
