package redis

import (
	"context"
	"sync"

	"github.com/hubbub-dev/hubbub"
)

// aging knows when messages of streams that this process has appended to are past their age. It is only to free memory early: whoever reads
// leaves out what is past its age, appending drops it when it is worth it, and streams that nobody appends to are dropped by Redis itself. So
// nothing is lost if it knows of no more than mostAging streams, nor when the process ends.
type aging struct {
	mu  sync.Mutex
	due map[hubbub.Stream]int64 // in ms; at most mostAging
}

const mostAging = 1 << 16

// note takes note of messages that were appended to a stream.
func (a *aging) note(s hubbub.Stream, keep hubbub.Retention, now int64) {
	age := ageMS(keep.Age)
	if age == 0 || keep.Messages < 0 {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.due == nil {
		a.due = map[hubbub.Stream]int64{}
	}
	before, ok := a.due[s]
	if !ok && len(a.due) < mostAging || ok && now+age < before {
		a.due[s] = now + age + 1
	}
}

// over takes the streams that are due, up to limit of them.
func (a *aging) over(now int64, limit int) (some []hubbub.Stream) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for s, due := range a.due {
		if len(some) >= limit {
			break
		}
		if due <= now {
			some = append(some, s)
			delete(a.due, s)
		}
	}
	return some
}

// again says when a stream is due next.
func (a *aging) again(s hubbub.Stream, due int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if before, ok := a.due[s]; due > 0 && (!ok || due < before) {
		a.due[s] = due
	}
}

// Trim implements [hubbub.Log]. It looks at streams that this process has appended to; see aging for the others. Keys and streams that
// nobody uses are forgotten by Redis.
func (d *Driver) Trim(ctx context.Context, limit int) (more bool, err error) {
	a, now := &d.streams.aging, d.nowMs()
	for limit > 0 {
		some := a.over(now, 1)
		if len(some) == 0 {
			return false, nil
		}
		s := some[0]
		counts, err := d.exec(ctx, expireScript, d.streamKeys(s), d.streamArgs(formatMs(int64(limit)))...).AsIntSlice()
		if err == nil && len(counts) != 2 {
			err = errBadEntry
		}
		if err != nil {
			a.again(s, now)
			return false, unavailable(err, "trim "+s.String())
		}
		a.again(s, counts[1])
		limit -= int(counts[0])
	}
	return true, nil
}
