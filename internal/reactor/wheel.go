package reactor

import (
	"math/bits"
	"time"
)

// The wheel's grain is how late a timer may be. A deadline further away than the wheel's span of about ten seconds goes round and is
// looked at once per turn of the wheel.
const (
	grain      = 20 * time.Millisecond
	wheelSlots = 512
)

// wheel holds one timer per conn, in lists that run through the conns themselves. Setting and clearing cost a few pointer writes, so
// ten thousand heartbeats are as cheap as one. It belongs to its loop.
type wheel struct {
	slots [wheelSlots]*Conn
	used  [wheelSlots / 64]uint64
	tick  int64 // the last tick that was looked at
}

// timer is a conn's place in the wheel.
type timer struct {
	next, prev *Conn
	due        int64 // tick; 0 means not set
}

func ticks(d time.Duration) int64 { return int64((d + grain - 1) / grain) }

// set moves c's timer to fire at the first tick that is not before at.
func (w *wheel) set(c *Conn, at time.Duration) {
	w.clear(c)
	c.timer.due = max(ticks(at), w.tick+1)
	i := c.timer.due % wheelSlots
	if head := w.slots[i]; head != nil {
		c.timer.next = head
		head.timer.prev = c
	}
	w.slots[i] = c
	w.used[i/64] |= 1 << (i % 64)
}

func (w *wheel) clear(c *Conn) {
	if c.timer.due == 0 {
		return
	}
	i := c.timer.due % wheelSlots
	if c.timer.next != nil {
		c.timer.next.timer.prev = c.timer.prev
	}
	if c.timer.prev != nil {
		c.timer.prev.timer.next = c.timer.next
	} else {
		w.slots[i] = c.timer.next
	}
	if w.slots[i] == nil {
		w.used[i/64] &^= 1 << (i % 64)
	}
	c.timer = timer{}
}

// advance calls fire for each conn whose timer is due at now. fire may set and clear timers.
func (w *wheel) advance(now time.Duration, fire func(*Conn)) {
	target := int64(now / grain)
	// After a long pause every slot is looked at once, not once per missed tick.
	if target-w.tick > wheelSlots {
		w.tick = target - wheelSlots
	}
	for w.tick < target {
		w.tick++
		w.fireSlot(w.tick%wheelSlots, target, fire)
	}
}

func (w *wheel) fireSlot(i, target int64, fire func(*Conn)) {
	// fire may change this very list, so it is taken apart from the front: due conns leave it, the others are put back.
	var later []*Conn
	for c := w.slots[i]; c != nil; c = w.slots[i] {
		due := c.timer.due
		w.clear(c)
		if due <= target {
			fire(c)
			continue
		}
		c.timer.due = due // not in the wheel until put back below
		later = append(later, c)
	}
	for _, c := range later {
		at := time.Duration(c.timer.due) * grain
		c.timer.due = 0
		w.set(c, at)
	}
}

// next is when the wheel wants to be advanced, or false if it is empty.
func (w *wheel) next() (time.Duration, bool) {
	start := w.tick + 1
	for n := int64(0); n < wheelSlots; {
		i := (start + n) % wheelSlots
		if word := w.used[i/64] >> (i % 64); word != 0 {
			return time.Duration(start+n+int64(bits.TrailingZeros64(word))) * grain, true
		}
		n += 64 - i%64
	}
	return 0, false
}
