package inbox

import (
	"crypto/rand"
	"slices"

	"github.com/hubbub-dev/hubbub"
)

// read returns what makes the outbox items of one step of a mark: those of the notices that are read by it. What is archived does not
// count as read, nor what was read already. The fact has its id from here, so that it is the same each time that the step is tried.
func (in *Inbox) read(user string, m *hubbub.NoticeMark) func(ids []string) []hubbub.OutboxItem {
	if in.o.Report == nil || m.State != hubbub.NoticeRead {
		return nil
	}
	fact := hubbub.NoticesRead{ID: rand.Text(), User: user, Time: in.now()}
	return func(ids []string) []hubbub.OutboxItem {
		fact.Notices = slices.Clone(ids)
		return in.o.Report(fact)
	}
}

// itemsOf makes the outbox items of announcements that change by a mark.
func (in *Inbox) itemsOf(user string, m *hubbub.NoticeMark, ids []string) (items []hubbub.OutboxItem) {
	for part := range slices.Chunk(ids, hubbub.DeliveryStep) {
		if report := in.read(user, m); report != nil {
			items = append(items, report(part)...)
		}
	}
	return items
}
