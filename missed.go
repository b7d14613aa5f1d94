package hubbub

import "time"

const (
	// findersAtOnce is for how many users is looked at the same time which of their pairs have spoken: when the bus is back that is so for all.
	findersAtOnce = 8
	// pairsAtOnce is how many conversations are read together for it.
	pairsAtOnce = 100
)

// Missed reads from the log what the bus may have lost of the user's pairs. Rooms that the user may not be in any more are left.
func (p *person) Missed() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.recount()
	for _, s := range p.sessions {
		p.hub.begin(func() { s.recheck("") })
	}
	for stream, q := range p.pairs {
		if q.miss() {
			p.hub.begin(func() { p.fetch(stream, q) })
		}
	}
	if p.hub.shared != nil && !p.looking {
		p.looking = true
		p.hub.begin(p.findPairs)
	}
}

// findPairs delivers what was said in pairs of which nothing was heard since the user is here: without what was lost they would be known.
func (p *person) findPairs() {
	h := p.hub
	select {
	case h.finders <- struct{}{}:
	case <-h.context.Done():
		return
	}
	defer func() { <-h.finders }()
	p.mu.Lock()
	p.looking = false // what is lost from now on is to be looked for again
	from := p.since.Add(-clockAllowance)
	p.mu.Unlock()
	pause := firstPause
	for before, more := "", true; more; {
		page, err := h.keeperOf(PairStream(p.name, p.name)).Conversations(h.context, p.name, before, pairsAtOnce)
		if err != nil {
			h.complain("read which pairs have spoken", err)
			if !h.rest(&pause) {
				return
			}
			continue
		}
		more = p.found(page, from) && page.Next != ""
		before = page.Next
	}
}

// found takes the newest message of each pair that is not known, as if the bus had brought it. It tells false once they are older than from.
func (p *person) found(page ConversationPage, from time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range page.Conversations {
		if !c.Last.Time.After(from) {
			return false
		}
		if c.Stream.Room == "" && p.pairs[c.Stream] == nil {
			p.posted(Posted{Message: c.Last, Previous: max(c.Last.Position.Offset, 1) - 1})
		}
	}
	return true
}
