package postgres_test

import (
	"sync"
	"testing"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/drivertest"
)

// TestStore runs the whole suite, its tests beside one another, since they wait for the disk most of the time.
func TestStore(t *testing.T) {
	t.Parallel()
	var begun sync.Map
	drivertest.RunStore(t, func(t *testing.T, clock *drivertest.Clock) hubbub.Store {
		if _, again := begun.LoadOrStore(t, true); !again {
			t.Parallel()
		}
		return open(t, clock)
	})
}
