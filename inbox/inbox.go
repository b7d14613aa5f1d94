package inbox

import (
	"context"
	"log/slog"
	"sync"
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
	// MaxNotice is how many bytes the content of a notice may have as JSON; 0 or less means 16 KiB.
	MaxNotice int
	// Report makes outbox items of [hubbub.NoticesRead], which are put there when the notices are marked as read; nil means none.
	Report hubbub.Report
	Now    func() time.Time // nil means time.Now; must be safe for concurrent use
	Logger *slog.Logger     // nil means slog.Default()
}

// Inbox publishes notices and announcements, lists them for their users, counts and marks them. All methods may be called
// concurrently. Their errors are of type [hubbub.Error], or of the store. Make one with [New].
type Inbox struct {
	// Immutable after New.
	o Options

	// Safe for concurrent use.
	boards     cache
	delivering sync.Map // ids of publications that Publish delivers, which the sweeper leaves to it
	marking    turns
	// announcing orders the events about announcements as the store has ordered what they tell.
	announcing sync.Mutex
	telling    trouble // of the bus
	sweeping   trouble // of the store, in the sweeper
	sweeper    sweeper
}

// sweeper is the goroutine that Start begins. mu guards the rest, which is nil before.
type sweeper struct {
	mu    sync.Mutex
	stop  func()
	ended chan struct{}
}

// New returns an inbox. Without [Inbox.Start] what is scheduled is not published, and nothing expires.
func New(o Options) *Inbox {
	if o.Expire == 0 {
		o.Expire = 90 * 24 * time.Hour
	}
	if o.MaxNotice <= 0 {
		o.MaxNotice = 16 << 10
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	in := &Inbox{o: o}
	in.boards.init(o.Store)
	in.telling.log, in.telling.what = o.Logger, "tell sessions about their inboxes"
	in.sweeping.log, in.sweeping.what = o.Logger, "publish what is scheduled and remove what has expired"
	return in
}

// now is the time in whole milliseconds, as it is kept.
func (in *Inbox) now() time.Time { return in.o.Now().Truncate(time.Millisecond) }
