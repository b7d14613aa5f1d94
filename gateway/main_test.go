package gateway_test

import (
	"flag"
	"testing"

	"go.uber.org/goleak"
)

// TestMain fails the run when a goroutine is left behind. Property tests try fewer cases than rapid would, since each
// of them takes a real server's time; -rapid.checks overrides it.
func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", "10"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}
