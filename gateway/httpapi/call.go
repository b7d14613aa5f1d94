package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hubbub-dev/hubbub"
)

// gate is what must hold before a call is made.
type gate struct {
	need  Scope
	once  bool // its reply is remembered under the header Idempotency-Key
	alone bool // it is no part of another call
}

// ServeHTTP answers one request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if a.servePage(w, r) {
		return
	}
	caller, refused := a.ring().caller(r)
	if refused != nil {
		refused.write(w)
		return
	}
	pattern, refused := a.admit(r, caller, true)
	if refused == nil && r.Method != http.MethodGet && r.Method != http.MethodHead {
		refused = bufferBody(w, r, a.o.BodyTimeout)
	}
	if refused != nil {
		refused.write(w)
		return
	}
	a.perform(w, r, caller, pattern)
}

// admit leads a request through the gates between its key and its body, and returns which call it makes. counted calls count
// for the rate of the key.
func (a *API) admit(r *http.Request, caller *heldKey, counted bool) (pattern string, refused *Problem) {
	if counted {
		if wait := caller.take(time.Now()); wait > 0 {
			return "", problemOf(&hubbub.Error{Reason: hubbub.RateLimited, RetryAfter: wait,
				Message: fmt.Sprintf("the API key %q makes too many calls; wait as long as Retry-After says", caller.Name)})
		}
	}
	handler, pattern := a.mux.Handler(r)
	if pattern == "" {
		return "", unrouted(handler, r)
	}
	if need := a.calls[pattern].need; !caller.has(need) {
		return "", lacking(caller.Name, need)
	}
	return pattern, nil
}

// perform makes a call that was admitted, and whose body is in memory.
func (a *API) perform(w http.ResponseWriter, r *http.Request, caller *heldKey, pattern string) {
	r = r.WithContext(context.WithValue(r.Context(), callerKey{}, caller))
	if a.calls[pattern].once && r.Header.Get(keyHeader) != "" {
		a.once(w, r, caller)
		return
	}
	a.mux.ServeHTTP(w, r)
}

type callerKey struct{}

// holderOf is the API key that a call was made with.
func holderOf(ctx context.Context) *heldKey {
	held, _ := ctx.Value(callerKey{}).(*heldKey)
	return held
}

// callerOf is its name.
func callerOf(ctx context.Context) string {
	if held := holderOf(ctx); held != nil {
		return held.Name
	}
	return ""
}

// reply is how huma wants to get a body.
type reply[T any] struct{ Body T }

// handle registers a call: who may make it, how it is described, and what it does.
func handle[I, T any](a *API, need Scope, op huma.Operation, do func(context.Context, *I) (T, error)) {
	register(a, gate{need: need}, op, do)
}

// handleOnce registers a call as handle does, which is not made again if it is repeated with the same Idempotency-Key.
func handleOnce[I, T any](a *API, need Scope, op huma.Operation, do func(context.Context, *I) (T, error)) {
	op.Parameters = append(op.Parameters, &huma.Param{Name: keyHeader, In: "header", Schema: &huma.Schema{Type: huma.TypeString},
		Description: "At most 64 characters. For 5 minutes a call of the same API key with the same key is the same call: it is not " +
			"made again, and gets the same reply. conflict if it differs."})
	register(a, gate{need: need, once: true}, op, do)
}

func register[I, T any](a *API, g gate, op huma.Operation, do func(context.Context, *I) (T, error)) {
	a.describeCall(g, &op)
	huma.Register(a.huma, op, func(ctx context.Context, in *I) (*reply[T], error) {
		ctx, cancel := context.WithTimeout(ctx, a.o.Timeout)
		defer cancel()
		out, err := do(ctx, in)
		if err != nil {
			return nil, a.failed(ctx, op.OperationID, err)
		}
		return &reply[T]{out}, nil
	})
}

// describeCall says of a call what is the same of all, and puts it behind its gate.
func (a *API) describeCall(g gate, op *huma.Operation) {
	a.calls[op.Method+" "+Prefix+op.Path] = g
	scopes := []string{string(g.need)}
	if g.need == anyScope {
		scopes = []string{}
	}
	op.Security = []map[string][]string{{"bearer": scopes}, {"header": scopes}}
	if op.Responses == nil {
		op.Responses = map[string]*huma.Response{}
	}
	a.describeErrors(op)
	op.MaxBodyBytes, op.BodyReadTimeout = -1, -1 // bufferBody has read it, in bounds
}

// failed returns the problem that answers an error, and logs its cause if the caller cannot do anything about it.
func (a *API) failed(ctx context.Context, call string, err error) error {
	return a.problem(ctx, call, err)
}

func (a *API) problem(ctx context.Context, call string, err error) *Problem {
	p := problemOf(hubbub.AsError(err))
	if p.Status >= 500 && ctx.Err() != context.Canceled {
		a.o.Logger.Error("an API call failed", "call", call, "key", callerOf(ctx), "err", causeOf(err))
	}
	return p
}
