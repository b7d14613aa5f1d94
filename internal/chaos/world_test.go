package chaos_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/client"
	"github.com/hubbub-dev/hubbub/internal/testkit"
)

// patience is how long one call may take, and how long what is wrong may stay so once all is healed: until leases have run out, what a
// dead gateway had claimed is free, and webhooks that failed are tried again, on a busy machine.
const patience = 45 * time.Second

var (
	durable = []string{"told-hall", "durable-club"} // rooms; of the former it is told what is said there
	memory  = []string{"memory-lobby", "memory-bar"}
	shops   = []string{"none-a", "none-b", "none-c"} // rooms that people come to for a moment
)

// world is what the gateways stand on, and everybody who uses them.
type world struct {
	t     *testing.T
	ctx   context.Context
	began time.Time

	servers *servers
	nodes   []*node
	ear     *ear

	patience time.Duration                    // how long what is wrong may stay so once all is healed
	report   func(format string, args ...any) // is told what is wrong

	// Immutable but for what is in them.
	streams map[string]*stream // rooms, and pairs by pairOf
	seats   []*seat
	solos   []*solo
	outlaws []*outlaw
	keeper  *seat // only listens

	gate  sync.RWMutex // held for reading while somebody acts
	lives sync.WaitGroup
	over  atomic.Bool
	calls atomic.Int64

	mu      sync.Mutex
	wrong   []string                     // what can never be right
	ended   map[string]bool              // sessions that were signed out
	notices map[string]map[string]string // titles of those that were published, by user and id
	faults  map[string]int               // how often each has happened
}

// newWorld starts everything, and lets people live.
func newWorld(t *testing.T, s *servers) *world {
	w := &world{t: t, ctx: t.Context(), began: time.Now(), servers: s, ear: listen(t), streams: map[string]*stream{}, ended: map[string]bool{},
		notices: map[string]map[string]string{}, faults: map[string]int{}, patience: patience, report: t.Errorf}
	s.world = w
	for i := range s.gateways {
		n := newNode(t, i+1, w.ear.url)
		w.nodes = append(w.nodes, n)
		s.settle(n)
		n.start()
	}
	for _, n := range w.nodes {
		testkit.Eventually(t, n.name+" to be ready", n.ready)
	}
	t.Cleanup(func() {
		w.over.Store(true)
		w.lives.Wait()
		for _, s := range w.everySeat() {
			s.signOut()
		}
	})
	w.populate()
	return w
}

// everySeat lists all devices of everybody.
func (w *world) everySeat() []*seat {
	all := slices.Clone(w.seats)
	if w.keeper != nil {
		all = append(all, w.keeper)
	}
	for _, s := range w.solos {
		all = append(all, s.devices[0], s.devices[1])
	}
	for _, o := range w.outlaws {
		all = append(all, o.seat)
	}
	return all
}

// users are all users, each once.
func (w *world) users() (all []string) {
	for _, s := range w.everySeat() {
		all = append(all, s.user)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// live has somebody act again and again while there is a round.
func (w *world) live(act func()) {
	w.lives.Go(func() {
		for !w.over.Load() && wait(w.ctx, time.Duration(mathrand.IntN(300))*time.Millisecond) {
			w.gate.RLock()
			if !w.over.Load() {
				act()
			}
			w.gate.RUnlock()
		}
	})
}

// insist makes a call until it is acknowledged, and tells whether it was; it is not once goes tells that it is of no use. It must be one
// that may be repeated. Anything but that the gateway cannot do it now is wrong.
func (w *world) insist(what string, goes func() bool, call func() error) bool {
	for began := time.Now(); goes(); {
		err := call()
		if err == nil {
			w.calls.Add(1)
			return true
		}
		switch reason := reasonOf(err); {
		case !goes():
		case reason == hubbub.Unavailable, errors.Is(err, context.DeadlineExceeded),
			reason == hubbub.NotFound && strings.Contains(err.Error(), "has ended"): // the session; the client is about to learn that
			if time.Since(began) > 3*patience {
				w.violate("%s: it is not possible any more: %v", what, err)
				return false
			}
			wait(w.ctx, time.Duration(20+mathrand.IntN(200))*time.Millisecond)
		default:
			w.violate("%s: %v", what, err)
			return false
		}
	}
	return false
}

func reasonOf(err error) hubbub.Reason {
	if e, ok := errors.AsType[*hubbub.Error](err); ok {
		return e.Reason
	}
	return ""
}

// always is for calls of backends, which are of use until the world ends.
func (w *world) always() bool { return w.ctx.Err() == nil }

// api is a gateway, any, as a backend calls it.
func (w *world) api() client.API { return pick(w.nodes).api }

func pick[T any](from []T) T { return from[mathrand.IntN(len(from))] }

// violate notes what can never be right.
func (w *world) violate(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wrong = append(w.wrong, w.clock()+" "+fmt.Sprintf(format, args...))
}

// note tells what happens to the world.
func (w *world) note(format string, args ...any) {
	w.t.Logf("%s %s", w.clock(), fmt.Sprintf(format, args...))
}

// clock is the time of day in the logs of the gateways, and since the beginning.
func (w *world) clock() string {
	return fmt.Sprintf("%s +%.1fs", time.Now().Format("15:04:05.000"), time.Since(w.began).Seconds())
}

// never returns what can never be right.
func (w *world) never() []string {
	w.mu.Lock()
	wrong := slices.Clone(w.wrong)
	w.mu.Unlock()
	for _, s := range w.streams {
		wrong = append(wrong, s.never()...)
	}
	return append(wrong, w.ear.never()...)
}

// truth is who is connected.
func (w *world) truth() (now truth) {
	for _, s := range w.everySeat() {
		if session, connected := s.now(); connected {
			now = append(now, session)
		}
	}
	return now
}

// say is what the model calls a stream and somebody sends to it, until it is acknowledged or the sender has ended.
func (w *world) say(stream, from string, goes func() bool, send func(ctx context.Context, data, key string) (id string, at hubbub.Position, err error)) bool {
	s, data, key := w.streams[stream], rand.Text(), rand.Text()
	m := message{from: from, data: data}
	s.try(data)
	done := w.insist("send to "+stream, goes, func() (err error) {
		ctx, stop := context.WithTimeout(w.ctx, 3*time.Second)
		defer stop()
		m.id, m.at, err = send(ctx, data, key)
		return err
	})
	if done {
		s.accept(m)
	}
	return done
}
