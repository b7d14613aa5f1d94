package redis

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/redis/rueidis"

	"github.com/hubbub-dev/hubbub"
)

var (
	readScript   = newScript("stream", "read")
	expireScript = newScript("stream", "expire")
)

// streams is what the driver knows of streams besides what is in Redis. It is safe for concurrent use.
type streams struct {
	appends    appends
	taken      cache[taker, taken]
	allowances cache[string, allowance]
	aging      aging
}

// clockSkew is how far the clocks of nodes and Redis may be apart, by which messages that are past their age are not lost too early.
const clockSkew = time.Hour

// Append implements [hubbub.Log].
func (d *Driver) Append(ctx context.Context, draft hubbub.Draft) (hubbub.Appended, error) {
	return d.append(&waiting{ctx: ctx, draft: draft})
}

// Post implements [hubbub.Poster]. A message to a room is published in the step that appends it. One of a pair is published after that, to
// both users: if that fails it is accepted nevertheless, and Unheard, unless nothing is kept.
func (d *Driver) Post(ctx context.Context, draft hubbub.Draft) (hubbub.Appended, error) {
	return d.append(&waiting{ctx: ctx, draft: draft, post: true})
}

// BeginPost implements [hubbub.Pipeline]. It waits for Redis itself where a budget, or who takes part in the stream, must be noted first,
// which most messages need not.
func (d *Driver) BeginPost(ctx context.Context, draft hubbub.Draft, done func(hubbub.Appended, error)) {
	d.beginAppend(&waiting{ctx: ctx, draft: draft, post: true, done: done})
}

// append appends and waits for that.
func (d *Driver) append(w *waiting) (hubbub.Appended, error) {
	type result struct {
		hubbub.Appended
		error
	}
	got := make(chan result, 1)
	w.done = func(a hubbub.Appended, err error) { got <- result{a, err} }
	d.beginAppend(w)
	select {
	case r := <-got:
		return r.Appended, r.error
	case <-w.ctx.Done():
		return hubbub.Appended{}, w.ctx.Err()
	}
}

// beginAppend notes what has to be noted before a message, and has it appended.
func (d *Driver) beginAppend(w *waiting) {
	user, now := w.draft.Message.From.User, d.nowMs()
	w.cost = d.costOf(&w.draft)
	if err := d.spend(w.ctx, user, w.cost, now); err != nil {
		if !d.knows(w.ctx, &w.draft) {
			w.done(hubbub.Appended{}, err)
			return
		}
		w.cost = 0 // it was paid for before
	}
	var err error
	if w.note, err = d.noteTakers(w.ctx, &w.draft, now); err != nil {
		d.refund(user, w.cost)
		w.done(hubbub.Appended{}, err)
		return
	}
	d.enqueue(w)
}

// appended tells what has become of a draft. It does not wait for Redis.
func (d *Driver) appended(w *waiting, o *outcome) {
	if o.err != nil || o.again != nil {
		d.refund(w.draft.Message.From.User, w.cost)
	}
	if o.err != nil {
		w.done(hubbub.Appended{}, o.err)
		return
	}
	if d.holds(&w.note, o) {
		w.done(o.message(&w.draft), nil)
		return
	}
	d.streams.appends.running.Go(func() { d.renote(w, o) })
}

// renote writes a note again before the end of an append is told.
func (d *Driver) renote(w *waiting, o *outcome) {
	if err := d.writeNote(context.Background(), &w.note); err != nil {
		d.options.Logger.Warn("cannot note who takes part in a stream; it is tried again with the next message", "error", err)
	}
	w.done(o.message(&w.draft), nil)
}

// After implements [hubbub.Log]. A page ends early, with More, after some MiB.
func (d *Driver) After(ctx context.Context, s hubbub.Stream, p hubbub.Position, limit int) (hubbub.Page, error) {
	return d.readStream(ctx, s, p, limit, true)
}

// Before implements [hubbub.Log]. A page ends early, with More, after some MiB.
func (d *Driver) Before(ctx context.Context, s hubbub.Stream, p hubbub.Position, limit int) (hubbub.Page, error) {
	return d.readStream(ctx, s, p, limit, false)
}

// readStream reads a page. A room begins by being read, since sessions get its head when they join. A pair does not: who asks for the messages
// of made-up people would fill the memory.
func (d *Driver) readStream(ctx context.Context, s hubbub.Stream, p hubbub.Position, limit int, forward bool) (hubbub.Page, error) {
	args := d.streamArgs(flag(forward), p.Epoch, strconv.FormatUint(p.Offset, 10), strconv.Itoa(max(0, limit)), flag(s.Room != ""))
	page, err := parsePage(s, d.exec(ctx, readScript, d.streamKeys(s), args...), forward)
	return page, unavailable(err, "read "+s.String())
}

// flag is how scripts get a truth.
func flag(yes bool) string {
	if yes {
		return "1"
	}
	return "0"
}

// parsePage reads a page, of which the newest entry is the last one that comes if it was read forward, and else the first.
func parsePage(s hubbub.Stream, r rueidis.RedisResult, forward bool) (page hubbub.Page, err error) {
	parts, err := r.ToArray()
	if err != nil {
		return page, err
	}
	if len(parts) != 7 {
		return page, errBadEntry
	}
	epoch, err := parts[0].ToString()
	var n [5]int64
	for i := range n {
		var wrong error
		if n[i], wrong = parts[1+i].AsInt64(); wrong != nil || n[i] < 0 {
			err = errBadEntry
		}
	}
	entries, err2 := parts[6].ToArray()
	if err != nil || err2 != nil {
		return page, errBadEntry
	}
	page = hubbub.Page{Head: hubbub.Position{Epoch: epoch, Offset: uint64(n[0])}, Complete: n[1] == 1, More: n[2] == 1}
	if !forward {
		slices.Reverse(entries)
	}
	page.Messages = slices.Grow(page.Messages, len(entries))
	for i := range entries {
		e, err := parseEntry(&entries[i])
		if err == nil {
			page.Messages, err = e.appendMessages(page.Messages, s, epoch, uint64(n[3]), uint64(n[4]))
		}
		if err != nil {
			return hubbub.Page{}, err
		}
	}
	return page, nil
}
