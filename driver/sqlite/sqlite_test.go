package sqlite_test

import (
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/hubbub-dev/hubbub/driver/sqlite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

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
