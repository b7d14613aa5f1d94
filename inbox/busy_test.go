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

// TestNothingIsLostOrCountedTwiceWhileAllIsBusy publishes, marks and counts at the same time.
func TestNothingIsLostOrCountedTwiceWhileAllIsBusy(t *testing.T) {
	const announcements, notices, readers = 24, 24, 2
	w := openWorld(t, time.Now, nil)
	w.arrive("ann")
	w.arrive("bob")
	e := w.listen("")
	var busy sync.WaitGroup
	var done atomic.Bool
	publish := func(to hubbub.Recipients, n int) {
		busy.Go(func() {
			for i := range n {
				if _, err := w.Publish(w.ctx, hubbub.Publication{Content: hubbub.NoticeContent{Title: fmt.Sprint(i)}, To: to}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	publish(everybody(), announcements/2)
	publish(everybody(), announcements/2)
	publish(users("ann", "bob"), notices)
	var marked atomic.Int64 // by bob, who reads each once
	var others sync.WaitGroup
	for range 2 {
		others.Go(func() {
			for !done.Load() {
				n, _, err := w.Mark(w.ctx, "bob", inbox.Mark{State: "read", All: true})
				if err != nil {
					t.Error(err)
					return
				}
				marked.Add(int64(n))
			}
		})
	}
	for range readers {
		others.Go(func() { countWhile(t, w, &done) })
	}
	busy.Wait()
	done.Store(true)
	others.Wait()

	for i, event := range e.take() {
		if a := event.(hubbub.Announced); a.Revision != uint64(i+1) {
			t.Fatalf("the announcement %d was told with the revision %d", i+1, a.Revision)
		}
	}
	if c := w.counts("ann"); c.Unseen != announcements+notices || c.Revision != announcements {
		t.Errorf("ann's counts are %+v, want %d unseen", c, announcements+notices)
	}
	w.wantRecount("ann")
	marked.Add(int64(w.mark("bob", inbox.Mark{State: "read", All: true})))
	if n := marked.Load(); n != announcements+notices {
		t.Errorf("bob has marked %d, want %d", n, announcements+notices)
	}
	w.wantRecount("bob")
}

// countWhile counts for ann, who has all announcements up to the revision and marks nothing.
func countWhile(t *testing.T, w *world, done *atomic.Bool) {
	var last hubbub.InboxCounts
	for !done.Load() {
		c, err := w.Counts(w.ctx, "ann")
		if err != nil {
			t.Error(err)
			return
		}
		if c.Revision < last.Revision || c.Unseen < last.Unseen || c.Unseen < int(c.Revision) {
			t.Errorf("counted %+v after %+v", c, last)
			return
		}
		last = c
	}
}
