package sqlite_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/sqlite"
)

// BenchmarkInbox asks for the inbox of a user with few and with many notices, beside 1,000 announcements: it should take as
// long. The last asks again when the user has made something of each single announcement.
func BenchmarkInbox(b *testing.B) {
	for _, notices := range []int{100, 100_000} {
		s := open(b, sqlite.Options{MaxBatch: 1000})
		fill(b, s, notices, 1000)
		run := func(what string, ask func(ctx context.Context) (ok bool, err error)) {
			b.Run(fmt.Sprintf("%s/%d", what, notices), func(b *testing.B) {
				for b.Loop() {
					if ok, err := ask(b.Context()); !ok || err != nil {
						b.Fatalf("the answer is %v, %v", ok, err)
					}
				}
			})
		}
		counts := func(ctx context.Context) (bool, error) {
			box, err := s.Inbox(ctx, "ann")
			return box.Counts.Unread == 50, err
		}
		page := func(q hubbub.NoticeQuery) func(ctx context.Context) (bool, error) {
			return func(ctx context.Context) (bool, error) {
				all, err := s.NoticesOf(ctx, "ann", q)
				return len(all) > 0, err
			}
		}
		run("counts", counts)
		run("first page", page(hubbub.NoticeQuery{Limit: 50}))
		run("first page of a category", page(hubbub.NoticeQuery{Limit: 50, Category: "c1"}))
		run("first page of unseen", page(hubbub.NoticeQuery{Limit: 50, States: []hubbub.NoticeState{hubbub.NoticeUnseen}}))
		run("announcements", func(ctx context.Context) (bool, error) {
			all, _, err := s.Announcements(ctx)
			return len(all) == 1000, err
		})
		run("marks without effect", func(ctx context.Context) (bool, error) {
			n, _, err := s.MarkNotices(ctx, "ann", hubbub.NoticeMark{State: hubbub.NoticeSeen, Category: "none", Limit: 100})
			return n == 0, err
		})
		made := map[string]hubbub.NoticeState{}
		for i := range 1000 {
			made[fmt.Sprint("announcement", i)] = hubbub.NoticeRead
		}
		if err := s.MarkAnnouncements(b.Context(), "ann", hubbub.AnnouncementMark{Made: made}); err != nil {
			b.Fatal(err)
		}
		run("counts with 1000 exceptions", counts)
	}
}

// BenchmarkDelivery delivers to a thousand users in each round, and reports the notices of a second.
func BenchmarkDelivery(b *testing.B) {
	const users = 1000
	for _, collapse := range []string{"", "likes"} {
		b.Run("collapse="+collapse, func(b *testing.B) {
			s := open(b, sqlite.Options{})
			to := make([]string, users)
			for i := range to {
				to[i] = fmt.Sprint("user", i)
			}
			round := 0
			for b.Loop() {
				round++
				p := note(fmt.Sprint("p", round), "c")
				p.To.Users, p.Collapse = to, collapse
				step, err := s.Publish(b.Context(), p)
				for err == nil && step.More {
					step, err = s.Deliver(b.Context(), p.ID)
				}
				if err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(users*b.N)/b.Elapsed().Seconds(), "notices/s")
		})
	}
}

func note(id, category string) hubbub.Publication {
	return hubbub.Publication{
		ID: id, Time: time.Now(), Content: hubbub.NoticeContent{Category: category, Title: "Your order was sent", Link: "/orders/" + id},
	}
}

// fill gives ann notices of ten categories, of which all but those of the last hundred are read, and publishes announcements.
func fill(b *testing.B, s *sqlite.Store, notices, announcements int) {
	b.Helper()
	const writers = 1000
	publish := func(from, to int) {
		var all sync.WaitGroup
		for w := range writers {
			all.Go(func() {
				for i := from + w; i < to; i += writers {
					p := note(fmt.Sprintf("notice%08d", i), fmt.Sprint("c", i%10))
					p.To.Users = []string{"ann"}
					if _, err := s.Publish(b.Context(), p); err != nil {
						b.Error(err)
					}
				}
			})
		}
		all.Wait()
	}
	publish(0, notices-50)
	for more := true; more; {
		var err error
		if _, more, err = s.MarkNotices(b.Context(), "ann", hubbub.NoticeMark{State: hubbub.NoticeRead, Limit: 1000}); err != nil {
			b.Fatal(err)
		}
	}
	publish(notices-50, notices)
	for i := range announcements {
		p := note(fmt.Sprint("announcement", i), "news")
		p.To.Audience = &hubbub.Audiences{}
		if _, err := s.Publish(b.Context(), p); err != nil {
			b.Fatal(err)
		}
	}
}
