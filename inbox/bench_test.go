package inbox_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/inbox"
)

// BenchmarkInbox reads the inbox of a user who has 100,000 notices in ten categories and 1,000 announcements, all unseen, and counts that
// of one who has 100 notices and the same announcements.
func BenchmarkInbox(b *testing.B) {
	const notices, announcements = 100_000, 1_000
	w := openWorld(b, time.Now, nil)
	w.arrive("ann", "plan=pro")
	w.arrive("bob", "plan=pro")
	w.fill(100, users("bob"))
	w.fill(notices, users("ann"))
	w.fill(announcements/2, everybody())
	w.fill(announcements/2, everybody("plan=pro"))
	if c := w.counts("ann"); c.Unseen != notices+announcements {
		b.Fatalf("the counts are %+v", c)
	}
	for name, user := range map[string]string{"Counts": "ann", "CountsOfFew": "bob"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				w.counts(user)
			}
		})
	}
	for name, q := range map[string]inbox.Query{"List": {}, "ListOfCategory": {State: "unread", Category: "c7"}} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if page, err := w.List(w.ctx, "ann", q); err != nil || len(page.Notices) != 50 {
					b.Fatalf("listed %d (%v)", len(page.Notices), err)
				}
			}
		})
	}
}

// fill publishes many notices, as many at once as one commit takes.
func (w *world) fill(n int, to hubbub.Recipients) {
	var next atomic.Int64
	var all sync.WaitGroup
	for range 256 {
		all.Go(func() {
			for {
				i := int(next.Add(1))
				if i > n {
					return
				}
				content := hubbub.NoticeContent{Category: fmt.Sprint("c", i%10), Title: fmt.Sprint("Notice ", i), Body: "It is about something."}
				if _, err := w.Publish(w.ctx, hubbub.Publication{Content: content, To: to}); err != nil {
					w.t.Errorf("publish: %v", err)
					return
				}
			}
		})
	}
	all.Wait()
}
