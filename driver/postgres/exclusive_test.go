package postgres_test

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/postgres"
	"github.com/hubbub-dev/hubbub/internal/testkit"
)

func TestASecondProcessIsKeptAway(t *testing.T) {
	t.Parallel()
	o := postgres.Options{URL: server.Database(t, server.template), Exclusive: true, MaxConns: 2}
	s := openWith(t, o)
	if _, err := postgres.Open(t.Context(), o); err == nil || !strings.Contains(err.Error(), `another hubbub uses the schema "hubbub"`) {
		t.Fatalf("a second one gets %v", err)
	}
	other := o
	other.Schema = "another one"
	openWith(t, other)
	shared := o
	shared.Exclusive = false
	if _, err := postgres.Open(t.Context(), shared); err == nil || !strings.Contains(err.Error(), `without Redis`) {
		t.Fatalf("one that shares gets %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	first, second := openWith(t, shared), openWith(t, shared)
	for _, s := range []*postgres.Store{first, second} {
		if _, err := postgres.Open(t.Context(), o); err == nil || !strings.Contains(err.Error(), `another hubbub uses the schema "hubbub"`) {
			t.Fatalf("beside those that share it gets %v", err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	openWith(t, o)
}

// TestASharedLockThatIsLost ends the connection that has the lock of a store that shares. It goes on, until one that does not share has it.
func TestASharedLockThatIsLost(t *testing.T) {
	t.Parallel()
	url := server.Database(t, server.template)
	logs := &records{}
	s := openWith(t, postgres.Options{URL: url, MaxConns: 2, Logger: logs.logger()})
	other := connect(t, url)
	const locks = ` FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1
		AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`
	var id int64
	if err := other.QueryRow(t.Context(), "SELECT (classid::bigint << 32) | objid::bigint"+locks).Scan(&id); err != nil {
		t.Fatal(err)
	}
	taken := make(chan error, 1)
	go func() {
		_, err := other.Exec(context.Background(), "SELECT pg_advisory_lock($1)", id)
		taken <- err
	}()
	c := connect(t, url)
	testkit.Eventually(t, "another one to wait for the lock", func() bool {
		var n int
		return c.QueryRow(t.Context(), "SELECT count(*)"+locks+" AND NOT granted").Scan(&n) == nil && n == 1
	})
	if _, err := s.MemberOf(t.Context(), "room", "ann"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE datname = current_database() AND application_name = 'hubbub (lock)'`); err != nil {
		t.Fatal(err)
	}
	if err := testkit.Receive(t, "the lock", taken); err != nil {
		t.Fatal(err)
	}
	logs.wait(t, "another hubbub has taken the store")
	_, err := s.MemberOf(t.Context(), "room", "ann")
	if e := hubbub.AsError(err); e == nil || e.Reason != hubbub.Unavailable || !strings.Contains(e.Message, "another hubbub") {
		t.Fatalf("beside one that has the store alone it says %v", err)
	}
	if err := other.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	logs.wait(t, "the store has its lock again")
	if _, err := s.MemberOf(t.Context(), "room", "ann"); err != nil {
		t.Fatal(err)
	}
}

// TestALockThatIsLost ends the connection that has the lock, once so that the store gets it again, and once so that another one has it.
func TestALockThatIsLost(t *testing.T) {
	t.Parallel()
	url := server.Database(t, server.template)
	logs := &records{}
	s := openWith(t, postgres.Options{URL: url, Exclusive: true, MaxConns: 2, Logger: logs.logger()})
	c := connect(t, url)
	endLock := func() {
		t.Helper()
		if _, err := c.Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
			WHERE datname = current_database() AND application_name = 'hubbub (lock)'`); err != nil {
			t.Fatal(err)
		}
	}
	endLock()
	logs.wait(t, "the store has its lock again")
	if _, err := s.MemberOf(t.Context(), "room", "ann"); err != nil {
		t.Fatal(err)
	}
	// The lock is held by nobody for a moment. Whoever waits for it gets it.
	taken := make(chan error, 1)
	go func() {
		_, err := c.Exec(context.Background(), `SELECT pg_advisory_lock((classid::bigint << 32) | objid::bigint) FROM pg_locks
			WHERE locktype = 'advisory' AND granted AND objsubid = 1 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`)
		taken <- err
	}()
	watcher := connect(t, url)
	testkit.Eventually(t, "another one to wait for the lock", func() bool {
		var n int
		err := watcher.QueryRow(t.Context(), `SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
			AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`).Scan(&n)
		return err == nil && n == 1
	})
	c, watcher = watcher, c
	endLock()
	if err := testkit.Receive(t, "the lock", taken); err != nil {
		t.Fatal(err)
	}
	logs.wait(t, "another hubbub has taken the store")
	_, err := s.MemberOf(t.Context(), "room", "ann")
	if e := hubbub.AsError(err); e == nil || e.Reason != hubbub.Unavailable || !strings.Contains(e.Message, "another hubbub") {
		t.Fatalf("without the lock the store says %v", err)
	}
	if err := watcher.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "the store to have its lock", func() bool {
		_, err := s.MemberOf(t.Context(), "room", "ann")
		return err == nil
	})
}

func connect(t testing.TB, url string) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.Background()) })
	return c
}
