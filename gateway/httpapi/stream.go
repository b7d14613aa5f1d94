package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/hubbub-dev/hubbub"
)

const (
	heartbeat        = 15 * time.Second
	maxStreams       = 256
	maxStreamsPerKey = 16
)

type streamInput struct {
	Users []string `query:"user,explode" maxItems:"1000" doc:"Only these users; repeat it for each. Missing means everybody." example:"[\"ann\"]"`
}

// Resolve refuses an empty name, which would stand for everybody where somebody has forgotten to fill it in.
func (*streamInput) Resolve(c huma.Context) []error {
	asked := c.URL()
	if slices.Contains(asked.Query()["user"], "") {
		return []error{&huma.ErrorDetail{Location: "query.user", Message: "name a user, or leave it out for everybody"}}
	}
	return nil
}

// streaming registers the call that tells who comes and goes for as long as it is read.
func (a *API) streaming() {
	presence := a.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Presence](), true, "Presence")
	op := huma.Operation{
		OperationID: "stream-presence", Method: http.MethodGet, Path: "/presence/stream", Tags: []string{"presence"},
		Summary: "Follow who comes and goes", Description: "Server-sent events for as long as the connection lasts. The event `ready` comes first. " +
			"Each event `presence` has in its data how a user is now, as in GET /users/{user} but without sessions: with user first of each user who " +
			"is named, and then whenever it changes; of everybody only what changes, so list them with GET /users after `ready`. What changes " +
			"several times while the reader is slow is told once. A comment comes every 15 seconds. After a lost connection connect again: that begins anew. " +
			"The stream ends when the API key is taken away, when the reader takes nothing for 10 seconds, and when the gateway shuts down. " +
			"rate_limited if the key has 16 streams already.",
		Responses: map[string]*huma.Response{"200": {
			Description: "A stream of events.",
			Content: map[string]*huma.MediaType{"text/event-stream": {
				Schema: &huma.Schema{Type: huma.TypeString, Description: "Lines of `event:` and `data:`; an empty line ends each event. The data of " +
					"`presence` is a Presence object in one line.", Extensions: map[string]any{"x-event-data": presence}},
				Example: "event: ready\ndata: {}\n\nevent: presence\ndata: {\"user\":\"ann\",\"online\":true,\"devices\":[{\"device\":\"phone\"," +
					"\"platform\":\"ios\",\"sessions\":1}]}\n\n: still here\n\n",
			}},
		}},
	}
	a.describeCall(gate{need: Read, alone: true}, &op)
	huma.Register(a.huma, op, func(ctx context.Context, in *streamInput) (*huma.StreamResponse, error) {
		caller := holderOf(ctx)
		for _, user := range in.Users {
			if err := hubbub.CheckName("user", user); err != nil {
				return nil, a.failed(ctx, op.OperationID, err)
			}
		}
		if err := a.openStream(caller); err != nil {
			return nil, a.failed(ctx, op.OperationID, err)
		}
		return &huma.StreamResponse{Body: func(c huma.Context) {
			defer a.closeStream(caller)
			r, w := humago.Unwrap(c)
			a.stream(w, r, caller, in.Users)
		}}, nil
	})
}

// openStream counts a stream, which closeStream ends.
func (a *API) openStream(caller *heldKey) error {
	select {
	case <-a.closed:
		return &hubbub.Error{Reason: hubbub.Unavailable, RetryAfter: time.Second, Message: "the server is shutting down; connect again"}
	default:
	}
	if caller.streams.Add(1) > maxStreamsPerKey {
		caller.streams.Add(-1)
		return &hubbub.Error{Reason: hubbub.RateLimited, RetryAfter: heartbeat,
			Message: fmt.Sprintf("the API key %q has %d streams open; close one first, or watch more users in one", caller.Name, maxStreamsPerKey)}
	}
	if a.streams.Add(1) > maxStreams {
		a.closeStream(caller)
		return &hubbub.Error{Reason: hubbub.RateLimited, RetryAfter: heartbeat, Message: "the server has too many streams open; try again"}
	}
	return nil
}

// Streams is how many streams are open.
func (a *API) Streams() int { return int(a.streams.Load()) }

func (a *API) closeStream(caller *heldKey) {
	a.streams.Add(-1)
	caller.streams.Add(-1)
}

// stream tells who comes and goes until one of both sides has enough.
func (a *API) stream(w http.ResponseWriter, r *http.Request, caller *heldKey, users []string) {
	ctx, stop := context.WithCancel(r.Context())
	defer stop()
	out := &eventWriter{w: w, control: http.NewResponseController(w), patience: a.o.Timeout}
	// The server's deadline for reading the request would end ctx. Where it cannot be set there is none.
	_ = out.control.SetReadDeadline(time.Time{})
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no") // nginx would keep the events back
	if r.Method == http.MethodHead {
		_ = out.control.Flush()
		return
	}
	var keeper sync.WaitGroup
	defer keeper.Wait()
	defer stop()
	keeper.Go(func() {
		defer stop()
		a.keepStream(ctx, out, caller)
	})
	if len(users) == 0 {
		users = nil
	}
	ready := func() error { return out.write("event: ready\ndata: {}\n\n") }
	err := a.o.Hub.WatchPresence(ctx, users, ready, func(p hubbub.Presence) error {
		data, err := json.Marshal(presenceOf(p))
		if err != nil {
			return fmt.Errorf("encode the presence of %q: %w", p.User, err)
		}
		return out.write("event: presence\ndata: " + string(data) + "\n\n")
	})
	if ctx.Err() == nil && !errors.Is(err, errReader) {
		a.o.Logger.Warn("a stream of presence ended", "key", caller.Name, "error", causeOf(err))
	}
}

// keepStream sends the heartbeat until the stream must end.
func (a *API) keepStream(ctx context.Context, out *eventWriter, caller *heldKey) {
	beat, look := time.NewTicker(heartbeat), time.NewTicker(time.Second)
	defer beat.Stop()
	defer look.Stop()
	for {
		ring := a.ring()
		if !ring.opens(caller, Read) {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-a.closed:
			return
		case <-ring.replaced:
		case <-look.C: // the file of keys may have changed
		case <-beat.C:
			if out.write(": still here\n\n") != nil {
				return
			}
		}
	}
}

// errReader is why a stream ends whose reader is gone, or too slow.
var errReader = errors.New("the reader takes nothing")

// eventWriter writes server-sent events. It may be used concurrently.
type eventWriter struct {
	// Immutable.
	control  *http.ResponseController
	patience time.Duration // for one write
	// Guarded by mu.
	mu sync.Mutex
	w  http.ResponseWriter
}

// write sends something whole at once. The deadline is for this write alone: the server's own is for the answer as a whole.
func (e *eventWriter) write(text string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	_ = e.control.SetWriteDeadline(time.Now().Add(e.patience)) // where it cannot be set, nobody is slow
	if _, err := e.w.Write([]byte(text)); err != nil {
		return errReader
	}
	if err := e.control.Flush(); err != nil {
		return errReader
	}
	return nil
}
