package postgres

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/postgres/internal/db"
)

// states are those of notices, each at the place of the number by which it is kept.
func states() []hubbub.NoticeState {
	return []hubbub.NoticeState{hubbub.NoticeUnseen, hubbub.NoticeSeen, hubbub.NoticeRead, hubbub.NoticeArchived}
}

// The numbers of some states.
const (
	numberOfSeen     = 1
	numberOfArchived = 3
)

func numberOf(state hubbub.NoticeState) (int16, error) {
	n := slices.Index(states(), state)
	if n < 0 {
		return 0, hubbub.Errorf(hubbub.Invalid, "notices have no state %q; use unseen, seen, read or archived", state)
	}
	return int16(n), nil
}

// Inbox implements [hubbub.Inboxes]. All of it is of one moment. The announcements that there are already are older than a user
// who was never here.
func (s *Store) Inbox(ctx context.Context, user string) (hubbub.InboxState, error) {
	var box hubbub.InboxState
	err := s.read(ctx, func(ctx context.Context, q *db.Queries) (err error) {
		box = hubbub.InboxState{}
		if box.Counts, err = countsOf(ctx, q, user); err != nil {
			return err
		}
		clock, err := q.ReadClock(ctx)
		if err != nil {
			return err
		}
		box.Counts.Revision, box.Baseline = uint64(clock.Revision), uint64(clock.Seq)
		known, err := q.Recipient(ctx, user)
		if errors.Is(err, pgx.ErrNoRows) {
			return made(ctx, q, user, &box)
		}
		if err != nil {
			return err
		}
		box.Baseline = uint64(known.Baseline)
		if box.Attrs, err = attrsOf(user, known.Attrs); err != nil {
			return err
		}
		return made(ctx, q, user, &box)
	})
	if err != nil {
		return hubbub.InboxState{}, fmt.Errorf("read inbox: %w", err)
	}
	return box, nil
}

func countsOf(ctx context.Context, q *db.Queries, user string) (hubbub.InboxCounts, error) {
	var counts hubbub.InboxCounts
	rows, err := q.CountsOf(ctx, user)
	for _, row := range rows {
		if counts.Categories == nil {
			counts.Categories = make(map[string]hubbub.CategoryCounts, len(rows))
		}
		counts.Categories[row.Category] = hubbub.CategoryCounts{Unread: int(row.Unread), Unseen: int(row.Unseen)}
		counts.Unread += int(row.Unread)
		counts.Unseen += int(row.Unseen)
	}
	return counts, err
}

// made reads what a user has made of announcements.
func made(ctx context.Context, q *db.Queries, user string, box *hubbub.InboxState) error {
	marks, err := q.MarksOf(ctx, user)
	if err != nil {
		return err
	}
	for _, m := range marks {
		box.Marks = append(box.Marks, hubbub.Watermark{Category: m.Category, State: states()[m.State], Seq: uint64(m.Seq)})
	}
	rows, err := q.StatesOf(ctx, user)
	if len(rows) > 0 {
		box.Made = make(map[string]hubbub.NoticeState, len(rows))
	}
	for _, row := range rows {
		box.Made[row.ID] = states()[row.State]
	}
	return err
}

// Announcements implements [hubbub.Inboxes].
func (s *Store) Announcements(ctx context.Context) ([]hubbub.Announcement, uint64, error) {
	var all []hubbub.Announcement
	var revision uint64
	err := s.read(ctx, func(ctx context.Context, q *db.Queries) error {
		clock, err := q.ReadClock(ctx)
		if err != nil {
			return err
		}
		all, revision = nil, uint64(clock.Revision)
		rows, err := q.Announcements(ctx)
		if err != nil {
			return err
		}
		for _, row := range rows {
			p, err := publication(row)
			if err != nil {
				return err
			}
			all = append(all, hubbub.Announcement{Publication: p, Seq: uint64(row.Seq)})
		}
		return nil
	})
	if err != nil {
		return nil, 0, fmt.Errorf("read announcements: %w", err)
	}
	return all, revision, nil
}

// NoticesOf implements [hubbub.Inboxes].
func (s *Store) NoticesOf(ctx context.Context, user string, query hubbub.NoticeQuery) ([]hubbub.Notice, error) {
	l, err := newLister(user, query)
	if err != nil {
		return nil, err
	}
	var notices []hubbub.Notice
	err = s.read(ctx, func(ctx context.Context, q *db.Queries) (err error) {
		notices, err = l.list(ctx, q)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list notices: %w", err)
	}
	return notices, nil
}

// lister makes one list of notices.
type lister struct {
	user   string
	query  hubbub.NoticeQuery
	states []int16
	before int64 // in milliseconds
}

func newLister(user string, query hubbub.NoticeQuery) (lister, error) {
	l := lister{user: user, query: query, states: []int16{0, 1, 2}, before: math.MaxInt64}
	if query.Before != (hubbub.NoticeCursor{}) {
		l.before = query.Before.Time.UnixMilli()
	}
	if query.States == nil {
		return l, nil
	}
	l.states = nil
	for _, state := range query.States {
		n, err := numberOf(state)
		if err != nil {
			return l, err
		}
		l.states = append(l.states, n)
	}
	slices.Sort(l.states)
	l.states = slices.Compact(l.states)
	return l, nil
}

func (l lister) list(ctx context.Context, q *db.Queries) ([]hubbub.Notice, error) {
	if l.query.Limit <= 0 {
		return nil, nil
	}
	found, err := l.find(ctx, q)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(found, func(a, b db.NoticesOfStateRow) int {
		return cmp.Or(cmp.Compare(b.Time, a.Time), cmp.Compare(b.ID, a.ID))
	})
	found = found[:min(len(found), l.query.Limit)]
	notices := make([]hubbub.Notice, len(found))
	for i, row := range found {
		if notices[i], err = notice(row); err != nil {
			return nil, err
		}
	}
	return notices, nil
}

// find finds at least the notices that are listed. Without IDs these are among the first ones of each state, which an index has
// for it: so no list has to pass over notices that are not in it, however many there are.
func (l lister) find(ctx context.Context, q *db.Queries) (found []db.NoticesOfStateRow, err error) {
	if l.query.IDs != nil {
		rows, err := q.NoticesByID(ctx, db.NoticesByIDParams{Who: l.user, Ids: l.query.IDs, States: l.states, Time: l.before,
			Before: l.query.Before.ID, Category: l.query.Category, Most: int64(l.query.Limit)})
		for _, row := range rows {
			found = append(found, db.NoticesOfStateRow(row))
		}
		return found, err
	}
	for _, state := range l.states {
		more, err := l.ofState(ctx, q, state)
		if err != nil {
			return nil, err
		}
		found = append(found, more...)
	}
	return found, nil
}

// ofState finds the first notices of a state.
func (l lister) ofState(ctx context.Context, q *db.Queries, state int16) (found []db.NoticesOfStateRow, err error) {
	limit := int64(l.query.Limit)
	if l.query.Category == "" {
		return q.NoticesOfState(ctx, db.NoticesOfStateParams{
			Who: l.user, State: state, Time: l.before, Before: l.query.Before.ID, Most: limit,
		})
	}
	rows, err := q.NoticesOfCategory(ctx, db.NoticesOfCategoryParams{
		Who: l.user, Category: l.query.Category, State: state, Time: l.before, Before: l.query.Before.ID, Most: limit,
	})
	for _, row := range rows {
		found = append(found, db.NoticesOfStateRow(row))
	}
	return found, err
}

func notice(row db.NoticesOfStateRow) (hubbub.Notice, error) {
	n := hubbub.Notice{
		ID: row.ID, Collapse: row.Collapse, State: states()[row.State], Time: timeOf(row.Time), Expires: timeOf(row.Expires),
	}
	if err := json.Unmarshal(row.Content, &n.NoticeContent); err != nil {
		return n, fmt.Errorf("read the content of the publication %q: %w", row.ID, err)
	}
	return n, nil
}
