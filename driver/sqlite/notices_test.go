package sqlite_test

import (
	"path/filepath"
	"testing"

	"github.com/hubbub-dev/hubbub/driver/drivertest"
	"github.com/hubbub-dev/hubbub/driver/sqlite"
)

// withMembers stands in until the store has them.
type withMembers struct {
	*sqlite.Store
	membersForNow
}

func TestNotices(t *testing.T) {
	drivertest.RunNotices(t, func(t *testing.T, clock *drivertest.Clock) drivertest.Inboxes {
		path := filepath.Join(t.TempDir(), "hubbub.db")
		s, err := sqlite.Open(t.Context(), sqlite.Options{Path: path, Now: clock.Now})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		return withMembers{s, newMembersForNow(t, path)}
	})
}
