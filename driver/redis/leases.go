package redis

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// leases are what an instance knows of the leases of all nodes. It is immutable. A lease is one unbroken life of a node; one that was taken
// for lost does not come back: its node gets a new one.
type leases struct {
	byID   map[string]lease
	byNode map[string]string // the lease of each node that is not lost
	epoch  string            // another one if the registry was emptied
	gone   string            // rises when a node has gone
	read   int64             // when, in ms
	// mercy is until when nobody is taken for dead whose lease only seems to have run out, since the server was away, or is another one.
	mercy int64
}

type lease struct {
	node  string
	until int64 // in ms
	lost  bool  // somebody has claimed it to end its sessions, or has released it
	claim int64 // of a lost one: until when others leave its sessions alone
}

// alive tells whether sessions of a lease are there.
func (ls *leases) alive(id string, now int64) bool {
	l, ok := ls.byID[id]
	switch {
	case !ok: // the registry was emptied, or a node stood still while it added a session
		return now < ls.mercy
	case l.lost:
		return false
	}
	return l.until > now || now < ls.mercy
}

// end returns when a lease has ended, or will.
func (ls *leases) end(id string, now int64) int64 {
	if l, ok := ls.byID[id]; ok {
		return l.until
	}
	return now
}

// sure tells whether more cannot be learnt about a lease: it is not over by far, or for good.
func (ls *leases) sure(id string, now int64) bool {
	l, ok := ls.byID[id]
	return ok && (l.lost || l.until > now)
}

// of returns the lease of a node that lives; "" if it has none.
func (ls *leases) of(node string, now int64) string {
	id := ls.byNode[node]
	if id == "" || ls.byID[id].until <= now {
		return ""
	}
	return id
}

// Fields of the hash of leases: with a colon, of nodes and of lost leases.
const (
	fieldEpoch = "epoch"
	fieldGone  = "gone"
	fieldNode  = "n:" // followed by the node: its lease, and until when
	fieldLost  = "l:" // followed by the lease: until when it was, until when it is claimed, and its node
)

func parseLeases(fields map[string]string) *leases {
	ls := &leases{byID: make(map[string]lease, len(fields)), byNode: make(map[string]string, len(fields)),
		epoch: fields[fieldEpoch], gone: fields[fieldGone]}
	for field, value := range fields {
		w := strings.SplitN(value, " ", 3)
		if node, ok := strings.CutPrefix(field, fieldNode); ok && len(w) == 2 {
			ls.byNode[node], ls.byID[w[0]] = w[0], lease{node: node, until: integer(w[1])}
		}
		if id, ok := strings.CutPrefix(field, fieldLost); ok && len(w) == 3 {
			ls.byID[id] = lease{node: w[2], until: integer(w[0]), lost: true, claim: integer(w[1])}
		}
	}
	return ls
}

// registry is what an instance remembers of the registry, so that it asks for little. All of it is safe for concurrent use.
type registry struct {
	users      [buckets]userKeys                    // immutable
	rooms      [buckets]roomKeys                    // immutable
	onDecision func([]transition)                   // immutable after OnDecision
	hook       func(step string, before bool) error // of tests: is called around each round trip, which fails if it says so; nil for none

	locks     [buckets]lock   // one decision about the users of a bucket at a time, in this process
	names     [buckets]string // by which this instance decides: another one after a decision whose answer is lost; guarded by locks
	reaping   lock
	due       [buckets]atomic.Int64 // when something may be due in a bucket, in ms, as far as is known here; never for nothing
	writes    atomic.Uint64         // decisions and renewals that were written, and leases that were read
	doubts    atomic.Uint64         // how often something has happened after which the registry may not have what it had
	mercy     atomic.Int64          // see leases
	orphans   atomic.Bool           // leases that nobody knows are to be looked for when mercy is over
	turn      turn
	reminders reminders
	ghosts    search // guarded by reaping

	loading lock
	loads   atomic.Uint64 // loads that have begun
	mu      sync.Mutex
	view    *leases             // guarded by mu
	nodes   map[string]*ownNode // that renew here; guarded by mu
	counts  cachedCounts
}

// never is later than everything.
const never = int64(1)<<62 - 1

// note says that something will be due in a bucket.
func (r *registry) note(bucket int, at int64) {
	for old := r.due[bucket].Load(); at < old; old = r.due[bucket].Load() {
		if r.due[bucket].CompareAndSwap(old, at) {
			return
		}
	}
}

// lookEverywhere has all buckets looked at by the next Reap.
func (r *registry) lookEverywhere() {
	for i := range r.due {
		r.due[i].Store(0)
	}
}

// doubt says that contact was lost, or something written may have been lost. It may be called at any time.
func (d *Driver) doubt() {
	r := &d.registry
	r.mercy.Store(d.nowMs() + d.options.Lease.Milliseconds())
	r.orphans.Store(true)
	r.doubts.Add(1)
}

func (d *Driver) nowMs() int64 { return d.now().UnixMilli() }

func (d *Driver) leasesKey() string { return d.options.Prefix + nodesTag + "leases" }
func (d *Driver) statusKey() string { return d.options.Prefix + nodesTag + "status" }
func (d *Driver) missedKey(node string) string {
	return d.options.Prefix + nodesTag + "ended:" + node
}

// knownLeases returns what is known of the leases, without asking.
func (d *Driver) knownLeases() *leases {
	r := &d.registry
	r.mu.Lock()
	defer r.mu.Unlock()
	ls := *r.view
	ls.mercy = r.mercy.Load()
	return &ls
}

// leasesFor returns what is known of the leases. If one of those named seems to be over it asks anew.
func (d *Driver) leasesFor(ctx context.Context, now int64, ids func(yield func(string) bool)) (*leases, error) {
	ls := d.knownLeases()
	for id := range ids {
		if !ls.sure(id, now) {
			return d.loadLeases(ctx)
		}
	}
	return ls, nil
}

// loadLeases asks for the leases. Those who ask at the same time share an answer, unless it was asked for before.
func (d *Driver) loadLeases(ctx context.Context) (*leases, error) {
	r := &d.registry
	begun := r.loads.Load()
	if err := r.loading.take(ctx); err != nil {
		return nil, err
	}
	defer r.loading.release()
	if r.loads.Load() > begun+1 {
		return d.knownLeases(), nil // one that began after this call has ended
	}
	r.loads.Add(1)
	now := d.nowMs()
	results, err := d.trip(ctx, "read the leases", d.b().Hgetall().Key(d.leasesKey()).Build())
	if err != nil {
		return nil, err
	}
	fields, err := results[0].AsStrMap()
	if err != nil {
		return nil, unavailable(err, "read the leases")
	}
	ls := parseLeases(fields)
	ls.read = now
	d.see(ls)
	return d.knownLeases(), nil
}

// see takes what was read of the leases.
func (d *Driver) see(ls *leases) {
	r := &d.registry
	r.mu.Lock()
	defer r.mu.Unlock()
	before := r.view
	for node, own := range r.nodes { // what this process has renewed meanwhile
		if l, ok := ls.byID[own.lease]; ok && !l.lost && ls.byNode[node] == own.lease && l.until < own.until {
			l.until = own.until
			ls.byID[own.lease] = l
		}
	}
	r.view = ls
	r.writes.Add(1)
	if before.epoch != "" && before.epoch != ls.epoch {
		d.doubt()
	}
	if before.gone != ls.gone || before.epoch != ls.epoch {
		r.lookEverywhere()
	}
}

// leaseOf returns the lease of a node that lives, for a session to be opened.
func (d *Driver) leaseOf(ctx context.Context, node string) (string, error) {
	now := d.nowMs()
	if id := d.knownLeases().of(node, now); id != "" {
		return id, nil
	}
	ls, err := d.loadLeases(ctx)
	if err != nil {
		return "", err
	}
	if id := ls.of(node, now); id != "" {
		return id, nil
	}
	return "", errNoLease(node)
}

func formatMs(ms int64) string { return strconv.FormatInt(ms, 10) }
