package sqlite

import (
	"sync"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/sqlite/internal/db"
)

// claims knows who is trying to deliver what. Nothing of it is in the file: the one process that may have the file open is also the one
// in which all receivers are, so at its end all claims are over. That spares a write for each item.
//
// A claim must not end before everybody sees what it was settled as. So while somebody reads what may be claimed, in a state of
// the file that may be older, claims that are settled stay in place.
type claims struct {
	one sync.Mutex // held while somebody claims

	mu sync.Mutex
	// Guarded by mu.
	reading bool
	settled []*claim // while reading
	targets map[string]*targetClaims
}

// targetClaims are the claims of a target.
type targetClaims struct {
	byID   map[string]*claim
	byLine map[string]*claim // the newest claim of each line, which keeps others from it until its time is over
	tidyAt int               // when byID has this many, those of long ago are forgotten
}

// claim says that somebody tries to deliver an item, or has said nothing for too long.
type claim struct {
	target, id, line string
	seq              int64
	until            time.Time
	tries            int64 // which the file does not know of
	settled          bool
}

// tried is a settlement with the number of attempts that the file does not know of.
type tried struct {
	hubbub.Settlement
	tries int64
}

// tidyClaims is how many claims of a target are kept before those are looked for that nobody has renewed for claimMemory, since their
// items are gone, or nobody claims any more.
const (
	tidyClaims  = 1024
	claimMemory = time.Hour
)

// begin says that somebody is about to read what may be claimed, until take is called. It returns how much of that may be taken already.
func (cs *claims) begin(target string) int {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	cs.reading = true
	if t := cs.targets[target]; t != nil {
		return len(t.byLine)
	}
	return 0
}

// take claims up to limit of the items that were read, the first of their lines, of which nobody else has the line.
func (cs *claims) take(target string, rows []db.Outbox, limit int, now time.Time, lease time.Duration) []hubbub.OutboxItem {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	t := cs.of(target)
	t.tidy(now)
	var items []hubbub.OutboxItem
	for i := range rows {
		if c := t.byLine[rows[i].Line]; len(items) == limit || c != nil && (c.settled || c.until.After(now)) {
			continue
		}
		c := t.claim(&rows[i])
		c.until = now.Add(lease)
		items = append(items, outboxItem(&rows[i]))
		items[len(items)-1].Attempts += int(c.tries)
		c.tries++
	}
	cs.reading = false
	for _, c := range cs.settled {
		cs.end(c)
	}
	cs.settled = nil
	return items
}

func (cs *claims) of(target string) *targetClaims {
	t := cs.targets[target]
	if t == nil {
		t = &targetClaims{byID: map[string]*claim{}, byLine: map[string]*claim{}, tidyAt: tidyClaims}
		if cs.targets == nil {
			cs.targets = map[string]*targetClaims{}
		}
		cs.targets[target] = t
	}
	return t
}

// claim returns the claim of an item, which is that of its line from now on.
func (t *targetClaims) claim(row *db.Outbox) *claim {
	c := t.byID[row.ID]
	if c == nil || c.seq != row.Seq {
		c = &claim{target: row.Target, id: row.ID, line: row.Line, seq: row.Seq}
		t.byID[c.id] = c
	}
	t.byLine[c.line] = c
	return c
}

func (t *targetClaims) tidy(now time.Time) {
	if len(t.byID) < t.tidyAt {
		return
	}
	for _, c := range t.byID {
		if now.Sub(c.until) > claimMemory {
			t.remove(c)
		}
	}
	t.tidyAt = max(tidyClaims, 2*len(t.byID))
}

func (t *targetClaims) remove(c *claim) {
	if t.byID[c.id] == c {
		delete(t.byID, c.id)
	}
	if t.byLine[c.line] == c {
		delete(t.byLine, c.line)
	}
}

// sort returns the numbers of those items that were delivered by who has claimed their lines, and what is to be settled one by one.
func (cs *claims) sort(done []hubbub.Settlement) (delivered []int64, others []tried) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for _, d := range done {
		c := cs.find(d)
		switch {
		case c == nil:
			others = append(others, tried{d, 0})
		case d.Outcome == hubbub.OutcomeDelivered && cs.targets[d.Target].byLine[c.line] == c:
			delivered = append(delivered, c.seq)
		default:
			others = append(others, tried{d, c.tries})
		}
	}
	return delivered, others
}

// find returns the claim of an item, nil if there is none that is not settled.
func (cs *claims) find(d hubbub.Settlement) *claim {
	t := cs.targets[d.Target]
	if t == nil {
		return nil
	}
	if c := t.byID[d.ID]; c != nil && !c.settled {
		return c
	}
	return nil
}

// release ends the claims of what was settled.
func (cs *claims) release(done []hubbub.Settlement) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for _, d := range done {
		c := cs.find(d)
		switch {
		case c == nil:
		case cs.reading:
			c.settled = true
			cs.settled = append(cs.settled, c)
		default:
			cs.end(c)
		}
	}
}

func (cs *claims) end(c *claim) { cs.targets[c.target].remove(c) }
