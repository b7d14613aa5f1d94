package inbox

import (
	"log/slog"
	"sync/atomic"
)

// trouble logs that something which is tried again and again fails, and that it works again, each once.
type trouble struct {
	log    *slog.Logger
	what   string
	failed atomic.Bool
}

// note is told how a try ended.
func (t *trouble) note(err error) {
	switch {
	case err != nil && !t.failed.Swap(true):
		t.log.Error("cannot "+t.what+"; it is tried again", "error", err)
	case err == nil && t.failed.Load() && t.failed.Swap(false):
		t.log.Info("it works again to " + t.what)
	}
}
