package postgres

import (
	"context"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/postgres/internal/db"
)

// What is kept of a stream is always the messages from one offset on: those before it are dropped, by number or bytes when
// something is appended. That only moves Streams.First; a few of what was dropped are deleted with each append and the rest by
// Trim, so that no append waits for many deletions. Age is judged when something is read, and by Trim.

// kept returns the first offset that is kept now, and until when that is so if nothing is dropped by number or bytes: what is
// past its age and was not trimmed yet is left out.
func (s *Store) kept(ctx context.Context, q *db.Queries, st *db.Streams) (first, due int64, err error) {
	now := millis(s.o.Now())
	if st.Age == 0 || st.First > st.Head || now <= st.Due {
		return st.First, st.Due, nil
	}
	row, err := q.FirstSince(ctx, db.FirstSinceParams{Stream: st.ID, First: st.First, Since: now - st.Age})
	if ignoreNone(err) != nil {
		return 0, 0, err
	}
	if err != nil {
		return st.Head + 1, 0, nil
	}
	return row.Seq, row.Time + st.Age, nil
}

// sweep deletes up to limit messages that were dropped, and returns how many there were at most. By how much less there is of their
// senders is added to counts.
func sweep(ctx context.Context, q *db.Queries, st *db.Streams, limit int64, counts map[string]int64) (int64, error) {
	from := st.Swept
	st.Swept = min(st.First, from+limit)
	rows, err := q.Sweep(ctx, db.SweepParams{Overhead: overhead, Stream: st.ID, First: from, Until: st.Swept})
	for _, row := range rows {
		counts[row.Sender] -= row.Bytes
	}
	return st.Swept - from, err
}

func setStream(ctx context.Context, q *db.Queries, st *db.Streams) error {
	return q.SetStream(ctx, db.SetStreamParams{
		ID: st.ID, Head: st.Head, First: st.First, Swept: st.Swept, Bytes: st.Bytes, Age: st.Age, Due: st.Due, Latest: st.Latest,
		Sender: st.Sender, Run: st.Run,
	})
}

// addBytes writes by how much more or less there is of senders.
func addBytes(ctx context.Context, q *db.Queries, counts map[string]int64) error {
	senders, bytes := sorted(counts)
	if len(senders) == 0 {
		return nil
	}
	return q.AddBytes(ctx, db.AddBytesParams{Senders: senders, Bytes: bytes})
}

// trimStep is how many streams one transaction of Trim locks at most, since who appends to them waits for it.
const trimStep = 50

// Trim implements [hubbub.Log]. Streams are not forgotten, so that their offsets and epoch go on. Several nodes may do it at the same time:
// each takes other rows.
func (s *Store) Trim(ctx context.Context, limit int) (more bool, err error) {
	if limit <= 0 {
		return true, nil
	}
	left := int64(limit)
	for _, step := range []func(ctx context.Context, q *db.Queries, most int64) (int64, bool, error){s.age, s.sweepSome, s.dropKeys} {
		var n int64
		var full bool
		err := s.write(ctx, func(ctx context.Context, q *db.Queries) (err error) {
			n, full, err = step(ctx, q, left)
			return err
		})
		if err != nil {
			return false, err
		}
		more = more || full
		if left -= n; left <= 0 {
			return true, nil
		}
	}
	return more, nil
}

// age drops what is past its age. As the other steps of Trim it returns how many rows it has deleted, and whether there may be more to do.
func (s *Store) age(ctx context.Context, q *db.Queries, most int64) (int64, bool, error) {
	most = min(most, trimStep)
	due, err := q.StreamsDue(ctx, db.StreamsDueParams{Now: millis(s.o.Now()), Most: most})
	if err != nil {
		return 0, false, err
	}
	for i := range due {
		if due[i].First, due[i].Due, err = s.kept(ctx, q, &due[i]); err != nil {
			return 0, false, err
		}
		if err := setStream(ctx, q, &due[i]); err != nil {
			return 0, false, err
		}
	}
	return 0, len(due) == int(most), nil
}

// sweepSome deletes what was dropped.
func (s *Store) sweepSome(ctx context.Context, q *db.Queries, most int64) (dropped int64, full bool, err error) {
	unswept, err := q.StreamsUnswept(ctx, min(most, trimStep))
	counts := make(map[string]int64)
	for i := 0; i < len(unswept) && dropped < most && err == nil; i++ {
		var n int64
		if n, err = sweep(ctx, q, &unswept[i], most-dropped, counts); err != nil {
			return 0, false, err
		}
		dropped += n
		err = setStream(ctx, q, &unswept[i])
	}
	if err != nil {
		return 0, false, err
	}
	return dropped, len(unswept) == int(min(most, trimStep)), addBytes(ctx, q, counts)
}

func (s *Store) dropKeys(ctx context.Context, q *db.Queries, most int64) (int64, bool, error) {
	n, err := q.DropKeys(ctx, db.DropKeysParams{Most: most, Until: millis(s.o.Now()) - hubbub.KeyLife.Milliseconds()})
	return n, n == most, err
}
