package postgres_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"github.com/hubbub-dev/hubbub/driver/drivertest"
	"github.com/hubbub-dev/hubbub/driver/postgres"
	"github.com/hubbub-dev/hubbub/internal/testkit"
)

// rig is the one server of the tests, with a database that has the tables and nothing in them.
type rig struct {
	*testkit.PostgresServer
	template string
	mu       sync.Mutex
	free     []string // databases that nobody uses
}

var server rig // set once, before the tests

func TestMain(m *testing.M) {
	// Of what rapid does a hundred times each step is a commit here; -rapid.checks overrides it.
	if err := flag.Set("rapid.checks", "30"); err != nil {
		panic(err)
	}
	// Tests wait for the disk most of the time.
	if err := flag.Set("test.parallel", "4"); err != nil {
		panic(err)
	}
	flag.Parse()
	if err := server.start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, goleak.IgnoreCurrent(), goleak.Cleanup(func(code int) {
		server.Stop()
		os.Exit(code)
	}))
}

func (r *rig) start() (err error) {
	if r.PostgresServer, err = testkit.StartPostgres(); err != nil {
		return err
	}
	if r.template, err = r.MakeDatabase(""); err != nil {
		return err
	}
	return postgres.Migrate(context.Background(), postgres.Options{URL: r.URL(r.template)})
}

// take returns the URL of a database that has the tables and nothing in them. It is given to another test after this one, since to empty one
// is much quicker than to make one.
func (r *rig) take(t testing.TB) string {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	var url string
	if n := len(r.free); n > 0 {
		url, r.free = r.free[n-1], r.free[:n-1]
	} else {
		url = r.Database(t, r.template)
	}
	t.Cleanup(func() {
		if err := empty(url); err != nil {
			t.Error(err)
			return
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.free = append(r.free, url)
	})
	return url
}

// empty takes everything out of a database but what was there in the beginning.
func empty(url string) error {
	ctx, cancel := context.WithTimeout(context.Background(), testkit.Patience)
	defer cancel()
	c, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer c.Close(ctx)
	// As a replica it does not run triggers.
	_, err = c.Exec(ctx, `SET session_replication_role = replica; DO $$
		DECLARE name text;
		BEGIN
			FOR name IN SELECT tablename FROM pg_tables
				WHERE schemaname = 'hubbub' AND tablename NOT IN ('goose_db_version', 'meta', 'announcement_clock')
			LOOP
				EXECUTE format('DELETE FROM hubbub.%I', name);
			END LOOP;
			UPDATE hubbub.announcement_clock SET seq = 0, revision = 0;
		END $$`)
	return err
}

// open opens a store that knows nothing of others, for the time of a test.
func open(t testing.TB, clock *drivertest.Clock) *postgres.Store {
	t.Helper()
	o := postgres.Options{URL: server.take(t), MaxConns: 8}
	if clock != nil {
		o.Now = clock.Now
	}
	return openWith(t, o)
}

func openWith(t testing.TB, o postgres.Options) *postgres.Store {
	t.Helper()
	s, err := postgres.Open(t.Context(), o)
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
