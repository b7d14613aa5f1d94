package postgres

import (
	"sync"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/postgres/internal/db"
)

// maxClaims is how many claims are remembered at most. When there would be more, some whom nobody has settled are among them, and all are
// forgotten: then the database is asked.
const maxClaims = 1 << 16

// claims knows where the items are that the store has claimed and not settled yet, so that it need not be asked for when they are settled.
// Whether they are still claimed the database alone knows. The methods may be called concurrently.
type claims struct {
	mu sync.Mutex
	of map[itemKey]place
}

type itemKey struct{ target, id string }

// place is where an item is.
type place struct {
	seq  int64
	line string
}

func (c *claims) add(rows []db.ClaimItemsRow) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of == nil || len(c.of)+len(rows) > maxClaims {
		c.of = make(map[itemKey]place)
	}
	for _, r := range rows {
		c.of[itemKey{r.Target, r.ID}] = place{r.Seq, r.Line}
	}
}

// take forgets items, and returns where those are that were delivered, as far as it knows.
func (c *claims) take(done []hubbub.Settlement) (seqs []int64, lines []line) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range done {
		d := &done[i]
		key := itemKey{d.Target, d.ID}
		at, known := c.of[key]
		if delete(c.of, key); known && d.Outcome == hubbub.OutcomeDelivered {
			seqs, lines = append(seqs, at.seq), append(lines, line{d.Target, at.line})
		}
	}
	return seqs, lines
}
