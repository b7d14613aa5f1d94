package sqlite_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/sqlite"
)

// TestOneLongWriteIsQueuedAtATime has several who write a lot come before one who writes little. That one shares a commit with the
// first of them, and need not wait for the others.
func TestOneLongWriteIsQueuedAtATime(t *testing.T) {
	s := open(t, sqlite.Options{})
	crowd := make([]string, hubbub.DeliveryStep)
	for i := range crowd {
		crowd[i] = fmt.Sprint("user", i)
	}
	made := make(map[string]hubbub.NoticeState, len(crowd))
	for _, user := range crowd {
		made[user] = hubbub.NoticeRead
	}
	release := hold(t, s)
	var wg sync.WaitGroup
	do := func(f func(ctx context.Context) error) {
		wg.Go(func() {
			if err := f(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	publish := func(id string, users []string) {
		do(func(ctx context.Context) error {
			_, err := s.Publish(ctx, hubbub.Publication{ID: id, Content: hubbub.NoticeContent{Category: "news", Title: id},
				To: hubbub.Recipients{Users: users}})
			return err
		})
	}
	long := func() {
		publish("a", crowd)
		do(func(ctx context.Context) error {
			_, _, err := s.MarkNotices(ctx, "ann", hubbub.NoticeMark{State: hubbub.NoticeRead, Limit: hubbub.DeliveryStep})
			return err
		})
		do(func(ctx context.Context) error {
			return s.MarkAnnouncements(ctx, "ann", hubbub.AnnouncementMark{Made: made})
		})
		do(func(ctx context.Context) error { _, err := s.Expire(ctx, hubbub.DeliveryStep); return err })
		do(func(ctx context.Context) error { _, err := s.Deliver(ctx, "a"); return err })
	}
	long()
	queued(t, s, 1)
	for i := range 10 {
		publish(fmt.Sprint("few", i), crowd[:3])
	}
	queued(t, s, 11)
	before := s.Stats()
	release()
	wg.Wait()
	// The one that was held, one for the first long write and those with few rows, and one for each further long write.
	if after := s.Stats(); after.Commits-before.Commits != 6 {
		t.Errorf("there were %d commits, want 6", after.Commits-before.Commits)
	}
}
