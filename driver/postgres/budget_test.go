package postgres_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/drivertest"
	"github.com/hubbub-dev/hubbub/driver/postgres"
)

// TestOneSenderCannotFillTheDisk bounds what is kept of one user, in whichever streams, until something of it has expired. Others
// and backends go on.
func TestOneSenderCannotFillTheDisk(t *testing.T) {
	t.Parallel()
	clock := drivertest.NewClock()
	s := openWith(t, postgres.Options{URL: server.take(t), Now: clock.Now, KeptPerSender: 100_000})
	send := func(from, to string) error {
		m := hubbub.Message{ID: to, Stream: hubbub.PairStream("ann", to), From: hubbub.Sender{User: from}, Time: clock.Now(),
			Data: []byte(`"` + strings.Repeat("x", 9_700) + `"`)}
		_, err := s.Append(t.Context(), hubbub.Draft{Message: m, Retention: hubbub.Retention{Age: time.Hour}})
		return err
	}
	names := strings.Split("abcdefghij", "")
	for _, to := range names {
		if err := send("ann", to); err != nil {
			t.Fatal(err)
		}
	}
	if err := send("ann", "k"); err == nil || hubbub.AsError(err).Reason != hubbub.TooLarge {
		t.Errorf("the eleventh is answered with %v", err)
	}
	for _, other := range []string{"bob", ""} {
		if err := send(other, "k"); err != nil {
			t.Errorf("%q cannot send: %v", other, err)
		}
	}
	clock.Advance(2 * time.Hour)
	for more := true; more; {
		var err error
		if more, err = s.Trim(t.Context(), 4); err != nil {
			t.Fatal(err)
		}
	}
	if err := send("ann", "k"); err != nil {
		t.Errorf("after the others have expired: %v", err)
	}
}
