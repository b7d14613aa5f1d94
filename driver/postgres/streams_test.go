package postgres_test

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/drivertest"
	"github.com/hubbub-dev/hubbub/driver/postgres"
)

var lobby = hubbub.RoomStream("lobby")

// crowd appends n messages of a user to the lobby, many at a time.
func crowd(t *testing.T, s *postgres.Store, user string, n int, keep hubbub.Retention) {
	t.Helper()
	numbers := make(chan int)
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			for i := range numbers {
				_, err := s.Append(t.Context(), hubbub.Draft{Retention: keep, Message: hubbub.Message{
					ID: fmt.Sprint(user, i), Stream: lobby, Data: json.RawMessage("1"), From: hubbub.Sender{User: user},
				}})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range n {
		numbers <- i
	}
	close(numbers)
	wg.Wait()
}

// unread is how many messages of the lobby a user has not read.
func unread(t *testing.T, s *postgres.Store, user string) int {
	t.Helper()
	page, err := s.Conversations(t.Context(), user, "", 1)
	if err != nil || len(page.Conversations) != 1 {
		t.Fatalf("%s has %+v, %v", user, page, err)
	}
	return page.Conversations[0].Unread
}

func TestUnreadAmongManyOfOnesOwn(t *testing.T) {
	t.Parallel()
	s := open(t, nil)
	crowd(t, s, "bob", 30, hubbub.Retention{})
	crowd(t, s, "ann", 1300, hubbub.Retention{})
	crowd(t, s, "bob", 25, hubbub.Retention{})
	crowd(t, s, "ann", 1300, hubbub.Retention{})
	crowd(t, s, "bob", 1, hubbub.Retention{})
	if n := unread(t, s, "ann"); n != 56 {
		t.Errorf("ann has %d unread, want 56", n)
	}
	if n := unread(t, s, "bob"); n != 1000 {
		t.Errorf("bob has %d unread, want 1000, which is as far as they are counted", n)
	}
	page, err := s.After(t.Context(), lobby, hubbub.Position{}, 10)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.MarkRead(t.Context(), "ann", lobby, page.Messages[9].Position); err != nil {
		t.Fatal(err)
	}
	if n := unread(t, s, "ann"); n != 46 {
		t.Errorf("after reading 10 ann has %d unread, want 46", n)
	}
	crowd(t, s, "ann", 1, hubbub.Retention{Messages: 2642}) // drops 15, of which 5 were not read
	if n := unread(t, s, "ann"); n != 41 {
		t.Errorf("after dropping 15 ann has %d unread, want 41", n)
	}
}

func TestWhatIsDroppedIsDeleted(t *testing.T) {
	t.Parallel()
	clock := drivertest.NewClock()
	s := open(t, clock)
	rows := func(atMost int) {
		t.Helper()
		if n, err := s.Rows(t.Context()); err != nil || n > atMost {
			t.Errorf("the table has %d messages, %v; want at most %d", n, err, atMost)
		}
	}
	trim := func() {
		t.Helper()
		for more := true; more; {
			var err error
			if more, err = s.Trim(t.Context(), 7); err != nil {
				t.Fatal(err)
			}
		}
	}
	crowd(t, s, "ann", 300, hubbub.Retention{})
	crowd(t, s, "ann", 1, hubbub.Retention{Messages: 10})
	rows(300)
	trim()
	rows(10)
	crowd(t, s, "ann", 200, hubbub.Retention{Messages: 10})
	rows(10 + 16 + 64) // as many as share a transaction
	crowd(t, s, "ann", 1, hubbub.Retention{Messages: 10, Age: time.Hour})
	clock.Advance(2 * time.Hour)
	trim()
	rows(0)
	crowd(t, s, "ann", 1, hubbub.Retention{Messages: -1})
	trim()
	rows(0)
}

func TestTheStoreRemembers(t *testing.T) {
	t.Parallel()
	o := postgres.Options{URL: server.take(t)}
	s := openWith(t, o)
	keyed := hubbub.Draft{Key: "k", Author: "ann phone", Message: hubbub.Message{
		ID: "first", Stream: lobby, Data: json.RawMessage(`"hello"`), Time: time.Now(), From: hubbub.Sender{User: "ann"},
	}}
	first, err := s.Append(t.Context(), keyed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.MarkRead(t.Context(), "bob", lobby, first.Message.Position); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openWith(t, o)
	keyed.Message.ID = "again"
	again, err := s.Append(t.Context(), keyed)
	if err != nil || !again.Repeated || again.Message.ID != "first" || again.Message.Position != first.Message.Position {
		t.Errorf("the repeated key is %+v, %v", again, err)
	}
	other := keyed
	other.Key, other.Message.Stream = "", hubbub.PairStream("ann", "bob")
	if _, err := s.Append(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	page, err := s.Conversations(t.Context(), "bob", "", 10)
	if err != nil || len(page.Conversations) != 2 || page.Conversations[0].Stream != other.Message.Stream {
		t.Fatalf("bob talks in %+v, %v; want the newest first", page, err)
	}
	if c := page.Conversations[1]; c.Read != first.Message.Position || c.Unread != 0 {
		t.Errorf("of the lobby bob has read %v, and has %d unread", c.Read, c.Unread)
	}
}
