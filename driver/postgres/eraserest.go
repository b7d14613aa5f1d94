package postgres

import (
	"context"
	"math"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/postgres/internal/db"
)

// pageRows is how many rows one read of a search looks at.
const pageRows = 500

// eraseRest erases what is kept about a user beside messages and memberships, up to [hubbub.DeliveryStep] rows, and tells whether there may be
// more. Each part is a transaction of its own.
func (s *Store) eraseRest(ctx context.Context, user string) (more bool, err error) {
	e := restEraser{s, user}
	for _, part := range []func(context.Context) (int64, error){
		e.person, e.notices, e.marks, e.recipients, e.reached, e.lines, e.dead,
	} {
		if n, err := part(ctx); n > 0 || err != nil {
			return true, err
		}
	}
	return false, nil
}

// restEraser forgets one user. Its parts return how many rows there were.
type restEraser struct {
	*Store
	user string
}

// person erases who the user is, and the open sessions: of others nobody knows whose they were.
func (e restEraser) person(ctx context.Context) (n int64, err error) {
	err = e.write(ctx, func(ctx context.Context, q *db.Queries) error {
		person, err := q.EraseUser(ctx, e.user)
		if err != nil {
			return err
		}
		sessions, err := q.EraseSessions(ctx, db.EraseSessionsParams{Who: e.user, Most: hubbub.DeliveryStep})
		n = person + sessions
		return err
	})
	return n, err
}

// notices erases those of the user, and the content of what only the user had.
func (e restEraser) notices(ctx context.Context) (n int64, err error) {
	err = e.write(ctx, func(ctx context.Context, q *db.Queries) error {
		n = 0
		if _, err := q.LockInbox(ctx, e.user); err != nil {
			return ignoreNone(err)
		}
		ids, err := q.EraseNotices(ctx, db.EraseNoticesParams{Who: e.user, Most: hubbub.DeliveryStep})
		if n = int64(len(ids)); err != nil || n == 0 {
			return err
		}
		if err := q.EmptyPublications(ctx, ids); err != nil {
			return err
		}
		return q.DropInboxes(ctx, []string{e.user})
	})
	return n, err
}

// marks erases what the user has made of announcements.
func (e restEraser) marks(ctx context.Context) (n int64, err error) {
	err = e.write(ctx, func(ctx context.Context, q *db.Queries) error {
		if err := q.LockMarks(ctx, e.user); err != nil {
			return err
		}
		marks, err := q.EraseAnnouncementMarks(ctx, db.EraseAnnouncementMarksParams{Who: e.user, Most: hubbub.DeliveryStep})
		if err != nil {
			return err
		}
		states, err := q.EraseAnnouncementStates(ctx, db.EraseAnnouncementStatesParams{Who: e.user, Most: hubbub.DeliveryStep})
		n = marks + states
		return err
	})
	return n, err
}

// recipients takes the user off the lists of those who have yet to get a publication.
func (e restEraser) recipients(ctx context.Context) (n int64, err error) {
	var lists db.TakeOffListsParams
	at := db.RecipientsAfterParams{Who: e.user, Most: pageRows}
	for more := true; more && len(lists.Ids) < hubbub.DeliveryStep; {
		var rows []db.RecipientsAfterRow
		err := e.readOne(ctx, func(ctx context.Context, q *db.Queries) (err error) {
			rows, err = q.RecipientsAfter(ctx, at)
			return err
		})
		if err != nil {
			return 0, err
		}
		more = len(rows) == pageRows
		for _, row := range rows {
			at.ID, at.Step = row.ID, row.Step
			if row.Found {
				lists.Ids, lists.Steps = append(lists.Ids, row.ID), append(lists.Steps, row.Step)
			}
		}
	}
	if len(lists.Ids) == 0 {
		return 0, nil
	}
	lists.Who = e.user
	err = e.write(ctx, func(ctx context.Context, q *db.Queries) error {
		ids, err := q.TakeOffLists(ctx, lists)
		if n = int64(len(ids)); err != nil {
			return err
		}
		return q.EmptyPublications(ctx, ids)
	})
	return n, err
}

// reached sees to it that no delivery to a room remembers the user as the last member that it has reached.
func (e restEraser) reached(ctx context.Context) (n int64, err error) {
	err = e.write(ctx, func(ctx context.Context, q *db.Queries) error {
		ids, err := q.WaitingFor(ctx, db.WaitingForParams{Who: e.user, Most: hubbub.DeliveryStep})
		if n = int64(len(ids)); err != nil || n == 0 {
			return err
		}
		return q.StepBack(ctx, db.StepBackParams{Who: e.user, Ids: ids})
	})
	return n, err
}

// lines erases what waits in the outbox in the order of the user. Its ids are remembered, so that it is not accepted again.
func (e restEraser) lines(ctx context.Context) (n int64, err error) {
	err = e.write(ctx, func(ctx context.Context, q *db.Queries) error {
		rows, err := q.LinesOfUser(ctx, db.LinesOfUserParams{Who: e.user, Most: hubbub.DeliveryStep})
		if err != nil {
			return err
		}
		n, err = e.emptyLines(ctx, q, linesOf(rows), math.MaxInt64, e.o.Now().UnixMilli(), hubbub.DeliveryStep)
		return err
	})
	return n, err
}

// dead erases what was given up.
func (e restEraser) dead(ctx context.Context) (n int64, err error) {
	err = e.write(ctx, func(ctx context.Context, q *db.Queries) error {
		seqs, err := q.DeadOfUser(ctx, db.DeadOfUserParams{Who: e.user, Most: hubbub.DeliveryStep})
		if n = int64(len(seqs)); err != nil || n == 0 {
			return err
		}
		return q.DeliverItems(ctx, db.DeliverItemsParams{Now: e.o.Now().UnixMilli(), Seqs: seqs})
	})
	return n, err
}
