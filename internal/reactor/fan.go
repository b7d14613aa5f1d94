package reactor

import (
	"slices"
	"sync"
	"sync/atomic"
)

// Policy says what happens to a member whose socket does not take a fan's packets as fast as they come.
type Policy uint8

const (
	// PolicyClose tells the member's Handler that it is Slow once more waits than its limit.
	PolicyClose Policy = iota
	// PolicyDropOldest skips the oldest packets of the fan that wait for the member.
	PolicyDropOldest
	// PolicyLatest lets a packet take the place of a waiting one with the same key, and is PolicyDropOldest otherwise.
	PolicyLatest
)

// DefaultLog is the size of a fan's log in bytes.
const DefaultLog = 4 << 20

// FanConfig configures a Fan. The zero value works.
type FanConfig struct {
	Policy Policy
	Limit  int // bytes of this fan that may wait for one member; 0 means the conn's limit
	Log    int // bytes of packets that are not given to every member yet; 0 means DefaultLog
	Meta   any // the owner's
}

// Fan is a set of conns that one Broadcast reaches. Add, Remove and Broadcast may be called concurrently; what one goroutine does takes
// effect in the order of its calls.
type Fan struct {
	FanConfig // immutable

	reactor *Reactor

	// Guarded by mu, which also makes all loops see broadcasts and memberships in one order.
	mu    sync.Mutex
	parts []*part // by loop; nil where the fan never had a member

	// Guarded by room.
	room    sync.Mutex
	freed   sync.Cond
	size    int // bytes in the logs, each packet once
	waiting int // goroutines in Broadcast

	// Safe for concurrent use.
	skipped, skippedBytes, slow atomic.Uint64
}

// part is a fan in one loop, and belongs to it.
type part struct {
	fan     *Fan
	members []*Conn
	log     []entry
	hand    int    // the next member to be visited in this round
	goal    uint64 // when the round ends, every entry up to this number has reached every member
	active  bool   // in loop.active
}

// entry is a packet in a part's log.
type entry struct {
	seq    uint64
	packet *Packet
	except []*Conn
	part   *part
}

// place is a conn's membership in a part.
type place struct {
	part   *part
	at     int // index in part.members
	queued int // bytes of the part that wait in the conn's pending list
}

// NewFan makes a fan for the reactor's conns. It holds nothing outside itself while it has no members.
func (r *Reactor) NewFan(cfg FanConfig) *Fan {
	if cfg.Log <= 0 {
		cfg.Log = DefaultLog
	}
	f := &Fan{FanConfig: cfg, reactor: r, parts: make([]*part, len(r.loops))}
	f.freed.L = &f.room
	return f
}

// Add makes c a member. c must not be one already. Any goroutine.
func (f *Fan) Add(c *Conn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := f.parts[c.loop.index]
	if p == nil {
		p = &part{fan: f}
		f.parts[c.loop.index] = p
	}
	c.loop.call(func() { c.join(p) })
}

// Remove ends c's membership; what was broadcast before still reaches it. Any goroutine.
func (f *Fan) Remove(c *Conn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if p := f.parts[c.loop.index]; p != nil {
		c.loop.call(func() { c.leave(p) })
	}
}

// Broadcast sends p to every member but those in except, which must not be changed afterwards. It waits while the fan's log is full, and
// so must not be called by a loop.
func (f *Fan) Broadcast(p *Packet, except ...*Conn) {
	size := len(p.Plain)
	f.room.Lock()
	for f.size > 0 && f.size+size > f.Log {
		f.waiting++
		f.freed.Wait()
		f.waiting--
	}
	f.size += size
	f.room.Unlock()

	f.mu.Lock()
	defer f.mu.Unlock()
	// The count is complete before the first loop can take its share off.
	holders := int32(0)
	for _, part := range f.parts {
		if part != nil {
			holders++
		}
	}
	p.logs.Store(holders)
	if holders == 0 {
		f.release(size)
		return
	}
	for i, part := range f.parts {
		if part != nil {
			f.reactor.loops[i].post(command{op: opBroadcast, fan: f, packet: p, except: except})
		}
	}
}

// Free is how many bytes Broadcast would take now without waiting. Any goroutine.
func (f *Fan) Free() int {
	f.room.Lock()
	defer f.room.Unlock()
	return max(0, f.Log-f.size)
}

// release gives room in the log.
func (f *Fan) release(size int) {
	f.room.Lock()
	f.size -= size
	wake := f.waiting > 0
	f.room.Unlock()
	if wake {
		f.freed.Broadcast()
	}
}

// Skipped tells how many packets and bytes the policy has skipped, and how many members were Slow. Any goroutine.
func (f *Fan) Skipped() (packets, bytes, slow uint64) {
	return f.skipped.Load(), f.skippedBytes.Load(), f.slow.Load()
}

// join, leave and leaveAll bring the conn up to date first, so that exactly the broadcasts from before or after reach it.
func (c *Conn) join(p *part) {
	if c.flags.sealed || c.flags.ended {
		return
	}
	c.catchUp()
	c.fans = append(c.fans, place{part: p, at: len(p.members)})
	p.members = append(p.members, c)
}

func (c *Conn) leave(p *part) {
	if c.place(p) == nil {
		return
	}
	c.catchUp()
	i := slices.IndexFunc(c.fans, func(at place) bool { return at.part == p })
	at := c.fans[i].at
	c.fans = slices.Delete(c.fans, i, i+1)
	for i := range c.pending[c.head:] {
		if it := &c.pending[c.head+i]; it.from == p {
			it.from = nil // it is no longer the fan's to skip, nor counted with what comes after a new join
		}
	}
	p.remove(at)
}

func (c *Conn) leaveAll() {
	for n := len(c.fans); n > 0; n = len(c.fans) {
		at := c.fans[n-1]
		c.fans = c.fans[:n-1]
		at.part.remove(at.at)
	}
}

// place is c's membership in p, or nil.
func (c *Conn) place(p *part) *place {
	for i := range c.fans {
		if c.fans[i].part == p {
			return &c.fans[i]
		}
	}
	return nil
}

// remove takes the i-th member out and puts the last one in its place, which the round may not have reached there: so it is visited now.
func (p *part) remove(i int) {
	last := len(p.members) - 1
	moved := p.members[last]
	p.members[i] = moved
	p.members[last] = nil
	p.members = p.members[:last]
	if i == last {
		return
	}
	moved.place(p).at = i
	if i < p.hand && last >= p.hand {
		moved.catchUp()
	}
}
