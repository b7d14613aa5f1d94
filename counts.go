package hubbub

import (
	"maps"
	"sync"
	"time"
)

// countPause is the least time between two rounds of telling counts: what changes meanwhile is told at once.
const countPause = 25 * time.Millisecond

// counting tells sessions what their users have not dealt with in the inbox, whenever that has changed.
type counting struct {
	hub *Hub // immutable

	mu      sync.Mutex
	changed map[*person]struct{} // whose counts must be read again
	running bool                 // a goroutine does it
}

// note has a person's counts read again soon, and told.
func (c *counting) note(p *person) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.changed == nil {
		c.changed = map[*person]struct{}{}
	}
	c.changed[p] = struct{}{}
	if !c.running {
		c.running = true
		c.hub.begin(c.run)
	}
}

// take returns whose counts have changed. Without any it ends the running.
func (c *counting) take() map[*person]struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	changed := c.changed
	c.changed = nil
	c.running = len(changed) > 0
	return changed
}

// run tells counts until nothing changes any more. The first change is told at once, those that follow shortly are told together.
func (c *counting) run() {
	for pause := firstPause; ; {
		changed := c.take()
		if len(changed) == 0 {
			return
		}
		if err := c.read(changed); err != nil {
			c.hub.complain("count users' notices", err)
			if !c.hub.rest(&pause) {
				return
			}
			continue
		}
		pause = firstPause
		select {
		case <-c.hub.context.Done():
			return
		case <-time.After(countPause):
		}
	}
}

// read reads the counts of some and tells them. If that fails, those who are left are noted again.
func (c *counting) read(changed map[*person]struct{}) error {
	for p := range changed {
		counts, err := c.hub.o.Counts(c.hub.context, p.name)
		if err != nil {
			for left := range changed {
				c.note(left)
			}
			return err
		}
		delete(changed, p)
		p.counted(counts)
	}
	return nil
}

// Counts is what the user has not dealt with in the inbox, as the session was told last or will be told at once. It is shared and
// must not be changed. It tells false where there are no inboxes.
func (s *Session) Counts() (InboxCounts, bool) {
	if counts := s.person.counts.Load(); counts != nil {
		return *counts, true
	}
	return InboxCounts{}, false
}

// recount has the counts read again, and told if they have changed.
func (p *person) recount() {
	if p.hub.o.Counts != nil {
		p.hub.counting.note(p)
	}
}

// counted takes counts that were read, and tells the user's sessions if they are other than what was told last.
func (p *person) counted(counts InboxCounts) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.setCounts(counts)
	now := p.counts.Load()
	if p.told != nil && p.told.equal(now) {
		return
	}
	p.told = now
	p.deliver(InboxCounted{now}, nil)
}

// setCounts takes counts that were read. If an announcement came meanwhile that they do not have, they are read again. The caller
// holds mu.
func (p *person) setCounts(counts InboxCounts) {
	if counts.Revision < p.heard {
		p.recount()
		if p.counts.Load() != nil {
			return
		}
	}
	p.counts.Store(&counts)
}

// announced counts an announcement for the user without reading anything, and tells the notice if nobody else does.
func (p *person) announced(e Announced, tell bool, counted *lastCounted) {
	p.mu.Lock()
	defer p.mu.Unlock()
	meant := e.To.Include(p.attrs)
	if meant && tell {
		p.deliver(Noticed{p.name, e.Notice}, nil)
	}
	if p.hub.o.Counts == nil {
		return
	}
	p.heard = max(p.heard, e.Revision)
	counts := p.counts.Load()
	switch {
	case counts == nil || e.Revision <= counts.Revision: // it is counted already, or is when they are read
	case e.Revision > counts.Revision+1:
		p.hub.counting.note(p) // something came in between that was not told yet
	case meant:
		more := counted.withUnseen(counts, e)
		p.counts.Store(more)
		p.told = more
		p.deliver(InboxCounted{more}, nil) // at once, so that it goes with the notice in one write to the socket
	default:
		same := *counts
		same.Revision = e.Revision
		p.counts.Store(&same)
	}
}

func (c *InboxCounts) equal(other *InboxCounts) bool {
	return c.Unread == other.Unread && c.Unseen == other.Unseen && maps.Equal(c.Categories, other.Categories)
}

// lastCounted is what became of counts when an announcement was added. Most users have the same as the one before, and then share
// what became of it: a map for each would be most of the garbage of an announcement to many.
type lastCounted struct{ before, after *InboxCounts }

// withUnseen returns the counts with the announcement.
func (l *lastCounted) withUnseen(c *InboxCounts, e Announced) *InboxCounts {
	if l.before != nil && l.before.equal(c) {
		return l.after
	}
	category := e.Notice.Category
	more := InboxCounts{c.Unread + 1, c.Unseen + 1, make(map[string]CategoryCounts, len(c.Categories)+1), e.Revision}
	maps.Copy(more.Categories, c.Categories)
	of := more.Categories[category]
	more.Categories[category] = CategoryCounts{of.Unread + 1, of.Unseen + 1}
	l.before, l.after = c, &more
	return &more
}
