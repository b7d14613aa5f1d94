package httpapi

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/inbox"
)

// Prefix is what the paths of all calls begin with.
const Prefix = "/api/v1"

// documentPath is where the OpenAPI document is, the only path that asks for no key.
const documentPath = Prefix + "/openapi.json"

// IssueTicket makes a ticket that lets whoever has it sign in as id, once, within ttl; 0 means the issuer's default. It
// returns when the ticket becomes invalid.
type IssueTicket func(ctx context.Context, id hubbub.Identity, ttl time.Duration) (ticket string, expires time.Time, err error)

// Options configures an [API]. Only Hub must be set.
type Options struct {
	Hub *hubbub.Hub
	// Inbox is behind the calls about notices; nil means that they answer with 404, which says how to get inboxes.
	Inbox *inbox.Inbox
	// Keys are who may call. Without any, every call is answered with 401, which says how to make one.
	Keys []Key
	// Rate is how many calls each key may make; the zero value means 1000 per second and bursts of 2000.
	Rate hubbub.Rate
	// IssueTicket is behind POST /tickets; nil means that there is no such call.
	IssueTicket IssueTicket
	// Timeout is how long the hub may take for one call before it is answered with 503; 0 means 10 s.
	Timeout time.Duration
	// BodyTimeout is how long the body of a request may take to arrive; 0 means 10 s.
	BodyTimeout time.Duration
	// Version is the gateway's, as the OpenAPI document tells it; "" means "dev".
	Version string
	// Logger gets the causes of answers with 5xx; nil means slog.Default().
	Logger *slog.Logger
}

// API answers the calls. It is an [http.Handler] for all paths below [Prefix]. Its methods may be called concurrently.
type API struct {
	// Immutable after New.
	o        Options
	mux      *http.ServeMux
	huma     huma.API
	scopes   map[string]Scope // of each call, by its pattern in the mux
	document []byte           // the OpenAPI document

	// Safe for concurrent use.
	keys atomic.Pointer[keyring]
}

// New makes an API. Its error says which key is wrong, and in what.
func New(o Options) (*API, error) {
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second
	}
	if o.BodyTimeout == 0 {
		o.BodyTimeout = 10 * time.Second
	}
	if o.Version == "" {
		o.Version = "dev"
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	a := &API{o: o, mux: http.NewServeMux(), scopes: map[string]Scope{}}
	a.keys.Store(&keyring{})
	if err := a.SetKeys(o.Keys); err != nil {
		return nil, err
	}
	a.huma = huma.NewAPI(describe(o.Version), humago.NewAdapter(a.mux, Prefix))
	a.publishing()
	a.reading()
	a.noticing()
	a.boxes()
	a.belonging()
	a.signingOut()
	if o.IssueTicket != nil {
		a.ticketing()
	}
	document, err := a.describeAll()
	if err != nil {
		return nil, err
	}
	a.document = document
	a.mux.HandleFunc("GET "+documentPath, a.serveDocument)
	return a, nil
}

// ServeHTTP answers one request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != documentPath {
		admitted, refused := a.admit(w, r)
		if refused != nil {
			refused.write(w)
			return
		}
		r = admitted
	}
	a.mux.ServeHTTP(w, r)
}

// admit leads a request through the gates before its call. It returns the request with its whole body read and the caller in
// its context.
func (a *API) admit(w http.ResponseWriter, r *http.Request) (*http.Request, *Problem) {
	caller, refused := a.keys.Load().caller(r)
	if refused != nil {
		return nil, refused
	}
	if wait := caller.take(time.Now()); wait > 0 {
		return nil, problemOf(&hubbub.Error{Reason: hubbub.RateLimited, RetryAfter: wait,
			Message: fmt.Sprintf("the API key %q makes too many calls; wait as long as Retry-After says", caller.Name)})
	}
	handler, pattern := a.mux.Handler(r)
	if pattern == "" {
		return nil, unrouted(handler, r)
	}
	if need := a.scopes[pattern]; !caller.has(need) {
		return nil, lacking(caller.Name, need)
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		if refused := bufferBody(w, r, a.o.BodyTimeout); refused != nil {
			return nil, refused
		}
	}
	return r.WithContext(context.WithValue(r.Context(), callerKey{}, caller.Name)), nil
}

type callerKey struct{}

// callerOf is the name of the API key that a call was made with.
func callerOf(ctx context.Context) string {
	name, _ := ctx.Value(callerKey{}).(string)
	return name
}

// reply is how huma wants to get a body.
type reply[T any] struct{ Body T }

// handle registers a call: who may make it, how it is described, and what it does.
func handle[I, T any](a *API, need Scope, op huma.Operation, do func(context.Context, *I) (T, error)) {
	a.scopes[op.Method+" "+Prefix+op.Path] = need
	op.Security = []map[string][]string{{"bearer": {string(need)}}, {"header": {string(need)}}}
	op.Responses = map[string]*huma.Response{"default": a.errorResponse()}
	op.MaxBodyBytes, op.BodyReadTimeout = -1, -1 // bufferBody has read it, in bounds
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

// failed returns the problem that answers an error, and logs its cause if the caller cannot do anything about it.
func (a *API) failed(ctx context.Context, call string, err error) error {
	p := problemOf(hubbub.AsError(err))
	if p.Status >= 500 && ctx.Err() != context.Canceled {
		a.o.Logger.Error("an API call failed", "call", call, "key", callerOf(ctx), "err", causeOf(err))
	}
	return p
}
