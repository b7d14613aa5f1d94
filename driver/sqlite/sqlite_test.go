package sqlite_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/drivertest"
	"github.com/hubbub-dev/hubbub/driver/sqlite"
)

func TestMain(m *testing.M) {
	child := os.Getenv(childVariable)
	switch {
	case child == "kill":
		writeUntilKilled()
	case child == "" || !runChild(child):
		// Of what rapid does a hundred times each step is a commit here; -rapid.checks overrides it.
		if err := flag.Set("rapid.checks", "30"); err != nil {
			panic(err)
		}
		goleak.VerifyTestMain(m)
	}
}

var _ hubbub.Store = (*sqlite.Store)(nil)

func TestStore(t *testing.T) {
	drivertest.RunStore(t, func(t *testing.T, clock *drivertest.Clock) hubbub.Store {
		return open(t, sqlite.Options{Now: clock.Now})
	})
}

// open opens a store in a new directory for the time of a test.
func open(t testing.TB, o sqlite.Options) *sqlite.Store {
	t.Helper()
	if o.Path == "" {
		o.Path = filepath.Join(t.TempDir(), "hubbub.db")
	}
	s, err := sqlite.Open(t.Context(), o)
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

func TestASecondProcessIsKeptAway(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a %?#.db")
	s, err := sqlite.Open(t.Context(), sqlite.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	_, err = sqlite.Open(t.Context(), sqlite.Options{Path: path})
	if err == nil || !strings.Contains(err.Error(), "another hubbub uses the store "+path) {
		t.Fatalf("a second store gets %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s, err = sqlite.Open(t.Context(), sqlite.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestNothingLiesBesideAClosedStore(t *testing.T) {
	dir := t.TempDir()
	s := open(t, sqlite.Options{Path: filepath.Join(dir, "hubbub.db")})
	say(t, s, 1)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) != 2 {
		t.Fatalf("there are %v, %v; want the file and its lock", files, err)
	}
}
