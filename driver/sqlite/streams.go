package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"strconv"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/sqlite/internal/db"
)

// What is kept of a stream is always the messages from one offset on: those before it are dropped, by number or bytes when
// something is appended. That only moves Streams.First; a few of what was dropped are deleted with each append and the rest by
// Trim, so that no append waits for many deletions. Age is judged when something is read, and by Trim.

// Append implements [hubbub.Log].
func (s *Store) Append(ctx context.Context, d hubbub.Draft) (a hubbub.Appended, err error) {
	accepted := func() {
		if d.Accepted != nil && !a.Repeated {
			d.Accepted(a)
		}
	}
	err = s.writeThen(ctx, func(ctx context.Context, q *db.Queries) (err error) {
		a, err = s.append(ctx, q, &d)
		return err
	}, accepted)
	if err != nil {
		return hubbub.Appended{}, err
	}
	return a, nil
}

func (s *Store) append(ctx context.Context, q *db.Queries, d *hubbub.Draft) (hubbub.Appended, error) {
	st, err := toAppend(ctx, q, d)
	if err != nil {
		return hubbub.Appended{}, err
	}
	k := s.key(&st, d)
	if a, known, err := s.repeated(ctx, q, k, d); known || err != nil {
		return a, err
	}
	a := hubbub.Appended{Message: d.Message}
	m := &a.Message
	m.Time, m.Position = timeOf(millis(m.Time)), hubbub.Position{}
	if err := s.keepAge(ctx, q, &st, d.Retention); err != nil {
		return hubbub.Appended{}, err
	}
	if d.Retention.Messages < 0 {
		st.First, st.Due = st.Head+1, 0
	} else {
		if err := s.afford(ctx, q, m); err != nil {
			return hubbub.Appended{}, err
		}
		a.Previous = uint64(st.Head)
		if err := s.add(ctx, q, &st, m, d.Retention); err != nil {
			return hubbub.Appended{}, err
		}
	}
	if err := s.settle(ctx, q, &st); err != nil {
		return hubbub.Appended{}, err
	}
	if d.Report != nil {
		if err := putItems(ctx, q, d.Report(a.Message), s.o.Now()); err != nil {
			return hubbub.Appended{}, err
		}
	}
	return a, remember(ctx, q, k, &a)
}

// overhead is about what a message takes besides its data. The triggers on messages know it, too.
const overhead = 256

// afford tells whether more of a sender may be kept. Otherwise one person who writes to made-up people would fill the disk.
func (s *Store) afford(ctx context.Context, q *db.Queries, m *hubbub.Message) error {
	most := s.o.KeptPerSender
	if most < 0 || m.From.User == "" {
		return nil
	}
	kept, err := q.BytesOf(ctx, m.From.User)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if kept+int64(len(m.Data)+overhead) <= most {
		return nil
	}
	return hubbub.Errorf(hubbub.TooLarge, "%d KiB of what you have sent are kept, which is as much as is allowed; send more when some of it has expired",
		kept>>10)
}

// toAppend returns the stream of a draft, and makes it if need be.
func toAppend(ctx context.Context, q *db.Queries, d *hubbub.Draft) (db.Streams, error) {
	name := d.Message.Stream
	st, err := q.Stream(ctx, db.StreamParams{Room: name.Room, A: name.Pair[0], B: name.Pair[1]})
	if !errors.Is(err, sql.ErrNoRows) || d.Retention.Messages < 0 && d.Key == "" {
		return st, ignoreNone(err)
	}
	erased, err := erasedPairs(ctx, q)
	if err != nil {
		return st, err
	}
	return q.AddStream(ctx, db.AddStreamParams{Room: name.Room, A: name.Pair[0], B: name.Pair[1], Erased: erased})
}

// erasedPairs is how often a pair was erased.
func erasedPairs(ctx context.Context, q *db.Queries) (int64, error) {
	value, err := q.Meta(ctx, "erased")
	if err != nil {
		return 0, ignoreNone(err)
	}
	return strconv.ParseInt(value, 10, 64)
}

// keepAge drops what is past the age that held until now, before another one holds.
func (s *Store) keepAge(ctx context.Context, q *db.Queries, st *db.Streams, keep hubbub.Retention) (err error) {
	age := keep.Age.Milliseconds()
	if keep.Age > 0 {
		age = max(age, 1)
	}
	if age == st.Age {
		return nil
	}
	if st.First, st.Due, err = s.kept(ctx, q, st); err != nil {
		return err
	}
	if age == 0 || st.First > st.Head {
		st.Age, st.Due = age, 0
		return nil
	}
	st.Age = age
	oldest, err := q.FirstSince(ctx, db.FirstSinceParams{Stream: st.ID, First: st.First})
	if errors.Is(err, sql.ErrNoRows) { // all were erased
		st.First, st.Due = st.Head+1, 0
		return nil
	}
	st.Due = oldest.Time + age
	return err
}

// kept returns the first offset that is kept now, and until when that is so if nothing is dropped by number or bytes: what is
// past its age and was not trimmed yet is left out.
func (s *Store) kept(ctx context.Context, q *db.Queries, st *db.Streams) (first, due int64, err error) {
	now := millis(s.o.Now())
	if st.Age == 0 || st.First > st.Head || now <= st.Due {
		return st.First, st.Due, nil
	}
	row, err := q.FirstSince(ctx, db.FirstSinceParams{Stream: st.ID, First: st.First, Since: now - st.Age})
	if errors.Is(err, sql.ErrNoRows) {
		return st.Head + 1, 0, nil
	}
	return row.Offset, row.Time + st.Age, err
}

// add appends a message and drops what is too much then.
func (s *Store) add(ctx context.Context, q *db.Queries, st *db.Streams, m *hubbub.Message, keep hubbub.Retention) error {
	empty := st.First > st.Head
	if m.From.User != st.Sender || st.Head == 0 {
		st.Sender, st.Run = m.From.User, 0
		if err := takePart(ctx, q, st, m); err != nil {
			return err
		}
	}
	st.Head++
	st.Run++
	m.Position = s.position(st, st.Head)
	if err := q.AddMessage(ctx, rowOf(st, m)); err != nil {
		return err
	}
	at := millis(m.Time)
	st.Bytes += int64(len(m.Data))
	st.Latest = max(st.Latest, at)
	st.Place = s.place.Add(1)
	if due := at + st.Age; st.Age > 0 && (empty || due < st.Due) {
		st.Due = due
	}
	if keep.Messages > 0 {
		st.First = max(st.First, st.Head-int64(keep.Messages)+1)
	}
	if keep.Bytes > 0 {
		return dropBytes(ctx, q, st, int64(keep.Bytes))
	}
	return nil
}

// dropBytes drops the oldest messages until there are not more than some bytes of data.
func dropBytes(ctx context.Context, q *db.Queries, st *db.Streams, most int64) error {
	first, err := q.FirstWithin(ctx, db.FirstWithinParams{Stream: st.ID, First: st.First, Before: st.Bytes - most})
	if errors.Is(err, sql.ErrNoRows) {
		st.First, st.Due = st.Head+1, 0
		return nil
	}
	st.First = first
	return err
}

// With an append up to sweepMost dropped messages are deleted, but not fewer than sweepLeast.
const sweepLeast, sweepMost = 16, 32

// settle writes a stream that has changed.
func (s *Store) settle(ctx context.Context, q *db.Queries, st *db.Streams) error {
	if st.First-st.Swept >= sweepLeast {
		if _, err := sweep(ctx, q, st, sweepMost); err != nil {
			return err
		}
	}
	return setStream(ctx, q, st)
}

// sweep deletes up to limit messages that were dropped, and returns how many there were.
func sweep(ctx context.Context, q *db.Queries, st *db.Streams, limit int64) (int64, error) {
	from := st.Swept
	st.Swept = min(st.First, from+limit)
	return st.Swept - from, q.Sweep(ctx, db.SweepParams{Stream: st.ID, First: from, Until: st.Swept})
}

func setStream(ctx context.Context, q *db.Queries, st *db.Streams) error {
	return q.SetStream(ctx, db.SetStreamParams{
		ID: st.ID, Head: st.Head, First: st.First, Swept: st.Swept, Bytes: st.Bytes, Age: st.Age, Due: st.Due, Latest: st.Latest,
		Place: st.Place, Sender: st.Sender, Run: st.Run,
	})
}

// Trim implements [hubbub.Log]. Streams are not forgotten, so that their offsets and epoch go on.
func (s *Store) Trim(ctx context.Context, limit int) (more bool, err error) {
	if limit <= 0 {
		return true, nil
	}
	err = s.writeRows(ctx, limit, func(ctx context.Context, q *db.Queries) error {
		dropped, err := s.trim(ctx, q, int64(limit))
		more = dropped >= int64(limit)
		return err
	})
	return more, err
}

func (s *Store) trim(ctx context.Context, q *db.Queries, limit int64) (dropped int64, err error) {
	now := millis(s.o.Now())
	due, err := q.StreamsDue(ctx, db.StreamsDueParams{Now: now, Most: limit})
	if err != nil {
		return 0, err
	}
	for i := range due {
		if due[i].First, due[i].Due, err = s.kept(ctx, q, &due[i]); err != nil {
			return 0, err
		}
		if err := setStream(ctx, q, &due[i]); err != nil {
			return 0, err
		}
	}
	unswept, err := q.StreamsUnswept(ctx, limit)
	if err != nil {
		return 0, err
	}
	for i := 0; i < len(unswept) && dropped < limit; i++ {
		n, err := sweep(ctx, q, &unswept[i], limit-dropped)
		if err != nil {
			return 0, err
		}
		dropped += n
		if err := setStream(ctx, q, &unswept[i]); err != nil {
			return 0, err
		}
	}
	keys, err := q.DropKeys(ctx, db.DropKeysParams{Most: limit - dropped, Until: now - hubbub.KeyLife.Milliseconds()})
	return max(dropped+keys, int64(len(due))), err
}

// ignoreNone takes an error that there is no such row for none.
func ignoreNone(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	return err
}
