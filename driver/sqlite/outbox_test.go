package sqlite_test

import (
	"testing"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/drivertest"
)

func TestOutbox(t *testing.T) {
	drivertest.RunOutbox(t, func(t *testing.T, clock *drivertest.Clock) hubbub.Outbox { return newStore(t, clock) })
}
