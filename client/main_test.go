package client_test

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain fails the run when a client has left a goroutine behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
