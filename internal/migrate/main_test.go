package migrate_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/hubbub-dev/hubbub/internal/testkit"
)

// server is of all tests.
var server *testkit.PostgresServer

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(testkit.WithShared{M: m, Setup: func(t testing.TB) { server = testkit.Postgres(t) }})
}
