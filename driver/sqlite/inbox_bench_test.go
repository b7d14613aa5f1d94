package sqlite_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/sqlite"
)

// BenchmarkInbox asks for the inbox of a user with few and with many notices, beside 1,000 announcements: it should take as
// long.
func BenchmarkInbox(b *testing.B) {
	for _, notices := range []int{100, 100_000} {
		s := open(b, sqlite.Options{MaxBatch: 1000})
		fill(b, s, notices, 1000)
		name := func(what string) string { return fmt.Sprintf("%s/%d", what, notices) }
		b.Run(name("counts"), func(b *testing.B) {
			for b.Loop() {
				box, err := s.Inbox(b.Context(), "ann")
				if err != nil || box.Counts.Unread == 0 {
					b.Fatalf("%+v, %v", box, err)
				}
			}
		})
		for what, q := range map[string]hubbub.NoticeQuery{
			"first page": {Limit: 50}, "page of a category": {Limit: 50, Category: "c1"},
			"page of unseen": {Limit: 50, States: []hubbub.NoticeState{hubbub.NoticeUnseen}},
		} {
			b.Run(name(what), func(b *testing.B) {
				for b.Loop() {
					if page, err := s.NoticesOf(b.Context(), "ann", q); err != nil || len(page) == 0 {
						b.Fatalf("%d notices, %v", len(page), err)
					}
				}
			})
		}
		b.Run(name("announcements"), func(b *testing.B) {
			for b.Loop() {
				if all, _, err := s.Announcements(b.Context()); err != nil || len(all) != 1000 {
					b.Fatalf("%d announcements, %v", len(all), err)
				}
			}
		})
		b.Run(name("marks without effect"), func(b *testing.B) {
			for b.Loop() {
				if n, _, err := s.MarkNotices(b.Context(), "ann", hubbub.NoticeMark{State: hubbub.NoticeSeen, Category: "none", Limit: 100}); err != nil || n != 0 {
					b.Fatalf("%d marked, %v", n, err)
				}
			}
		})
	}
}

// BenchmarkDelivery delivers to a thousand users in each round, and reports the notices of a second.
func BenchmarkDelivery(b *testing.B) {
	const users = 1000
	for _, collapse := range []string{"", "likes"} {
		b.Run("collapse="+collapse, func(b *testing.B) {
			s := open(b, sqlite.Options{MaxBatch: 1000})
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
