package memory

import (
	"sync"
	"time"

	"github.com/hubbub-dev/hubbub"
)

// maxPending is how many transitions a shard keeps unconfirmed. When there are more, the oldest are given up: nobody has told
// them for so long that memory is at stake.
const maxPending = 1 << 14

// pending are transitions that nobody has confirmed, all those of a user in the same place. The lock is the last that anybody
// takes.
type pending struct {
	mu sync.Mutex
	// Guarded by mu.
	byID map[string]*hubbub.Transition
	due  ring[due] // each of byID once, and some that were confirmed
}

// due says when a transition is told again.
type due struct {
	id string
	at time.Time
}

// pendingOf returns where the transition with an id is, if anywhere.
func (d *Driver) pendingOf(id string) *pending {
	return &d.pending[shard(d, id[:min(len(id), 4)])] // these depend on the user alone
}

// add keeps a transition. The caller holds mu.
func (p *pending) add(t hubbub.Transition, at time.Time) {
	if p.byID == nil {
		p.byID = make(map[string]*hubbub.Transition)
	}
	for len(p.byID) >= maxPending {
		delete(p.byID, p.due.pop().id)
	}
	p.tidy()
	t.Left = nil // not told again
	p.byID[t.ID] = &t
	p.due.push(due{t.ID, at})
}

// tidy drops what was confirmed from the front of due.
func (p *pending) tidy() {
	for p.due.len() > 0 && p.byID[p.due.at(0).id] == nil {
		p.due.pop()
	}
}

// confirm forgets a transition. The caller holds mu.
func (p *pending) confirm(id string) bool {
	if p.byID[id] == nil {
		return false
	}
	delete(p.byID, id)
	if len(p.byID) == 0 {
		p.byID, p.due = nil, ring[due]{}
	}
	return true
}

// overdue returns the transitions that nobody has confirmed in time, and gives them time until next.
func (p *pending) overdue(now, next time.Time) (all []hubbub.Transition) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.tidy(); p.due.len() > 0 && !p.due.at(0).at.After(now); p.tidy() {
		id := p.due.pop().id
		all = append(all, *p.byID[id])
		p.due.push(due{id, next})
	}
	return all
}
