package sqlite_test

import (
	"testing"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/drivertest"
	"github.com/hubbub-dev/hubbub/driver/sqlite"
)

var _ hubbub.Store = (*sqlite.Store)(nil)

func TestInboxes(t *testing.T) {
	drivertest.RunNotices(t, func(t *testing.T, clock *drivertest.Clock) drivertest.Inboxes {
		return open(t, sqlite.Options{Now: clock.Now})
	})
}
