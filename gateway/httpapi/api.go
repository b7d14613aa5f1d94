package httpapi

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/inbox"
	"github.com/hubbub-dev/hubbub/internal/watch"
)

// Prefix is what the paths of all calls begin with.
const Prefix = "/api/v1"

// documentPath is where the OpenAPI document is. Like the page that shows it, it asks for no key.
const documentPath = Prefix + "/openapi.json"

// IssueTicket makes a ticket that lets whoever has it sign in as id, once, within ttl; 0 means the issuer's default. It
// returns when the ticket becomes invalid.
type IssueTicket func(ctx context.Context, id hubbub.Identity, ttl time.Duration) (ticket string, expires time.Time, err error)

// Options configures an [API]. Only Hub must be set.
type Options struct {
	Hub *hubbub.Hub
	// Inbox is behind the calls about notices; nil means that they answer with 404, which says how to get inboxes.
	Inbox *inbox.Inbox
	// Webhooks are behind the calls about webhooks; nil means that they answer with 404, which says how to configure one.
	Webhooks Webhooks
	// Events finds the calls that an event leads to; nil means that POST /events answers with 404, which says how to write a rule.
	Events Events
	// Keys are who may call. Without any here and in KeyFile, every call is answered with 401, which says how to make one.
	Keys []Key
	// KeyFile is a file with further keys, see [LoadKeys]. It is read again when it changes; what is wrong with it then is logged, and the
	// keys that it had before hold on. "" means none.
	KeyFile string
	// Rate is how many calls each key may make; the zero value means 1000 per second and bursts of 2000.
	Rate hubbub.Rate
	// IssueTicket is behind POST /tickets; nil means that there is no such call.
	IssueTicket IssueTicket
	// Scratch keeps replies to calls with an Idempotency-Key for all nodes; nil means that each knows its own alone.
	Scratch hubbub.Scratch
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
	id       string // of this API among those of other nodes
	mux      *http.ServeMux
	huma     huma.API
	calls    map[string]gate // of each call, by its pattern in the mux
	document []byte          // the OpenAPI document
	page     map[string]pageFile
	file     *watch.File[*keyList]

	// Safe for concurrent use.
	keys    atomic.Pointer[keyring]
	setting sync.Mutex // held while keys is replaced
	closed  chan struct{}
	close   sync.Once
	streams atomic.Int32
}

// New makes an API. Its error says which key is wrong, and in what. End it with Close.
func New(o Options) (*API, error) {
	o = o.withDefaults()
	a := &API{o: o, id: rand.Text(), mux: http.NewServeMux(), calls: map[string]gate{}, closed: make(chan struct{})}
	a.keys.Store(&keyring{replaced: make(chan struct{})})
	if err := a.SetKeys(o.Keys); err != nil {
		return nil, err
	}
	if o.KeyFile != "" {
		var err error
		if a.file, err = watch.New(o.KeyFile, time.Now, o.Logger, parseKeyList); err != nil {
			return nil, fmt.Errorf("read the API keys: %w", err)
		}
	}
	a.huma = huma.NewAPI(describe(o.Version), humago.NewAdapter(fastMux{a.mux, a}, Prefix))
	a.publishing()
	a.gathering()
	a.reading()
	a.streaming()
	a.noticing()
	a.boxes()
	a.belonging()
	a.signingOut()
	a.blocking()
	if o.IssueTicket != nil {
		a.ticketing()
	}
	a.operating()
	a.counting()
	document, err := a.describeAll()
	if err != nil {
		return nil, err
	}
	a.document = document
	a.page, err = loadPage()
	if err != nil {
		return nil, err
	}
	a.page[documentPath] = newPageFile(documentPath, document, nil)
	return a, nil
}

func (o Options) withDefaults() Options {
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
	return o
}

// Close ends the streams that are open, and refuses new ones. Other calls are answered as before: the http.Server ends those.
func (a *API) Close() { a.close.Do(func() { close(a.closed) }) }
