package postgres_test

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/drivertest"
	"github.com/hubbub-dev/hubbub/driver/postgres"
)

// people are more than a step of a delivery takes.
func people() []string {
	all := make([]string, hubbub.DeliveryStep+50)
	for i := range all {
		all[i] = fmt.Sprintf("user%04d", i)
	}
	return all
}

func publication(id, category string, users ...string) hubbub.Publication {
	return hubbub.Publication{ID: id, Content: hubbub.NoticeContent{Category: category, Title: id}, To: hubbub.Recipients{Users: users},
		Author: "shop", Time: time.Now()}
}

// TestNodesShareDeliveries has two nodes publish to the same users, deliver, mark, collapse, withdraw and expire at the same time. Each user is
// reached once by each publication, and the counts are right in the end.
func TestNodesShareDeliveries(t *testing.T) {
	t.Parallel()
	o := postgres.Options{URL: server.Database(t, server.template), MaxConns: 8}
	stores := [2]*postgres.Store{openWith(t, o), openWith(t, o)}
	users := people()
	var reached reachedUsers
	var wg sync.WaitGroup
	for i, s := range stores {
		wg.Go(func() {
			for n := range 4 {
				p := publication(fmt.Sprint("p", i, "-", n), fmt.Sprint("category", n%2), users...)
				if n%2 == 0 {
					p.Collapse = "latest"
				}
				if n == 3 {
					p.Expires = time.Now().Add(50 * time.Millisecond)
				}
				step, err := s.Publish(t.Context(), p)
				reached.add(t, step, err)
			}
		})
		wg.Go(func() { markMany(t, s, users) })
		for range 2 {
			wg.Go(func() { deliverAndExpire(t, s, &reached, 8) })
		}
	}
	wg.Wait()
	deliverAndExpire(t, stores[0], &reached, 1)
	for _, s := range stores {
		for n := range 2 {
			if _, err := s.Withdraw(t.Context(), fmt.Sprint("p1-", n)); err != nil && hubbub.AsError(err).Reason != hubbub.NotFound {
				t.Error(err)
			}
		}
	}
	for i := 0; i < len(users); i += 7 {
		drivertest.Recount(t, stores[1], users[i])
	}
	noDeadlocks(t, o.URL)
}

// reachedUsers are whom publications have reached.
type reachedUsers struct{ seen sync.Map }

func (r *reachedUsers) add(t *testing.T, step hubbub.Step, err error) {
	if err != nil {
		t.Error(err)
	}
	for _, user := range step.Users {
		if _, twice := r.seen.LoadOrStore(step.Publication.ID+" "+user, true); twice {
			t.Errorf("%s is reached twice by %s", user, step.Publication.ID)
		}
	}
}

func deliverAndExpire(t *testing.T, s *postgres.Store, reached *reachedUsers, times int) {
	for range times {
		due, err := s.Due(t.Context(), 10)
		if err != nil {
			t.Error(err)
		}
		for _, id := range due {
			step, err := s.Deliver(t.Context(), id)
			reached.add(t, step, err)
		}
		if _, err := s.Expire(t.Context(), 120); err != nil {
			t.Error(err)
		}
	}
}

// markMany marks what some users have, in both directions.
func markMany(t *testing.T, s *postgres.Store, users []string) {
	for i := range 60 {
		m := hubbub.NoticeMark{State: hubbub.NoticeSeen, Limit: 100}
		switch i % 3 {
		case 1:
			m.State = hubbub.NoticeRead
		case 2:
			m.Back = true
		}
		if _, _, err := s.MarkNotices(t.Context(), users[i*7%len(users)], m); err != nil {
			t.Error(err)
		}
	}
}

// TestRevisionsRiseWithTheCommits has two nodes publish and withdraw announcements while others look: with a higher revision nobody sees an
// older list, or one to which something of a lower number was added, and there is one of each collapse at most.
func TestRevisionsRiseWithTheCommits(t *testing.T) {
	t.Parallel()
	o := postgres.Options{URL: server.Database(t, server.template), MaxConns: 8}
	stores := [2]*postgres.Store{openWith(t, o), openWith(t, o)}
	var writers, readers sync.WaitGroup
	var done atomic.Bool
	for i, s := range stores {
		writers.Go(func() { announceMany(t, s, i) })
		writers.Go(func() {
			for n := range 12 {
				must := s.MarkAnnouncements(t.Context(), fmt.Sprint("user", n%3), hubbub.AnnouncementMark{
					Made: map[string]hubbub.NoticeState{fmt.Sprint("a1-", n): hubbub.NoticeRead, fmt.Sprint("a0-", n): hubbub.NoticeSeen}})
				if must != nil {
					t.Error(must)
				}
			}
		})
		readers.Go(func() { watchAnnouncements(t, s, &done) })
	}
	writers.Wait()
	done.Store(true)
	readers.Wait()
	all, _, err := stores[0].Announcements(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	collapsing := 0
	for _, a := range all {
		if a.Publication.Collapse != "" {
			collapsing++
		}
	}
	if collapsing > 1 {
		t.Errorf("there are %d announcements of one collapse", collapsing)
	}
	noDeadlocks(t, o.URL)
}

func announceMany(t *testing.T, s *postgres.Store, node int) {
	for n := range 12 {
		p := publication(fmt.Sprint("a", node, "-", n), "news")
		p.To.Audience = &hubbub.Audiences{}
		if n%2 == 0 {
			p.Collapse = "latest"
		}
		step, err := s.Publish(t.Context(), p)
		if err != nil {
			t.Error(err)
		}
		if n%3 != 1 || step.Revision == 0 {
			continue
		}
		if _, err := s.Withdraw(t.Context(), p.ID); err != nil && hubbub.AsError(err).Reason != hubbub.NotFound {
			t.Error(err)
		}
	}
}

func watchAnnouncements(t *testing.T, s *postgres.Store, done *atomic.Bool) {
	var before []string
	last, newest := uint64(0), uint64(0)
	for !done.Load() {
		all, revision, err := s.Announcements(t.Context())
		if err != nil {
			t.Error(err)
			return
		}
		var now []string
		highest := newest
		for _, a := range all {
			if now = append(now, a.Publication.ID); a.Seq <= newest && !slices.Contains(before, a.Publication.ID) {
				t.Errorf("%s of the number %d was added after %d", a.Publication.ID, a.Seq, newest)
			}
			highest = max(highest, a.Seq)
		}
		if revision < last || revision == last && !slices.Equal(now, before) {
			t.Errorf("the revision %d has %q, and %d had %q", revision, now, last, before)
		}
		before, last, newest = now, revision, highest
	}
}

// TestOneKeyOnTwoNodes publishes with the same key at the same time: one of them is the publication.
func TestOneKeyOnTwoNodes(t *testing.T) {
	t.Parallel()
	stores := openTwo(t, nil)
	at := time.Now()
	var published atomic.Int64
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			p := publication(fmt.Sprint("p", i), "news", "ann", "bob")
			p.Key, p.Time, p.Content.Title = "k", at, "the same"
			step, err := stores[i%2].Publish(t.Context(), p)
			if err != nil {
				t.Error(err)
			}
			if !step.Repeated {
				published.Add(1)
			}
		})
	}
	wg.Wait()
	if n := len(drivertest.Recount(t, stores[0], "ann")); n != 1 || published.Load() != 1 {
		t.Fatalf("%d are published, and ann has %d notices", published.Load(), n)
	}
}

// TestPublicationsGoWithTheirLastNotice has two nodes take the notices of a publication at the same time, and then nothing is left of it.
func TestPublicationsGoWithTheirLastNotice(t *testing.T) {
	t.Parallel()
	o := postgres.Options{URL: server.Database(t, server.template), MaxConns: 8}
	stores := [2]*postgres.Store{openWith(t, o), openWith(t, o)}
	users := []string{"ann", "bob", "cid", "dora"}
	for round := range 5 {
		p := publication(fmt.Sprint("p", round), "news", users...)
		p.Collapse = "latest"
		if _, err := stores[0].Publish(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for i, user := range users {
			wg.Go(func() {
				for more := true; more; {
					var err error
					if more, err = stores[i%2].Erase(t.Context(), user); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
	}
	if _, err := stores[0].Expire(t.Context(), 100); err != nil {
		t.Fatal(err)
	}
	c := connect(t, o.URL)
	var n int
	err := c.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM hubbub.publications) + (SELECT count(*) FROM hubbub.inboxes)
		+ (SELECT count(*) FROM hubbub.notice_counts) + (SELECT count(*) FROM hubbub.publication_checks)`).Scan(&n)
	if err != nil || n != 0 {
		t.Fatalf("%d rows are left, %v", n, err)
	}
}
