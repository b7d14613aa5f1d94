package sqlite_test

import (
	"testing"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/drivertest"
	"github.com/hubbub-dev/hubbub/driver/sqlite"
)

func TestJournal(t *testing.T) {
	drivertest.RunJournal(t, func(t *testing.T, clock *drivertest.Clock) hubbub.Journal {
		return open(t, sqlite.Options{Now: clock.Now})
	})
}

func TestOutbox(t *testing.T) {
	drivertest.RunOutbox(t, func(t *testing.T, clock *drivertest.Clock) hubbub.Outbox {
		return open(t, sqlite.Options{Now: clock.Now})
	})
}
