package bff

import (
	"cmp"
	"context"
	"encoding/json"
	"hash/maphash"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hubbub-dev/hubbub"
)

// BFF answers calls. Its methods may be called concurrently.
type BFF struct {
	// Immutable.
	opts   Options
	routes map[string]*route
	seed   maphash.Seed
	// Safe for concurrent use.
	cache   *cache
	flights flights
	writes  [256]atomic.Uint64 // how many unsafe calls there were, by a hash of the user; see call.key
	running sync.WaitGroup     // parts that may outlast their call
}

// New checks the routes and returns who answers them, or an error that says which route is wrong and how. End it with
// [BFF.Close].
func New(o Options) (*BFF, error) {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Observe == nil {
		o.Observe = func(Observation) {}
	}
	if o.Refuse == nil {
		o.Refuse = refuse
	}
	routes, err := compile(&o)
	if err != nil {
		return nil, err
	}
	cache, err := newCache(cmp.Or(o.CacheSize, 64<<20), o.Now)
	if err != nil {
		return nil, err
	}
	b := &BFF{opts: o, routes: routes, cache: cache, seed: maphash.MakeSeed()}
	return b, nil
}

// Close waits for what is still asked of backends, which takes a budget at most, and cancels what can be asked again.
// Call it when no more calls come.
func (b *BFF) Close() {
	b.flights.close()
	b.running.Wait()
}

// Methods are the routes as methods of hubbub.v1, by their names, which begin with "bff.". Their results are a
// json.RawMessage of valid JSON in UTF-8, which need not be encoded again. Those who are anonymous call as nobody, as they do over HTTP.
func (b *BFF) Methods() map[string]func(context.Context, *hubbub.Session, json.RawMessage) (any, error) {
	all := make(map[string]func(context.Context, *hubbub.Session, json.RawMessage) (any, error), len(b.routes))
	for name, r := range b.routes {
		all["bff."+name] = func(ctx context.Context, s *hubbub.Session, params json.RawMessage) (any, error) {
			values, err := r.fromJSON(params)
			if err != nil {
				return nil, err
			}
			c := call{route: r, params: values, session: s.ID()}
			if identity := s.Identity(); !identity.Anonymous {
				c.identity = &identity
			}
			result, err := b.answer(ctx, &c)
			if err != nil {
				return nil, err
			}
			return result, nil
		}
	}
	return all
}
