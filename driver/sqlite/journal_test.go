package sqlite_test

import (
	"path/filepath"
	"testing"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/drivertest"
	"github.com/hubbub-dev/hubbub/driver/sqlite"
)

func TestJournal(t *testing.T) {
	drivertest.RunJournal(t, func(t *testing.T, clock *drivertest.Clock) hubbub.Journal { return newStore(t, clock) })
}

// newStore opens a store in a file of its own that lives by a clock.
func newStore(t *testing.T, clock *drivertest.Clock) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), sqlite.Options{Path: filepath.Join(t.TempDir(), "hubbub.db"), Now: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}
