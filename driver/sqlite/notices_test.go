package sqlite_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/drivertest"
	"github.com/hubbub-dev/hubbub/driver/sqlite"
)

// rows tells how many rows there are in each table of the inboxes that has any.
func rows(t *testing.T, path string) map[string]int {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	found := map[string]int{}
	for _, table := range []string{
		"publications", "publication_keys", "publication_users", "notices", "notice_counts", "announcement_states",
	} {
		n := 0
		if err := db.QueryRow("SELECT count(*) FROM " + table).Scan(&n); err != nil {
			t.Fatal(err)
		}
		if n > 0 {
			found[table] = n
		}
	}
	return found
}

// variant returns one of 32 publications that differ in all that matters for what is kept of them.
func variant(i int, now time.Time) hubbub.Publication {
	p := hubbub.Publication{
		ID: fmt.Sprint("p", i), Content: hubbub.NoticeContent{Category: "c", Title: "t"}, Time: now,
		Expires: now.Add(time.Minute), To: hubbub.Recipients{Users: []string{"ann", "bob"}},
	}
	if i&1 != 0 {
		p.Key = p.ID
	}
	if i&2 != 0 {
		p.Collapse = "x"
	}
	if i&4 != 0 {
		p.Time = p.Time.Add(2 * time.Minute) // it expires before
	}
	switch i >> 3 & 3 {
	case 1:
		p.To = hubbub.Recipients{Audience: &hubbub.Audiences{}}
	case 2:
		for n := range hubbub.DeliveryStep + 1 {
			p.To.Users = append(p.To.Users, fmt.Sprint("user", n))
		}
	case 3:
		p.To = hubbub.Recipients{Room: "empty"}
	}
	return p
}

// TestNothingIsLeftOfWhatIsGone publishes in every way, removes all in every way, and looks for rows that nobody needs.
func TestNothingIsLeftOfWhatIsGone(t *testing.T) {
	clock := drivertest.NewClock()
	path := filepath.Join(t.TempDir(), "hubbub.db")
	s := open(t, sqlite.Options{Path: path, Now: clock.Now})
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for i := range 64 {
		p := variant(i, clock.Now())
		_, err := s.Publish(t.Context(), p)
		must(err)
		made := map[string]hubbub.NoticeState{p.ID: hubbub.NoticeRead}
		must(s.MarkAnnouncements(t.Context(), "ann", hubbub.AnnouncementMark{Made: made}))
		if i < 32 {
			continue
		}
		if _, err := s.Withdraw(t.Context(), p.ID); err != nil && hubbub.AsError(err).Reason != hubbub.NotFound {
			t.Fatal(err)
		}
	}
	if found := rows(t, path); len(found) != 6 {
		t.Fatalf("there are rows only in %v", found)
	}
	clock.Advance(hubbub.NoticeKeyLife + time.Minute)
	for more := true; more; {
		gone, err := s.Expire(t.Context(), 1000)
		must(err)
		more = gone.More
	}
	if found := rows(t, path); len(found) != 0 {
		t.Fatalf("there are rows left in %v", found)
	}
}
