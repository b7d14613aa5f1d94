package inbox

import (
	"context"
	"time"

	"github.com/hubbub-dev/hubbub"
)

// Mark says which notices of a user get which state: those of IDs, of a Category, or All. Exactly one of the three is set.
type Mark struct {
	// State is "seen", "read", "unread" or "archived". States only go forward, but "unread" takes what is read back to seen, and
	// what is archived if it is named by IDs.
	State    string
	IDs      []string // 1 to 1000; those that the user does not have are passed over
	Category string
	All      bool
	Until    time.Time // with Category or All: only what was published until then; zero means any
}

// Mark marks notices of a user and returns how many have changed, and the counts after it. If something has, the user's
// sessions are told. A Mark that makes no sense is Invalid.
func (in *Inbox) Mark(ctx context.Context, user string, m Mark) (changed int, counts hubbub.InboxCounts, err error) {
	return 0, hubbub.InboxCounts{}, nil
}
