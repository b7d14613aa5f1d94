package postgres_test

import (
	"testing"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/drivertest"
)

// TestStore runs the whole suite, its tests beside one another, since they wait for the disk most of the time.
func TestStore(t *testing.T) {
	t.Parallel()
	parallel := drivertest.Parallel(t)
	drivertest.RunStore(t, func(t *testing.T, clock *drivertest.Clock) hubbub.Store {
		parallel(t)
		return open(t, clock)
	})
}
