package interop_test

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain fails the run when a server, a client or a browser has left a goroutine behind.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}
