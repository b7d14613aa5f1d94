package postgres_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/hubbub-dev/hubbub/driver/drivertest"
	"github.com/hubbub-dev/hubbub/driver/postgres"
	"github.com/hubbub-dev/hubbub/internal/testkit"
)

// rig is the one server of the tests, with a database that has the tables and nothing in them.
type rig struct {
	*testkit.PostgresServer
	template string
}

var server rig // set once, before the tests

func TestMain(m *testing.M) {
	flag.Parse()
	// Of what rapid does a hundred times each step is a commit here; -rapid.checks overrides it.
	if err := flag.Set("rapid.checks", "30"); err != nil {
		panic(err)
	}
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

// open opens a store that knows nothing of others, for the time of a test.
func open(t testing.TB, clock *drivertest.Clock) *postgres.Store {
	t.Helper()
	o := postgres.Options{URL: server.Database(t, server.template), MaxConns: 8}
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

func TestOpenMany(t *testing.T) {
	for range 20 {
		open(t, nil)
	}
}
