package redis

import (
	"context"
	"runtime"
	"sync"

	"github.com/hubbub-dev/hubbub"
)

// appends are the messages that wait to be appended. They go to Redis one call after the other, and all that have come meanwhile go with the
// next call: so those of a stream are accepted in the order of their positions, and the more there are, the less each costs. A call costs
// this process, the kernel and Redis several times what one more message in it does, so all streams share it; but in a Cluster, where a call
// may touch one slot, each stream has calls of its own. There are as many messages as callers wait.
type appends struct {
	mu      sync.Mutex
	waiting map[hubbub.Stream][]*waiting // with a key while somebody appends; outside of a Cluster the only one is the zero value
	running sync.WaitGroup
}

// waiting is a draft that is to be appended.
type waiting struct {
	ctx   context.Context
	draft hubbub.Draft
	post  bool // publish it, too
	cost  int  // what the sender has paid
	note  note // of who takes part in the stream by it
	done  func(hubbub.Appended, error)
}

// outcome is what has become of a draft.
type outcome struct {
	at    hubbub.Position  // zero if the message has none
	again *hubbub.Appended // of a key that is known, what was accepted with it
	life  string           // of the stream, see streamState
	begun bool             // nothing was ever appended before, and nothing erased
	mute  bool             // it could not be published
	err   error
}

// message is what was accepted of a draft.
func (o *outcome) message(draft *hubbub.Draft) hubbub.Appended {
	if o.again != nil {
		a := *o.again
		a.Unheard = o.mute
		return a
	}
	a := hubbub.Appended{Message: draft.Message, Unheard: o.mute}
	if a.Message.Position = o.at; o.at.Offset > 0 {
		a.Previous = o.at.Offset - 1
	}
	return a
}

// One call appends at most so many messages, with at most so many bytes of data unless it is one message. It takes Redis less than 2 ms.
const (
	mostAtOnce  = 256
	bytesAtOnce = 256 << 10
)

// enqueue has a draft appended. What has begun is done also if its context ends.
func (d *Driver) enqueue(w *waiting) {
	q, line := &d.streams.appends, hubbub.Stream{}
	if d.bus.slots != nil {
		line = w.draft.Message.Stream
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	others, busy := q.waiting[line]
	if q.waiting == nil {
		q.waiting = map[hubbub.Stream][]*waiting{}
	}
	q.waiting[line] = append(others, w)
	if !busy {
		q.running.Go(func() { d.appendAll(line) })
	}
}

// appendAll appends what waits in a line until there is nothing more.
func (d *Driver) appendAll(line hubbub.Stream) {
	for {
		runtime.Gosched() // who was told of the last call has the next message at once, while nothing else is to be done
		batch, late := d.streams.appends.next(line)
		for _, w := range late {
			d.appended(w, &outcome{err: w.ctx.Err()})
		}
		if len(batch) == 0 {
			return
		}
		d.appendBatch(batch)
	}
}

// next takes the messages of the next call, and those before and between whose contexts have ended. If there are none of the former the line is
// left.
func (q *appends) next(line hubbub.Stream) (batch, late []*waiting) {
	q.mu.Lock()
	defer q.mu.Unlock()
	all, bytes, n := q.waiting[line], 0, 0
	for _, w := range all {
		if w.ctx.Err() != nil {
			late = append(late, w)
			n++
			continue
		}
		bytes += len(w.draft.Message.Data)
		if len(batch) > 0 && (len(batch) == mostAtOnce || bytes > bytesAtOnce) {
			break
		}
		batch = append(batch, w)
		n++
	}
	if len(batch) == 0 {
		delete(q.waiting, line)
		return nil, late
	}
	q.waiting[line] = all[n:]
	return batch, late
}

// appendBatch appends messages and tells those who wait.
func (d *Driver) appendBatch(batch []*waiting) {
	ctx := context.Background() // what has begun is finished; the client bounds how long that takes
	groups := groupsOf(batch)
	keys, args := d.appendArgs(groups)
	parseAppended(d.exec(ctx, appendScript, keys, args...), groups)
	now := d.nowMs()
	for _, g := range groups {
		if g.accept() {
			d.streams.aging.note(g.stream, g.of[0].draft.Retention, now)
		}
	}
	d.publishAll(ctx, groups)
	for _, g := range groups {
		if g.unheard != nil {
			d.options.Logger.Warn("cannot publish what was appended; it is tried again", "stream", g.stream.String(), "error", g.unheard)
		}
		for i, w := range g.of {
			o := &g.outcomes[i]
			o.mute = g.unheard != nil && w.post && g.owes(o)
			if g.unheard != nil && o.err == nil && w.draft.Retention.Messages < 0 && g.stream.Room == "" {
				o.err = g.unheard // nobody can read it later
			}
			d.appended(w, o)
		}
	}
}

// accept tells of the positions, in their order, and notes what is to be published yet. It is false if nothing was.
func (g *group) accept() (some bool) {
	for i, w := range g.of {
		o := &g.outcomes[i]
		if o.err != nil {
			continue
		}
		some = true
		if o.again == nil && w.draft.Accepted != nil {
			w.draft.Accepted(o.message(&w.draft))
		}
		if w.post && g.owes(o) {
			a := o.message(&w.draft)
			g.events = append(g.events, hubbub.Posted{Message: a.Message, Previous: a.Previous})
		}
	}
	return some
}

// owes tells whether a message is to be published by itself, which the script does with a new one of a room.
func (g *group) owes(o *outcome) bool {
	return o.again == nil && g.stream.Room == "" || o.again != nil && o.again.Message.Position.Offset > 0
}
