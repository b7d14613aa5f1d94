package sqlite_test

import (
	"context"
	"sync"
	"testing"

	"github.com/hubbub-dev/hubbub/driver/sqlite"
)

// TestLongListsLeaveAReader has many who read long lists at once. Whoever asks for a little need not wait for them.
func TestLongListsLeaveAReader(t *testing.T) {
	s := open(t, sqlite.Options{Readers: 2})
	held, holding := make(chan struct{}), make(chan struct{}, 4)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			err := s.ReadMany(context.Background(), func() { holding <- struct{}{}; <-held })
			if err != nil {
				t.Error(err)
			}
		})
	}
	<-holding
	if _, err := s.MemberOf(t.Context(), "board", "ann"); err != nil {
		t.Error(err)
	}
	if n := len(holding); n != 0 {
		t.Errorf("%d more read long lists at the same time", n)
	}
	close(held)
	wg.Wait()
}
