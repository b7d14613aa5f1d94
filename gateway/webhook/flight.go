package webhook

import (
	"sync"

	"github.com/hubbub-dev/hubbub"
)

// flight knows which items of a target the sender has claimed and not settled yet. The outbox gives them out again when their leases have
// ended, which they do while it cannot write: then what was delivered is not delivered again and again, and nobody gets what is still
// under way a second time. There are never more than the lane has room for, in its workers and on the way to the outbox. The methods may be
// called concurrently.
type flight struct {
	mu  sync.Mutex
	ids map[string]struct{}
}

// begin returns those of claimed items that are not there yet, and adds them.
func (f *flight) begin(items []hubbub.OutboxItem) []hubbub.OutboxItem {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ids == nil {
		f.ids = map[string]struct{}{}
	}
	fresh := items[:0]
	for _, item := range items {
		if _, there := f.ids[item.ID]; !there {
			f.ids[item.ID] = struct{}{}
			fresh = append(fresh, item)
		}
	}
	return fresh
}

// end forgets items that were settled, or that nobody can settle any more.
func (f *flight) end(all []hubbub.Settlement) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range all {
		delete(f.ids, s.ID)
	}
}
