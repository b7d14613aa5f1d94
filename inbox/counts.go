package inbox

import (
	"context"

	"github.com/hubbub-dev/hubbub"
)

// Counts returns what a user has not dealt with, announcements included. It takes the same time however many notices there
// are. The Revision is that of the announcements that were counted.
func (in *Inbox) Counts(ctx context.Context, user string) (hubbub.InboxCounts, error) {
	return hubbub.InboxCounts{}, nil
}
