package sqlite_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/sqlite"
)

// TestNobodyElseReads looks at the rights of the files: private messages are in them.
func TestNobodyElseReads(t *testing.T) {
	dir := t.TempDir()
	store, err := sqlite.Open(t.Context(), sqlite.Options{Path: filepath.Join(dir, "hubbub.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if err := store.Arrive(t.Context(), hubbub.Visitor{User: "ann"}); err != nil {
		t.Fatal(err)
	}
	if err := sqlite.Backup(t.Context(), filepath.Join(dir, "hubbub.db"), filepath.Join(dir, "copy.db")); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) < 4 {
		t.Fatalf("there are %v, %v", files, err)
	}
	for _, f := range files {
		info, err := f.Info()
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", f.Name(), info.Mode(), err)
		}
	}
}
