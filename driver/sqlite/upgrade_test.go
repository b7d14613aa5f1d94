package sqlite_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pressly/goose/v3"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/sqlite"
)

// TestTheOutboxIsUpgraded opens a file of the version before the outbox forgot who claims, with items in each state.
func TestTheOutboxIsUpgraded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hubbub.db")
	pool, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	m, err := goose.NewProvider(goose.DialectSQLite3, pool, os.DirFS("migrations"), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.UpTo(t.Context(), 4); err != nil {
		t.Fatal(err)
	}
	later := time.Now().Add(time.Hour).UnixMilli()
	for _, row := range []struct {
		id, line   string
		state, due int64
	}{
		{"claimed", "a", 3, later}, {"queued", "a", 0, 0}, {"ready", "b", 1, 0}, {"waiting", "c", 2, later}, {"dead", "d", 4, 0},
		{"delivered", "user ann", 5, time.Now().UnixMilli()}, {"removed", "e", 5, 0},
	} {
		_, err := pool.ExecContext(t.Context(), `INSERT INTO outbox (target, id, line, payload, time, state, due, attempts, error)
			VALUES ('hook', ?, ?, x'01', 1, ?, ?, 1, 'no')`, row.id, row.line, row.state, row.due)
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := pool.ExecContext(t.Context(), "DELETE FROM outbox WHERE id = 'removed'"); err != nil {
		t.Fatal(err)
	}
	if err := pool.Close(); err != nil {
		t.Fatal(err)
	}
	s := open(t, sqlite.Options{Path: path})
	if n := found(t, path, "user ann"); n > 0 {
		t.Errorf("the order of what was delivered is there %d times", n)
	}
	claim := func(want string) (last hubbub.OutboxItem) {
		t.Helper()
		items, err := s.Claim(t.Context(), "hook", 10, time.Minute)
		var ids []string
		for _, item := range items {
			ids, last = append(ids, item.ID), item
			if err := s.Settle(t.Context(), []hubbub.Settlement{{Target: "hook", ID: item.ID}}); err != nil {
				t.Fatal(err)
			}
		}
		if got := strings.Join(ids, " "); got != want || err != nil {
			t.Fatalf("claimed %q, want %q, %v", got, want, err)
		}
		return last
	}
	claim("claimed ready")
	if last := claim("queued"); last.Attempts != 1 || last.Error != "no" || last.Seq != 2 || string(last.Payload) != "\x01" {
		t.Errorf("upgraded is %+v", last)
	}
	if dead, err := s.Dead(t.Context(), "hook", 0, 10); err != nil || len(dead) != 1 || dead[0].ID != "dead" || dead[0].Order != "d" {
		t.Errorf("dead are %+v, %v", dead, err)
	}
	err = s.Put(t.Context(), []hubbub.OutboxItem{{ID: "delivered", Target: "hook"}, {ID: "fresh", Target: "hook"}})
	if err != nil {
		t.Fatal(err)
	}
	if last := claim("fresh"); last.Seq != 8 {
		t.Errorf("the number %d was given after 7", last.Seq)
	}
	if all, err := s.Backlogs(t.Context()); err != nil || len(all) != 1 || all[0].Waiting != 1 || all[0].Dead != 1 {
		t.Errorf("the backlogs are %+v, %v", all, err)
	}
}
