package memory_test

import (
	"testing"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/drivertest"
	"github.com/hubbub-dev/hubbub/driver/memory"
)

func TestDriver(t *testing.T) {
	drivertest.Run(t, func(_ *testing.T, clock *drivertest.Clock) hubbub.Driver {
		return memory.New(memory.Options{Grace: drivertest.Grace, Lease: drivertest.Lease, Now: clock.Now})
	})
}
