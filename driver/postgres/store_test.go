package postgres_test

import (
	"testing"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/drivertest"
)

func TestStore(t *testing.T) {
	drivertest.RunStore(t, func(t *testing.T, clock *drivertest.Clock) hubbub.Store { return open(t, clock) })
}
