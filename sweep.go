package hubbub

import (
	"slices"
	"sync"
	"time"
)

const (
	// sweepers is how many users' conversations a node reads at once when the bus may have lost something: all users hear at the same time
	// that it is back.
	sweepers = 4
	// sweepPage is how many conversations are read at once. Mostly none or one of them is new.
	sweepPage = 16
	// maxSwept is how many messages of a pair are told again at most. Of those before the client hears when it reads the history.
	maxSwept = 1000
)

// sweeps are the users in whose conversations may be something that the bus has lost: pairs of which this node has heard nothing yet.
type sweeps struct {
	mu      sync.Mutex
	waiting []*person // each once
	running int
}

// sweep has the user's conversations read. The caller holds the person's mu.
func (p *person) sweep() {
	p.unheard = true
	if p.sweeping {
		return
	}
	p.sweeping = true
	p.hub.sweeps.add(p)
}

func (w *sweeps) add(p *person) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waiting = append(w.waiting, p)
	if w.running < sweepers {
		w.running++
		p.hub.begin(func() { w.run(p.hub) })
	}
}

func (w *sweeps) next() *person {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.waiting) == 0 {
		w.waiting = nil // so that those who have left can be collected
		w.running--
		return nil
	}
	p := w.waiting[0]
	w.waiting = w.waiting[1:]
	return p
}

// run reads for one user after the other until nobody waits. What fails is tried again after all others.
func (w *sweeps) run(h *Hub) {
	pause := firstPause
	for p := w.next(); p != nil; p = w.next() {
		err := p.readUnheard()
		if err == nil {
			pause = firstPause
			continue
		}
		h.complain("read which conversations have gone on", err)
		if !h.rest(&pause) {
			return
		}
		w.add(p)
	}
}

// readUnheard delivers what was said, since the user is here, in pairs that are not known here.
func (p *person) readUnheard() error {
	h := p.hub
	for {
		p.mu.Lock()
		since, began := p.since, time.Now()
		p.unheard = false
		here := len(p.sessions) > 0
		p.mu.Unlock()
		if here {
			if err := p.readSince(since.Add(-clockAllowance)); err != nil {
				return err
			}
		}
		p.mu.Lock()
		if here && p.since.Equal(since) {
			p.since = began // what came before is told
		}
		again := p.unheard && here && h.context.Err() == nil
		p.sweeping = again
		p.mu.Unlock()
		if !again {
			return nil
		}
	}
}

// readSince reads the user's conversations, the newest first, until one has ended before a time.
func (p *person) readSince(from time.Time) error {
	h := p.hub
	before := ""
	for range maxPairs / sweepPage {
		page, err := h.keeperOf(Stream{}).Conversations(h.context, p.name, before, sweepPage)
		if err != nil {
			return err
		}
		for _, c := range page.Conversations {
			if c.Last.Time.Before(from) {
				return nil
			}
			if c.Stream.Room == "" {
				p.meet(c.Last)
			}
		}
		if before = page.Next; before == "" {
			return nil
		}
	}
	return nil
}

// meet makes a pair known by its newest message, unless it is known: then it is fetched from where it was.
func (p *person) meet(last Message) {
	stream := last.Stream
	newest := Posted{Message: last}
	p.mu.Lock()
	if p.pairs[stream] != nil || len(p.pairs) >= maxPairs {
		p.mu.Unlock()
		return
	}
	q := &sequence{fetching: true, waiting: []Posted{newest}}
	p.know(stream, q)
	p.mu.Unlock()
	p.fetchBefore(newest, q)
}

// readBefore reads what was said in a pair before a message and not before a time. It tells false if the hub is closed.
func (p *person) readBefore(m Message, from time.Time) (all []Message, ok bool) {
	h := p.hub
	for pause := firstPause; ; {
		page, err := h.logOf(m.Stream).Before(h.context, m.Stream, m.Position, maxBefore)
		if err != nil {
			h.complain("read earlier messages", err)
			if !h.rest(&pause) {
				return nil, false
			}
			continue
		}
		all = append(slices.Clone(page.Messages), all...)
		if !page.More || len(page.Messages) == 0 || len(all) >= maxSwept || page.Messages[0].Time.Before(from) {
			return all, true
		}
		m = page.Messages[0]
	}
}

// know keeps the order of a pair from now on. The caller holds mu.
func (p *person) know(stream Stream, q *sequence) {
	if p.pairs == nil {
		p.pairs = map[Stream]*sequence{}
	}
	p.pairs[stream] = q
}
