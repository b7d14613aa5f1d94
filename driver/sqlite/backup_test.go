package sqlite_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/sqlite"
)

var lobby = hubbub.RoomStream("lobby")

// say appends a message that says a number.
func say(t testing.TB, s *sqlite.Store, number int) hubbub.Appended {
	t.Helper()
	a, err := sayTo(t.Context(), s, number)
	if err != nil {
		t.Error(err)
	}
	return a
}

func sayTo(ctx context.Context, s *sqlite.Store, number int) (hubbub.Appended, error) {
	return s.Append(ctx, hubbub.Draft{Message: hubbub.Message{
		ID: fmt.Sprint("m", number), Stream: lobby, Data: json.RawMessage(fmt.Sprint(number)), From: hubbub.Sender{User: "ann"},
	}})
}

// written are the numbers of all messages of a store.
func written(t testing.TB, s *sqlite.Store) []int {
	t.Helper()
	page, err := s.After(t.Context(), lobby, hubbub.Position{}, 1_000_000)
	if err != nil {
		t.Fatal(err)
	}
	var all []int
	for _, m := range page.Messages {
		var n int
		if err := json.Unmarshal(m.Data, &n); err != nil {
			t.Fatal(err)
		}
		all = append(all, n)
	}
	return all
}

func TestBackupOfAStoreThatIsWrittenTo(t *testing.T) {
	dir := t.TempDir()
	path, dest := filepath.Join(dir, "hubbub.db"), filepath.Join(dir, "copy.db")
	s := open(t, sqlite.Options{Path: path})
	for i := range 100 {
		say(t, s, i)
	}
	var stop atomic.Bool
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 100; !stop.Load(); i++ {
			say(t, s, i)
		}
	})
	err := sqlite.Backup(t.Context(), path, dest)
	stop.Store(true)
	wg.Wait()
	if err != nil {
		t.Fatal(err)
	}
	last := say(t, s, -1)
	restored := open(t, sqlite.Options{Path: dest})
	numbers := written(t, restored)
	if len(numbers) < 100 {
		t.Fatalf("of 100 messages the copy has %d", len(numbers))
	}
	for i, n := range numbers {
		if n != i {
			t.Fatalf("message %d of the copy is %d", i, n)
		}
	}
	page, err := restored.After(t.Context(), lobby, last.Message.Position, 10)
	if err != nil || page.Complete || page.Head.Epoch == last.Message.Position.Epoch {
		t.Fatalf("who had a later message is told %+v, %v; want that it cannot be recovered", page, err)
	}
	if a := say(t, restored, 7); a.Message.Position.Offset != uint64(len(numbers))+1 {
		t.Fatalf("after %d messages the copy goes on with %+v", len(numbers), a)
	}
	left, err := filepath.Glob(filepath.Join(dir, ".backup-*"))
	if err != nil || len(left) != 0 {
		t.Fatalf("the backup leaves %v, %v", left, err)
	}
}

func TestBackupOfAStoreThatIsClosed(t *testing.T) {
	dir := t.TempDir()
	path, dest := filepath.Join(dir, "hubbub.db"), filepath.Join(dir, "copy.db")
	s := open(t, sqlite.Options{Path: path})
	say(t, s, 1)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := sqlite.Backup(t.Context(), path, dest); err != nil {
		t.Fatal(err)
	}
	if numbers := written(t, open(t, sqlite.Options{Path: dest})); len(numbers) != 1 {
		t.Fatalf("the copy has %v", numbers)
	}
}

func TestBackupKeepsWhatIsThere(t *testing.T) {
	dir := t.TempDir()
	path, dest := filepath.Join(dir, "hubbub.db"), filepath.Join(dir, "copy.db")
	open(t, sqlite.Options{Path: path})
	if err := os.WriteFile(dest, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := sqlite.Backup(t.Context(), path, dest); err == nil || !strings.Contains(err.Error(), "exists already") {
		t.Fatalf("the error is %v", err)
	}
	if text, err := os.ReadFile(dest); string(text) != "mine" || err != nil {
		t.Fatalf("the file is %q, %v", text, err)
	}
}

func TestBackupOfWhatIsNoStore(t *testing.T) {
	dir := t.TempDir()
	dest := filepath.Join(dir, "copy.db")
	text, other := filepath.Join(dir, "text.db"), filepath.Join(dir, "other.db")
	if err := os.WriteFile(text, []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	pool, err := sql.Open("sqlite", other)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pool.Exec("CREATE TABLE a (b)"); err != nil {
		t.Fatal(err)
	}
	if err := pool.Close(); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{text, other, filepath.Join(dir, "missing.db")} {
		if err := sqlite.Backup(t.Context(), path, dest); err == nil {
			t.Errorf("%s can be backed up", path)
		}
		if _, err := os.Stat(dest); err == nil {
			t.Errorf("the backup of %s has left a file", path)
		}
	}
}
