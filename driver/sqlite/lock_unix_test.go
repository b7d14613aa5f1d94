//go:build unix

package sqlite_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hubbub-dev/hubbub/driver/sqlite"
)

// TestTheSameStoreByAnotherName would be open twice if the lock lay beside each of its names.
func TestTheSameStoreByAnotherName(t *testing.T) {
	dir := t.TempDir()
	path, link := filepath.Join(dir, "hubbub.db"), filepath.Join(t.TempDir(), "link.db")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	open(t, sqlite.Options{Path: path})
	s, err := sqlite.Open(t.Context(), sqlite.Options{Path: link})
	if err == nil || !strings.Contains(err.Error(), "another hubbub uses the store") {
		t.Errorf("a second store gets %v, %v", err, s.Close())
	}
}
