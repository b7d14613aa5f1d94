package fleet_test

import (
	"testing"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/drivertest"
	"github.com/hubbub-dev/hubbub/driver/memory"
	"github.com/hubbub-dev/hubbub/internal/fleet"
)

// TestFleet also shows that the suite can be passed without a server.
func TestFleet(t *testing.T) {
	drivertest.RunShared(t, func(_ *testing.T, clock *drivertest.Clock) (a, b hubbub.Driver) {
		f := fleet.New(memory.Options{Grace: drivertest.Grace, Lease: drivertest.Lease, Now: clock.Now})
		return f.Driver(), f.Driver()
	})
}
