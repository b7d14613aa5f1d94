package inbox_test

import (
	"errors"
	"flag"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/hubbub-dev/hubbub"
)

// TestMain has the model test make fewer runs than rapid's hundred, since each takes half a second on a busy machine with the race
// detector; -rapid.checks overrides it.
func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", "25"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

// wantError fails the test unless err has the reason and its message the words.
func wantError(t testing.TB, err error, reason hubbub.Reason, words string) {
	t.Helper()
	var e *hubbub.Error
	if !errors.As(err, &e) || e.Reason != reason || !strings.Contains(err.Error(), words) {
		t.Errorf("error is %v, want %s with %q", err, reason, words)
	}
}
