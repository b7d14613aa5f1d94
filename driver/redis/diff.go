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
	args  []string       // as the script has them: first the version
}

// mostArgs is how many arguments a command of a script has at most: Lua's stack is small. It is even.
const mostArgs = 1000

// addAll adds commands with as many arguments as there are, two of which belong together.
func (w *writes) addAll(command, key string, args []string) {
	for some := range slices.Chunk(args, mostArgs) {
		w.add(command, key, some...)
	}
}

// add adds a command.
func (w *writes) add(command, key string, args ...string) {
	at := w.place[key]
	if at == 0 {
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
func (c *decision) diff(k *userKeys, version string, r retention) *writes {
	u, w := c.u, &writes{}
	before, after := u.was, u.index(c.grace)
	name := k.user(u.name)
	fields := u.encode()
	set, del := changes(u.fields, fields)
	if len(set)+len(del)+len(c.told) == 0 {
		return nil
	}
	w.keys, w.place = append(make([]string, 0, 8), name), map[string]int{name: 1}
	w.args = append(make([]string, 0, 64), u.version)
	switch {
	case len(fields) == 0:
		w.add("DEL", name)
	default:
		set = append(set, fieldVersion, version, fieldClock, strconv.FormatInt(u.clock, 10))
		w.addAll("HSET", name, set)
		w.addAll("HDEL", name, del)
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
		if !wasOnline && u.version != "" { // what there was not does not expire
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
func (c *decision) diffSessions(w *writes, k *userKeys, before, after index) {
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
func (c *decision) keep(w *writes, k *userKeys, r retention) {
	due := strconv.FormatInt(c.now+r.lease.Milliseconds(), 10)
	var pending, todo, dues []string
	for _, p := range c.told {
		pending = append(pending, p.ID, p.encode())
		dues = append(dues, due, duePending+p.ID)
	}
	for _, l := range c.left {
		todo = append(todo, l.name(), l.encode())
		dues = append(dues, due, dueLeaving+l.name())
	}
	if len(pending) > 0 {
		key := k.pending(c.told[0].ID)
		w.addAll("HSET", key, pending)
		w.add("PEXPIRE", key, strconv.FormatInt(keptUnconfirmed.Milliseconds(), 10))
	}
	w.addAll("HSET", k.todo, todo)
	w.addAll("ZADD", k.due, dues)
}

// keptUnconfirmed is how long a transition is told again and again, if nobody confirms it.
const keptUnconfirmed = 24 * time.Hour
