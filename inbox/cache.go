package inbox

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/hubbub-dev/hubbub"
)

// cache keeps the newest board, so that reading an inbox does not read all announcements.
type cache struct {
	store   Store
	current atomic.Pointer[board]
	loading chan struct{} // holds a token while somebody loads
}

// init makes a cache that knows what every store has at first: no announcements, in the revision 0.
func (c *cache) init(s Store) {
	c.store = s
	c.loading = make(chan struct{}, 1)
	c.current.Store(newBoard(nil, 0))
}

// at returns the board of a revision, or a newer one. Of those who ask for what is not there one reads it while the others wait.
func (c *cache) at(ctx context.Context, revision uint64) (*board, error) {
	if b := c.current.Load(); b.revision >= revision {
		return b, nil
	}
	select {
	case c.loading <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-c.loading }()
	if b := c.current.Load(); b.revision >= revision {
		return b, nil
	}
	all, revision, err := c.store.Announcements(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the announcements: %w", err)
	}
	b := newBoard(all, revision)
	c.current.Store(b)
	return b, nil
}

// looks is how often look tries to read a user's state and the announcements of the same revision.
const looks = 3

// look returns what is known of a user's inbox, and the announcements. Where these change all the time they are newer than the
// rest: then the numbers are those of an inbox as it was a moment ago, to which the announcements came since.
func (in *Inbox) look(ctx context.Context, user string) (s hubbub.InboxState, b *board, err error) {
	for range looks {
		if s, err = in.o.Store.Inbox(ctx, user); err != nil {
			return s, nil, err
		}
		if b, err = in.boards.at(ctx, s.Counts.Revision); err != nil {
			return s, nil, err
		}
		if b.revision == s.Counts.Revision {
			return s, b, nil
		}
	}
	s.Counts.Revision = b.revision
	return s, b, nil
}
