package inbox

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/hubbub-dev/hubbub"
)

// Mark says which notices of a user get which state: those of IDs, of a Category, or All. Exactly one of the three is set.
type Mark struct {
	// State is "seen", "read", "unread" or "archived". States only go forward, but "unread" takes what is read back to seen, and
	// what is archived if it is named by IDs.
	State    string
	IDs      []string // 1 to 1000; those that the user does not have are passed over
	Category string
	All      bool
	Until    time.Time // with Category or All: only what was published until then; zero means until now
}

// maxMarked is how many ids a Mark may have.
const maxMarked = 1000

// The first step of a mark changes so few notices that it shares a commit with others, and mostly it is the only one. Those that follow
// change more, but not so many that another writer waits long.
const (
	firstMarks = 16
	markStep   = 200
)

// Mark marks notices of a user and returns how many have changed, and the counts after it. If something has, the user's
// sessions are told. A Mark that makes no sense is Invalid, and one of too many
// IDs TooLarge. After any other error some may be marked; do it again.
func (in *Inbox) Mark(ctx context.Context, user string, m Mark) (changed int, counts hubbub.InboxCounts, err error) {
	if err := hubbub.CheckName("user", user); err != nil {
		return 0, counts, err
	}
	mark, err := m.check()
	if err != nil {
		return 0, counts, err
	}
	changed, err = in.mark(ctx, user, &mark)
	if changed > 0 {
		t := in.tell(ctx)
		t.user(user, hubbub.NoticesMarked{User: user, Mark: mark}, hubbub.InboxChanged{User: user})
		t.done()
	}
	if err != nil {
		return changed, counts, fmt.Errorf("mark notices of %q: %w", user, err)
	}
	counts, err = in.Counts(ctx, user)
	return changed, counts, err
}

// check returns the mark as stores understand it.
func (m Mark) check() (hubbub.NoticeMark, error) {
	mark := hubbub.NoticeMark{State: hubbub.NoticeState(m.State), Category: m.Category, Until: m.Until}
	switch m.State {
	case "seen", "read", "archived":
	case "unread":
		mark.State, mark.Back = hubbub.NoticeSeen, true
	default:
		return mark, hubbub.Errorf(hubbub.Invalid, "the state %.40q is not one of seen, read, unread, archived", m.State)
	}
	kinds := 0
	for _, set := range []bool{len(m.IDs) > 0, m.Category != "", m.All} {
		if set {
			kinds++
		}
	}
	if kinds != 1 {
		return mark, hubbub.Errorf(hubbub.Invalid, "say what to mark: ids, or a category, or all, and only one of these")
	}
	if m.Category != "" {
		return mark, hubbub.CheckName("category", m.Category)
	}
	if m.All {
		return mark, nil
	}
	if !m.Until.IsZero() {
		return mark, hubbub.Errorf(hubbub.Invalid, "until is for a category or all, not for ids: leave it out")
	}
	if len(m.IDs) > maxMarked {
		return mark, hubbub.Errorf(hubbub.TooLarge, "there are %d ids; at most %d at once are allowed: name a category, or all, for more", len(m.IDs), maxMarked)
	}
	mark.IDs = slices.Clone(m.IDs)
	slices.Sort(mark.IDs)
	mark.IDs = slices.Compact(mark.IDs)
	return mark, nil
}

// mark marks the notices in steps and then the announcements.
func (in *Inbox) mark(ctx context.Context, user string, m *hubbub.NoticeMark) (changed int, err error) {
	done, err := in.marking.take(ctx, user)
	if err != nil {
		return 0, err
	}
	defer done()
	if m.IDs == nil && m.Until.IsZero() {
		if m.Until, err = in.newest(ctx, user); err != nil {
			return 0, err
		}
	}
	step := *m
	step.Limit = firstMarks
	for more := true; more; {
		var n int
		step.Report = in.read(user, m)
		if n, more, err = in.o.Store.MarkNotices(ctx, user, step); err != nil {
			return changed, err
		}
		changed += n
		step.Limit = markStep
	}
	n, err := in.markAnnouncements(ctx, user, *m)
	return changed + n, err
}

// newest returns the time until when everything has been published that is in the inbox now: so that what comes between the steps
// is not marked, and sessions that are told can do the same with their lists. It is later than now where clocks disagree.
func (in *Inbox) newest(ctx context.Context, user string) (time.Time, error) {
	until := in.now()
	newest, err := in.list(ctx, user, selection{states: states(), limit: 1})
	if err == nil && len(newest.Notices) > 0 && newest.Notices[0].Time.After(until) {
		until = newest.Notices[0].Time
	}
	return until, err
}

// markAnnouncements tells how many of the user's announcements it has changed. Single ones come first, in steps like notices: the
// watermark does not hold for them.
func (in *Inbox) markAnnouncements(ctx context.Context, user string, m hubbub.NoticeMark) (told int, err error) {
	s, b, err := in.look(ctx, user)
	if err != nil || len(b.bySeq) == 0 {
		return 0, err
	}
	mark, under := b.mark(newReader(s), m)
	for part := range slices.Chunk(slices.Sorted(maps.Keys(mark.Made)), markStep) {
		made := make(map[string]hubbub.NoticeState, len(part))
		for _, id := range part {
			made[id] = mark.Made[id]
		}
		step := hubbub.AnnouncementMark{Made: made, Items: in.itemsOf(user, &m, part)}
		if err := in.o.Store.MarkAnnouncements(ctx, user, step); err != nil {
			return told, err
		}
		told += len(part)
	}
	if mark.Up == nil {
		return told, nil
	}
	step := hubbub.AnnouncementMark{Up: mark.Up, Items: in.itemsOf(user, &m, under)} // it forgets only what says less
	if err := in.o.Store.MarkAnnouncements(ctx, user, step); err != nil {
		return told, err
	}
	return told + len(under), nil
}

// mark returns what a user makes of announcements by a mark. under are the ids of those that are changed by its watermark alone.
func (b *board) mark(r *reader, m hubbub.NoticeMark) (mark hubbub.AnnouncementMark, under []string) {
	made := make(map[string]hubbub.NoticeState)
	for i := range b.bySeq {
		a := &b.bySeq[i]
		if covers(&m, &a.Publication) && r.has(a) && changes(&m, r.state(a)) {
			made[a.Publication.ID] = m.State
		}
	}
	mark.Made = made
	if m.IDs != nil || m.Back {
		return mark, nil
	}
	mark.Up = b.watermark(r, &m, len(made) > 0)
	if mark.Up == nil {
		return mark, nil
	}
	for id := range made {
		a := &b.bySeq[b.byID[id]]
		if marked := r.level(a.Publication.Content.Category).state(a.Seq); a.Seq <= mark.Up.Seq && rank(marked) <= rank(m.State) {
			delete(made, id) // the watermark says it, and no other one says more
			under = append(under, id)
		}
	}
	slices.Sort(under)
	return mark, under
}

// watermark returns the highest one under which there is nothing of the category that was published later than the mark says. It
// is nil if there is none, or if it would change nothing.
func (b *board) watermark(r *reader, m *hubbub.NoticeMark, needed bool) *hubbub.Watermark {
	up := hubbub.Watermark{Category: m.Category, State: m.State}
	for i := range b.bySeq {
		p := &b.bySeq[i].Publication
		if m.Category != "" && p.Content.Category != m.Category {
			continue
		}
		if !covers(m, p) {
			break
		}
		up.Seq = b.bySeq[i].Seq
	}
	reached := r.level(m.Category).state(up.Seq)
	if up.Seq == 0 || !needed && rank(reached) >= rank(m.State) {
		return nil
	}
	return &up
}

// covers tells whether a mark is about a publication.
func covers(m *hubbub.NoticeMark, p *hubbub.Publication) bool {
	if m.IDs != nil {
		_, named := slices.BinarySearch(m.IDs, p.ID)
		return named
	}
	if m.Category != "" && m.Category != p.Content.Category {
		return false
	}
	return m.Until.IsZero() || p.Time.UnixMilli() <= m.Until.UnixMilli()
}

// changes tells whether a mark changes what is in a state.
func changes(m *hubbub.NoticeMark, s hubbub.NoticeState) bool {
	if m.Back {
		return s == hubbub.NoticeRead || s == hubbub.NoticeArchived && m.IDs != nil
	}
	return rank(s) < rank(m.State)
}
