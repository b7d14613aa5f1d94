package inbox_test

import (
	"errors"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/hubbub-dev/hubbub"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// wantError fails the test unless err has the reason and its message the words.
func wantError(t testing.TB, err error, reason hubbub.Reason, words string) {
	t.Helper()
	var e *hubbub.Error
	if !errors.As(err, &e) || e.Reason != reason || !strings.Contains(err.Error(), words) {
		t.Errorf("error is %v, want %s with %q", err, reason, words)
	}
}
