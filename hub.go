package hubbub

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Hub is one node: it has the sessions of this process. All its methods may be called concurrently.
type Hub struct {
	setup
	parts
	roster
	life
}

// setup is what a hub is given. It is immutable after New.
type setup struct {
	o        Options // with defaults
	driver   Driver
	poster   Poster   // nil if the driver is none
	herald   Herald   // nil if the driver is none
	pipeline Pipeline // nil if the driver is none
	shared   *patient // the driver too, if it is a Shared one; otherwise nil
	ordered  bool     // the driver gives its decisions to handover by itself
	store    Store    // nil if nothing lasts
	rules    []RoomRule
	node     string // this incarnation
	started  time.Time
	log      *slog.Logger
}

// parts are what a hub consists of. Each is safe for concurrent use.
type parts struct {
	rooms      *shelf[*room]
	users      *shelf[*person]
	watches    *shelf[*watch]
	all        *everybody
	expiries   expiries
	turns      turns
	unsaid     unsaid
	counting   counting
	handover   handover
	sweeps     sweeps
	vacancies  *vacancies // nil if nobody wants to know of them
	doubt      doubt      // of a shared driver
	complaints complaints
	reconcile  *reconciler   // nil without a shared driver and a store
	messages   atomic.Uint64 // given out by newID
	people     atomic.Uint64 // that ever came, however often
	blocking   sync.Mutex    // held while a block is set or taken back
}

// roster is who is here. Its fields are guarded by mu.
type roster struct {
	mu       sync.Mutex
	closing  bool // no session is opened any more
	over     bool // nothing is begun any more
	sessions map[*Session]struct{}
	owed     []owed // ends that the driver did not take yet
	renewal  error  // of the lease, the last time
	tally    tally
}

// life is that of what the hub has started: stop ends context, which all of it watches.
type life struct {
	context context.Context
	stop    context.CancelFunc
	ending  chan struct{}  // buffered; tells keepOrder that a session has ended, so that somebody's grace runs
	handing sync.WaitGroup // handover, which ends last of all
	leaving sync.WaitGroup // sessions that are wound up: they need context until they are done
	wg      sync.WaitGroup // the keepers, and those who read what was missed: they end with context
}

// New starts a hub: it takes a lease for the node and subscribes to what concerns everybody. The context is for these
// first calls of the driver. End it with [Hub.Close].
func New(ctx context.Context, o Options) (*Hub, error) {
	if o.Driver == nil {
		return nil, errors.New("hubbub: Options.Driver is missing; for one process use driver/memory")
	}
	o = o.withDefaults()
	h := &Hub{setup: setup{o: o, driver: o.Driver, store: o.Store, log: o.Logger, node: o.Node + "-" + rand.Text()[:10],
		started: time.Now()}}
	for _, r := range o.Rooms {
		h.rules = append(h.rules, r.withDefaults())
	}
	if err := h.checkDurable(); err != nil {
		return nil, err
	}
	h.poster, _ = o.Driver.(Poster)
	h.herald, _ = o.Driver.(Herald)
	h.pipeline, _ = o.Driver.(Pipeline)
	h.share()
	h.handover.init(h)
	if d, ok := o.Driver.(Ordered); ok {
		h.ordered = true
		d.OnDecision(h.handover.add)
	}
	h.rooms = newShelf(Bus(h.driver), h.newRoom)
	h.users = newShelf(Bus(h.driver), h.newPerson)
	h.watches = newShelf(Bus(h.driver), h.newWatch)
	h.all = &everybody{hub: h, crowd: crowd{name: "everybody"}}
	h.counting.hub = h
	h.vacancies = newVacancies(h)
	h.reconcile = newReconciler(h)
	h.doubt.wake = make(chan struct{}, 1)
	h.sessions = map[*Session]struct{}{}
	h.ending = make(chan struct{}, 1)
	h.context, h.stop = context.WithCancel(context.Background())

	if err := h.enter(ctx); err != nil {
		return nil, err
	}
	handing, stop := context.WithCancel(context.Background())
	h.handover.stop = stop
	h.handing.Go(func() { h.handover.run(handing) })
	if h.vacancies != nil {
		h.wg.Go(h.vacancies.keep)
	}
	if h.shared != nil {
		h.wg.Go(h.keepRestored)
	}
	if h.reconcile != nil {
		h.wg.Go(h.reconcile.keep)
	}
	h.wg.Go(h.keepLease)
	h.wg.Go(h.keepOrder)
	h.wg.Go(h.keepTrim)
	return h, nil
}

// share has the calls of a shared driver end in time.
func (h *Hub) share() {
	shared, ok := h.o.Driver.(Shared)
	if !ok {
		return
	}
	h.shared = &patient{Driver: h.o.Driver, Shared: shared, poster: h.poster, pipeline: h.pipeline, herald: h.herald}
	h.driver = h.shared
	if h.poster != nil {
		h.poster = h.shared
	}
	if h.herald != nil {
		h.herald = h.shared
	}
	if h.pipeline != nil {
		h.pipeline = h.shared
	}
}

// enter takes a place among the nodes, and leaves it again if the hub cannot begin.
func (h *Hub) enter(ctx context.Context) error {
	renewal, err := h.driver.Renew(ctx, h.status())
	if err != nil {
		return fmt.Errorf("take a lease for the node: %w", err)
	}
	if renewal.Doubt { // there is nothing to restore, but the driver must hear so
		h.inDoubt()
	}
	unsubscribe, err := h.driver.Subscribe(ctx, Topic{Kind: TopicAll}, h.all)
	if err != nil {
		_, _ = h.driver.Release(ctx, h.node) // if that fails, too, the lease runs out by itself
		return fmt.Errorf("subscribe to what concerns everybody: %w", err)
	}
	h.all.unsubscribe = unsubscribe
	if err := h.resume(ctx); err != nil {
		unsubscribe()
		_, _ = h.driver.Release(ctx, h.node)
		return err
	}
	return nil
}

// resume does what the store remembers of the time before the process began.
func (h *Hub) resume(ctx context.Context) error {
	if err := h.loadRevocations(ctx); err != nil {
		return fmt.Errorf("load what was revoked: %w", err)
	}
	if err := h.takeOver(ctx); err != nil {
		return fmt.Errorf("end the sessions that were open when the process died: %w", err)
	}
	return nil
}

// Node is this incarnation of the node.
func (h *Hub) Node() string { return h.node }

// Len is how many sessions this node has.
func (h *Hub) Len() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.sessions)
}

// Rooms is how many rooms this node has sessions in.
func (h *Hub) Rooms() int {
	h.rooms.mu.Lock()
	defer h.rooms.mu.Unlock()
	return len(h.rooms.items)
}

// newID makes the id of a message or transient event.
func (h *Hub) newID() string {
	return h.node[len(h.o.Node)+1:] + "-" + strconv.FormatUint(h.messages.Add(1), 36)
}

// everybody is all sessions of the node.
type everybody struct {
	// Immutable.
	hub         *Hub
	unsubscribe func()

	mu sync.Mutex
	crowd
}

// Receive gives a broadcast to all sessions, and what concerns the inboxes of all to each user.
func (e *everybody) Receive(event Event) {
	switch event := event.(type) {
	case Announced:
		e.announce(event)
		return
	case InboxChanged:
		e.Missed()
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.deliver(event, nil)
}

// announce gives an announcement to all it is for, and counts it. What is for everybody is encoded and kept in the audience once: given
// to each of 10,000, it took a seventh more of the CPU.
func (e *everybody) announce(event Announced) {
	toAll := len(event.To.Attrs) == 0
	if toAll {
		e.mu.Lock()
		e.deliver(Noticed{Notice: event.Notice}, nil)
		e.mu.Unlock()
	}
	// In the order in which they came: so their conns, and what the kernel has of these, lie one after the other in memory. In the
	// random order of a map 10,000 sends took some 4 % longer.
	people := e.hub.users.all()
	slices.SortFunc(people, func(a, b *person) int { return cmp.Compare(a.number, b.number) })
	var counted lastCounted
	for _, p := range people {
		p.announced(event, !toAll, &counted)
	}
}

// Missed has everybody's counts read again. For broadcasts there is no remedy: they are not kept.
func (e *everybody) Missed() {
	for _, p := range e.hub.users.all() {
		p.recount()
	}
}

func (e *everybody) join(s *Session) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.add(s)
}

func (e *everybody) leave(s *Session) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.remove(s)
}
