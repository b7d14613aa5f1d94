package sqlite

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/sqlite/internal/db"
)

// pageRows is how many rows one read of a search looks at.
const pageRows = 500

// recipients takes the user off the lists of those who have yet to get a publication.
func (e eraser) recipients(ctx context.Context) (bool, error) {
	name, err := json.Marshal(e.user)
	if err != nil {
		return false, err
	}
	var found []db.RecipientsAtParams
	at := db.RecipientsAfterParams{Most: pageRows}
	for more := true; more && len(found) < hubbub.DeliveryStep/4; {
		err := e.readMany(ctx, func(ctx context.Context, q *db.Queries) error {
			rows, err := q.RecipientsAfter(ctx, at)
			more = len(rows) == pageRows
			for _, row := range rows {
				at.ID, at.Step = row.ID, row.Step
				if strings.Contains(row.Users, string(name)) {
					found = append(found, db.RecipientsAtParams{ID: row.ID, Step: row.Step})
				}
			}
			return err
		})
		if err != nil {
			return false, err
		}
	}
	if len(found) == 0 {
		return false, nil
	}
	found = found[:min(len(found), hubbub.DeliveryStep)]
	return true, e.write(ctx, func(ctx context.Context, q *db.Queries) error {
		for _, list := range found {
			if err := e.takeOff(ctx, q, list); err != nil {
				return err
			}
		}
		return nil
	})
}

// takeOff takes the user off one list, if it is still there.
func (e eraser) takeOff(ctx context.Context, q *db.Queries, list db.RecipientsAtParams) error {
	text, err := q.RecipientsAt(ctx, list)
	if err != nil {
		return ignoreNone(err)
	}
	var users []string
	if err := json.Unmarshal([]byte(text), &users); err != nil {
		return fmt.Errorf("read the recipients of the publication %q: %w", list.ID, err)
	}
	rest, err := json.Marshal(slices.DeleteFunc(users, func(user string) bool { return user == e.user }))
	if err != nil {
		return err
	}
	err = q.SetRecipients(ctx, db.SetRecipientsParams{ID: list.ID, Step: list.Step, Users: string(rest)})
	if err != nil {
		return err
	}
	return q.EmptyPublication(ctx, list.ID)
}

// reached sees to it that no delivery to a room remembers the user as the last member that it has reached.
func (e eraser) reached(ctx context.Context) (did bool, err error) {
	var found []string
	at := db.WaitingAfterParams{Most: pageRows}
	for more := true; more && err == nil; {
		err = e.readMany(ctx, func(ctx context.Context, q *db.Queries) error {
			rows, err := q.WaitingAfter(ctx, at)
			more = len(rows) == pageRows
			for _, row := range rows {
				at.Time, at.Number = row.Time, row.Number
				if row.Reached == e.user {
					found = append(found, row.ID)
				}
			}
			return err
		})
	}
	if err != nil || len(found) == 0 {
		return false, err
	}
	found = found[:min(len(found), hubbub.DeliveryStep)]
	return true, e.write(ctx, func(ctx context.Context, q *db.Queries) error {
		for _, id := range found {
			row, err := q.Publication(ctx, id)
			if err != nil || row.Reached != e.user {
				return ignoreNone(err)
			}
			before, err := q.MemberBefore(ctx, db.MemberBeforeParams{Room: row.Room, User: e.user})
			if ignoreNone(err) != nil {
				return err
			}
			if err := q.ReachMembers(ctx, db.ReachMembersParams{Reached: before, ID: id}); err != nil {
				return err
			}
		}
		return nil
	})
}

// owns tells whether a line of the outbox is in the order of the user, alone or in a pair.
func (e eraser) owns(line string) bool {
	words := strings.Split(line, " ")
	switch {
	case len(words) == 2 && words[0] == "user":
		return words[1] == e.user
	case len(words) == 3 && words[0] == "pair":
		return words[1] == e.user || words[2] == e.user
	}
	return false
}

// lines erases what waits in the outbox in the order of the user. Its ids are remembered, so that it is not accepted again.
func (e eraser) lines(ctx context.Context) (bool, error) {
	var found []line
	err := e.readMany(ctx, func(ctx context.Context, q *db.Queries) error {
		targets, err := targetsOf(ctx, q)
		for i := 0; i < len(targets) && err == nil; i++ {
			own := "user " + e.user
			for _, p := range []db.LinesBetweenParams{{After: own, Until: own + "\x00"}, {After: "pair ", Until: "pair!"}} {
				p.Target, p.Most = targets[i], pageRows
				if found, err = e.linesBetween(ctx, q, p, found); err != nil {
					return err
				}
			}
		}
		return err
	})
	if err != nil || len(found) == 0 {
		return false, err
	}
	return true, e.write(ctx, func(ctx context.Context, q *db.Queries) error {
		left := hubbub.DeliveryStep
		for i := 0; i < len(found) && left > 0; i++ {
			l := found[i]
			items, err := q.OldestOfLine(ctx, db.OldestOfLineParams{Target: l.target, Line: l.order, Most: int64(left)})
			if err != nil {
				return err
			}
			numbers := make([]int64, len(items))
			for i, item := range items {
				numbers[i] = item.Seq
			}
			if err := removeFirst(ctx, q, l.target, l.order, numbers, e.o.Now().UnixMilli()); err != nil {
				return err
			}
			left -= len(numbers) + 1
		}
		return nil
	})
}

// line has the items of a target with the same order.
type line struct{ target, order string }

// linesBetween finds lines of the user, until there are [hubbub.DeliveryStep].
func (e eraser) linesBetween(ctx context.Context, q *db.Queries, p db.LinesBetweenParams, found []line) ([]line, error) {
	for more := true; more && len(found) < hubbub.DeliveryStep; {
		rows, err := q.LinesBetween(ctx, p)
		if err != nil {
			return nil, err
		}
		more = len(rows) == pageRows
		for _, order := range rows {
			p.After = order + "\x00"
			if e.owns(order) {
				found = append(found, line{p.Target, order})
			}
		}
	}
	return found, nil
}

// dead erases what was given up.
func (e eraser) dead(ctx context.Context) (bool, error) {
	var found []int64
	err := e.readMany(ctx, func(ctx context.Context, q *db.Queries) error {
		targets, err := targetsOf(ctx, q)
		for i := 0; i < len(targets) && err == nil; i++ {
			found, err = e.deadOf(ctx, q, targets[i], found)
		}
		return err
	})
	if err != nil || len(found) == 0 {
		return false, err
	}
	list, err := json.Marshal(found[:min(len(found), hubbub.DeliveryStep)])
	if err != nil {
		return false, err
	}
	return true, e.write(ctx, func(ctx context.Context, q *db.Queries) error {
		return q.DeliverItems(ctx, db.DeliverItemsParams{Now: e.o.Now().UnixMilli(), Seqs: string(list)})
	})
}

func (e eraser) deadOf(ctx context.Context, q *db.Queries, target string, found []int64) ([]int64, error) {
	p := db.DeadLinesAfterParams{Target: target, Most: pageRows}
	for more := true; more; {
		rows, err := q.DeadLinesAfter(ctx, p)
		if err != nil {
			return nil, err
		}
		more = len(rows) == pageRows
		for _, row := range rows {
			p.After = row.Seq
			if e.owns(row.Line) {
				found = append(found, row.Seq)
			}
		}
	}
	return found, nil
}
