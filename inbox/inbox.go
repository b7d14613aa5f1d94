package inbox

import (
	"context"
	"log/slog"
	"time"

	"github.com/hubbub-dev/hubbub"
)

// Store is the part of [hubbub.Store] that inboxes need.
type Store interface {
	hubbub.Notices
	hubbub.Inboxes
}

// Publisher is the part of [hubbub.Bus] that inboxes need.
type Publisher interface {
	Publish(ctx context.Context, t hubbub.Topic, e hubbub.Event) error
}

// Options configures an [Inbox]. Store and Bus must be set; the zero value of the rest is what most want.
type Options struct {
	Store Store     // a hubbub.Store
	Bus   Publisher // a hubbub.Bus, on which the hubs of all nodes learn what has changed
	// Expire is how long a notice is kept whose publication does not say when it expires; 0 means 90 days, negative for ever.
	Expire time.Duration
	// MaxNotice is how many bytes the content of a notice may have as JSON; 0 means 16 KiB.
	MaxNotice int
	Now       func() time.Time // nil means time.Now; must be safe for concurrent use
	Logger    *slog.Logger     // nil means slog.Default()
}

// Inbox publishes notices and announcements, lists them for their users, counts and marks them. All methods may be called
// concurrently. Their errors are of type [hubbub.Error], or of the store. Make one with [New].
type Inbox struct {
	o Options
}

// New returns an inbox. Without [Inbox.Start] what is scheduled is not published, and nothing expires.
func New(o Options) *Inbox { return &Inbox{o: o} }

// Start begins to publish what is scheduled and to remove what expires, at most a second late, until [Inbox.Close]. It is
// called at most once.
func (in *Inbox) Start() {}

// Close ends what Start began and waits for it, or until ctx ends, whose error it returns then. The other methods still work.
// Without Start it does nothing.
func (in *Inbox) Close(ctx context.Context) error { return nil }
