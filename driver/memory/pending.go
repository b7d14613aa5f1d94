package memory

import (
	"time"

	"github.com/hubbub-dev/hubbub"
)

// maxPending is how many transitions a shard keeps unconfirmed. When there are more, the oldest are given up: nobody has told
// them for so long that memory is at stake.
const maxPending = 1 << 14

// pending are the transitions of the users of one shard that nobody has confirmed.
type pending struct {
	count uint64 // of all that there ever were, for ids
	byID  map[string]*hubbub.Transition
	due   ring[due] // each of byID once, and some that were confirmed
}

// due says when a transition is told again.
type due struct {
	id string
	at time.Time
}

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
	for p.tidy(); p.due.len() > 0 && !p.due.at(0).at.After(now); p.tidy() {
		id := p.due.pop().id
		all = append(all, *p.byID[id])
		p.due.push(due{id, next})
	}
	return all
}
