package postgres

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/postgres/internal/db"
)

// MarkNotices implements [hubbub.Inboxes].
func (s *Store) MarkNotices(ctx context.Context, user string, m hubbub.NoticeMark) (changed int, more bool, err error) {
	k, err := newMarker(user, m)
	if err != nil {
		return 0, false, err
	}
	if none, err := s.nothingToMark(ctx, k); none || err != nil {
		return 0, false, err
	}
	err = s.write(ctx, func(ctx context.Context, q *db.Queries) error {
		changed, more = 0, false
		if _, err := q.LockInbox(ctx, user); err != nil {
			return ignoreNone(err) // who has no notices
		}
		ids, err := k.mark(ctx, q)
		changed, more = len(ids), len(ids) > 0 && int64(len(ids)) >= k.limit
		if err != nil || changed == 0 || m.Report == nil {
			return err
		}
		return putItems(ctx, q, m.Report(ids), s.o.Now())
	})
	if err != nil {
		return 0, false, fmt.Errorf("mark notices: %w", err)
	}
	return changed, more, nil
}

// marker makes one mark.
type marker struct {
	user            string
	ids             []string // each once; nil means any
	category        string
	to              int16
	lowest, highest int16 // the states that change
	until           int64 // in milliseconds
	limit           int64
}

func newMarker(user string, m hubbub.NoticeMark) (marker, error) {
	to, err := numberOf(m.State)
	if err != nil {
		return marker{}, err
	}
	k := marker{
		user: user, category: m.Category, to: to, highest: to - 1, until: math.MaxInt64, limit: int64(max(m.Limit, 0)),
	}
	switch {
	case to == 0 || m.Back && to != numberOfSeen:
		return marker{}, hubbub.Errorf(hubbub.Invalid,
			"notices cannot be marked as %q; use seen, read or archived, or seen to take them back", m.State)
	case m.Back:
		k.lowest, k.highest = to+1, to+1
		if m.IDs != nil {
			k.highest = numberOfArchived
		}
	}
	if !m.Until.IsZero() {
		k.until = m.Until.UnixMilli()
	}
	if m.IDs != nil {
		k.ids = slices.Clone(m.IDs)
		slices.Sort(k.ids)
		k.ids = slices.Compact(k.ids)
	}
	return k, nil
}

// nothingToMark spares a write to those who mark all as seen whenever they look.
func (s *Store) nothingToMark(ctx context.Context, k marker) (none bool, err error) {
	if k.ids != nil || k.category != "" {
		return false, nil
	}
	err = s.readOne(ctx, func(ctx context.Context, q *db.Queries) error {
		found, err := q.HasNoticesIn(ctx, db.HasNoticesInParams{Who: k.user, Lowest: k.lowest, Highest: k.highest, Until: k.until})
		none = !found
		return err
	})
	if err != nil {
		return false, fmt.Errorf("look for notices to mark: %w", err)
	}
	return none, nil
}

// mark changes at most limit notices, and returns which. It asks for each state that changes, since the index for it then finds only notices that
// change: marking all when there is nothing to mark costs nothing, however many notices there are.
func (k marker) mark(ctx context.Context, q *db.Queries) (changed []string, err error) {
	if k.ids != nil {
		return q.MarkNoticesByID(ctx, db.MarkNoticesByIDParams{State: k.to, Who: k.user, Ids: k.ids, Lowest: k.lowest, Highest: k.highest,
			Until: k.until, Category: k.category, Most: k.limit})
	}
	for present := k.lowest; present <= k.highest && int64(len(changed)) < k.limit; present++ {
		ids, err := k.markState(ctx, q, present, k.limit-int64(len(changed)))
		if err != nil {
			return changed, err
		}
		changed = append(changed, ids...)
	}
	return changed, nil
}

func (k marker) markState(ctx context.Context, q *db.Queries, present int16, limit int64) ([]string, error) {
	if k.category == "" {
		return q.MarkNotices(ctx, db.MarkNoticesParams{State: k.to, Who: k.user, Present: present, Until: k.until, Most: limit})
	}
	return q.MarkNoticesOf(ctx, db.MarkNoticesOfParams{
		State: k.to, Who: k.user, Category: k.category, Present: present, Until: k.until, Most: limit,
	})
}

// MarkAnnouncements implements [hubbub.Inboxes].
func (s *Store) MarkAnnouncements(ctx context.Context, user string, m hubbub.AnnouncementMark) error {
	made := db.MakeAnnouncementsParams{Who: user}
	for _, id := range slices.Sorted(maps.Keys(m.Made)) {
		n, err := numberOf(m.Made[id])
		if err != nil {
			return err
		}
		made.Ids, made.States = append(made.Ids, id), append(made.States, n)
	}
	up, err := newMark(user, m.Up)
	if err != nil {
		return err
	}
	err = s.write(ctx, func(ctx context.Context, q *db.Queries) error {
		if err := q.LockMarks(ctx, user); err != nil {
			return err
		}
		if up.Seq > 0 {
			if err := raise(ctx, q, up); err != nil {
				return err
			}
		}
		if len(made.Ids) > 0 {
			if err := q.MakeAnnouncements(ctx, made); err != nil {
				return err
			}
		}
		return putItems(ctx, q, m.Items, s.o.Now())
	})
	if err != nil {
		return fmt.Errorf("mark announcements: %w", err)
	}
	return nil
}

// newMark returns a mark without Seq if there is none.
func newMark(user string, w *hubbub.Watermark) (db.RaiseAnnouncementMarkParams, error) {
	if w == nil {
		return db.RaiseAnnouncementMarkParams{}, nil
	}
	state, err := numberOf(w.State)
	if err == nil && state == 0 {
		err = hubbub.Errorf(hubbub.Invalid, "announcements cannot be marked as %q", w.State)
	}
	return db.RaiseAnnouncementMarkParams{Who: user, Category: w.Category, State: state, Seq: int64(w.Seq)}, err
}

// raise raises a mark, and forgets what was made of single announcements below it, and was less.
func raise(ctx context.Context, q *db.Queries, up db.RaiseAnnouncementMarkParams) error {
	if err := q.RaiseAnnouncementMark(ctx, up); err != nil {
		return err
	}
	if up.Category == "" {
		return q.ForgetAnnouncementStates(ctx, db.ForgetAnnouncementStatesParams{Who: up.Who, Seq: up.Seq, State: up.State})
	}
	return q.ForgetAnnouncementStatesOf(ctx, db.ForgetAnnouncementStatesOfParams{
		Who: up.Who, Seq: up.Seq, State: up.State, Category: up.Category,
	})
}
