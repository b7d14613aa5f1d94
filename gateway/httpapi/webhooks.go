package httpapi

import (
	"context"

	"github.com/hubbub-dev/hubbub"
)

// Webhooks is what operators ask of the sender of webhooks. Targets that it does not know are NotFound. Its methods may be
// called concurrently.
type Webhooks interface {
	// Backlogs tells what waits for each configured target, and what was given up.
	Backlogs(ctx context.Context) ([]hubbub.Backlog, error)
	// Dead lists items of a target that were given up, from the one after the Seq after on.
	Dead(ctx context.Context, target string, after uint64, limit int) ([]hubbub.OutboxItem, error)
	// Replay has dead items delivered after all, all of them if ids is nil, and tells how many.
	Replay(ctx context.Context, target string, ids []string) (int, error)
	// Test sends an event of the type hubbub.test to a target.
	Test(ctx context.Context, target string) error
}
