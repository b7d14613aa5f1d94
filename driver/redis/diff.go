package redis

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// index is what keys other than the user's own say about a user.
type index struct {
	online   bool
	grace    int64             // when it is over, in ms; 0 if the user is not in it
	sessions map[string]string // the leases of the sessions, by id
}

func (u *user) index(grace int64) index {
	i := index{online: u.online, sessions: make(map[string]string, len(u.sessions))}
	if u.online && len(u.sessions) == 0 {
		i.grace = u.seen + grace
	}
	for _, s := range u.sessions {
		i.sessions[s.ID] = s.lease
	}
	return i
}

// writes are commands for keys of one slot, which a script runs if the user's version is what it was.
type writes struct {
	keys  []string
	place map[string]int // of the keys, from 1 on
	args  []string
}

// mostArgs is how many arguments a command of a script has at most: Lua's stack is small. It is even.
const mostArgs = 1000

// add adds a command.
func (w *writes) add(command, key string, args ...string) {
	at := w.place[key]
	if at == 0 {
		if w.place == nil {
			w.place = make(map[string]int)
		}
		w.keys = append(w.keys, key)
		at = len(w.keys)
		w.place[key] = at
	}
	w.args = append(w.args, command, strconv.Itoa(at), strconv.Itoa(len(args)))
	w.args = append(w.args, args...)
}

// retention is how long what is kept of users who are offline stays at least.
type retention struct{ lease, lastSeen time.Duration }

// diff makes the writes of what a decision has changed, in the slot of the user; nil if it has changed nothing. All is written in one step,
// so that whoever dies leaves nothing half done there: what is to be done in other slots is among it, as something that is left to do.
func (c *decision) diff(k userKeys, version string, r retention) *writes {
	u, w := c.u, &writes{}
	before, after := u.was, u.index(c.grace)
	name := k.user(u.name)
	fields := u.encode()
	set, del := changes(u.fields, fields)
	if len(set)+len(del)+len(c.told) == 0 {
		return nil
	}
	w.keys, w.place = []string{name}, map[string]int{name: 1}
	switch {
	case len(fields) == 0:
		w.add("DEL", name)
	default:
		set = append(set, fieldVersion, version, fieldClock, strconv.FormatInt(u.clock, 10))
		for some := range slices.Chunk(set, mostArgs) {
			w.add("HSET", name, some...)
		}
		for some := range slices.Chunk(del, mostArgs) {
			w.add("HDEL", name, some...)
		}
		c.expire(w, name, before.online, r)
	}
	if after.online && !before.online {
		w.add("ZADD", k.online, "0", u.name)
	}
	if before.online && !after.online {
		w.add("ZREM", k.online, u.name)
	}
	switch {
	case before.grace == after.grace:
	case after.grace != 0:
		w.add("ZADD", k.grace, strconv.FormatInt(after.grace, 10), u.name)
	default:
		w.add("ZREM", k.grace, u.name)
	}
	c.diffSessions(w, k, before, after)
	c.keep(w, k, r)
	return w
}

// changes returns the fields to be set, each with its value, and those to be removed. What a newer version of this program has put there is
// left alone.
func changes(before, after map[string]string) (set, del []string) {
	for field, value := range after {
		if before[field] != value {
			set = append(set, field, value)
		}
	}
	for field := range before {
		if _, ok := after[field]; !ok && isState(field) {
			del = append(del, field)
		}
	}
	return set, del
}

// isState tells whether a field is one that [user.encode] makes.
func isState(field string) bool {
	switch {
	case strings.HasPrefix(field, fieldSession), strings.HasPrefix(field, fieldRooms), strings.HasPrefix(field, fieldEnded):
		return true
	}
	switch field {
	case fieldOnline, fieldCame, fieldSeen, fieldInfo, fieldErased, fieldRevoked, fieldFences:
		return true
	}
	return false
}

// expire has Redis forget who is offline, some time after nobody needs it any more.
func (c *decision) expire(w *writes, name string, wasOnline bool, r retention) {
	u := c.u
	if u.online {
		if !wasOnline {
			w.add("PERSIST", name)
		}
		return
	}
	keep := int64(0)
	if u.seen != 0 {
		keep = r.lastSeen.Milliseconds()
	}
	for _, e := range u.ended {
		keep = max(keep, e.until-c.now)
	}
	for _, f := range u.fences {
		keep = max(keep, f.Until-c.now)
	}
	for _, revoked := range u.revoked {
		if revoked.Until.IsZero() {
			w.add("PERSIST", name)
			return
		}
		keep = max(keep, revoked.Until.UnixMilli()-c.now)
	}
	w.add("PEXPIRE", name, strconv.FormatInt(keep+time.Hour.Milliseconds(), 10))
}

// diffSessions writes which sessions there are of which lease, and how many in all.
func (c *decision) diffSessions(w *writes, k userKeys, before, after index) {
	nodes := map[string]string{}
	for _, s := range c.u.sessions {
		nodes[s.lease] = s.Node
	}
	for id, lease := range before.sessions {
		if after.sessions[id] != lease {
			w.add("SREM", k.of(lease), c.u.name+" "+id)
		}
	}
	for id, lease := range after.sessions {
		if before.sessions[id] != lease {
			w.add("SADD", k.of(lease), c.u.name+" "+id)
			w.add("HSET", k.leases, lease, nodes[lease])
		}
	}
	if n := len(after.sessions) - len(before.sessions); n != 0 {
		w.add("INCRBY", k.count, strconv.Itoa(n))
	}
}

// keep writes what must be told until it is confirmed, and what is left to do in other slots.
func (c *decision) keep(w *writes, k userKeys, r retention) {
	due := strconv.FormatInt(c.now+r.lease.Milliseconds(), 10)
	for _, p := range c.told {
		pending := k.pending(p.ID)
		w.add("HSET", pending, p.ID, p.encode())
		w.add("PEXPIRE", pending, strconv.FormatInt(keptUnconfirmed.Milliseconds(), 10))
		w.add("ZADD", k.due, due, duePending+p.ID)
	}
	for _, l := range c.left {
		w.add("HSET", k.todo, l.name(), l.encode())
		w.add("ZADD", k.due, due, dueLeaving+l.name())
	}
}

// keptUnconfirmed is how long a transition is told again and again, if nobody confirms it.
const keptUnconfirmed = 24 * time.Hour
