package postgres

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/postgres/internal/db"
)

// appending is a transaction that appends messages to one stream. It asks for what it has to know in one round trip, decides, and writes
// in another one, which also commits. From the first one on it has the row of the stream locked, so whoever else appends to
// the stream, here or in another process, waits until the commit: a message is committed before another one gets a higher offset,
// and no reader sees 6 before 5 is there, at any level of isolation.
//
// What is to be written is collected in writes until something is asked for that depends on it.
type appending struct {
	*Store
	c      *pgx.Conn
	q      *db.Queries
	name   hubbub.Stream
	st     db.Streams // without id if there is none and none is needed
	keys   map[string]*db.Keys
	kept   map[string]int64 // bytes of each sender
	counts map[string]int64 // by how much those are to change
	newest bool             // it is now the one with the newest message
	writes pipeline
	data   map[int64][]byte // of the messages of this transaction, by offset
	items  []hubbub.OutboxItem
}

// appendAll appends messages to a stream in one transaction. Its error concerns all of them: nothing was appended. That one of them is
// refused is its own error.
func (s *Store) appendAll(ctx context.Context, name hubbub.Stream, all []*sending) error {
	return s.retry(ctx, func(ctx context.Context, c *pgx.Conn) (err error) {
		ctx, cancel := context.WithTimeout(ctx, callTime)
		defer cancel()
		defer func() {
			if c.PgConn().TxStatus() != 'I' && !c.IsClosed() {
				_, _ = c.Exec(ctx, "rollback") // a connection on which that fails is not used again
			}
		}()
		a := appending{
			Store: s, c: c, q: db.New(c), name: name, keys: make(map[string]*db.Keys), kept: make(map[string]int64),
			counts: make(map[string]int64), data: make(map[int64][]byte),
		}
		if err := a.begin(ctx, all); err != nil {
			return err
		}
		for i, w := range all {
			last := i == len(all)-1 || all[i+1].draft.Retention != w.draft.Retention
			w.a, w.err, err = a.add(ctx, w.draft, last)
			if err != nil {
				return err
			}
		}
		return a.commit(ctx)
	})
}

// begin locks the stream, and reads the keys that the messages have, and how much is kept of their senders.
func (a *appending) begin(ctx context.Context, all []*sending) error {
	var names [][]byte
	var senders []string
	needed := false
	for _, w := range all {
		if d := w.draft; d.Key != "" {
			names = append(names, digest(d.Author, d.Key))
		}
		if user := w.draft.Message.From.User; user != "" && a.o.KeptPerSender >= 0 && w.draft.Retention.Messages >= 0 {
			senders = append(senders, user)
		}
		needed = needed || w.draft.Key != "" || w.draft.Retention.Messages >= 0
	}
	room, first, second := a.name.Room, a.name.Pair[0], a.name.Pair[1]
	var b pgx.Batch
	b.Queue("begin")
	b.Queue(db.LockStream, room, first, second).Query(a.scanStream)
	if len(names) > 0 {
		b.Queue(db.KeysOf, room, first, second, names).Query(collect(func(k *db.Keys) { a.keys[string(k.Name)] = k }))
	}
	if len(senders) > 0 {
		b.Queue(db.BytesOf, senders).Query(collect(func(s *db.Senders) { a.kept[s.Who] = s.Bytes }))
	}
	if err := a.c.SendBatch(ctx, &b).Close(); err != nil || a.st.ID != 0 || !needed {
		return err
	}
	return a.beginStream(ctx, names)
}

func (a *appending) scanStream(rows pgx.Rows) error {
	return collect(func(st *db.Streams) { a.st = *st })(rows)
}

// beginStream makes the stream. Its row is made while nobody erases pairs, so that it has a higher number than all that were erased. Somebody
// else may have made it meanwhile, and used the keys, which are read again now that it is locked.
func (a *appending) beginStream(ctx context.Context, names [][]byte) error {
	erased, err := a.q.LockErased(ctx)
	if err != nil {
		return err
	}
	room, first, second := a.name.Room, a.name.Pair[0], a.name.Pair[1]
	if err := a.q.AddStream(ctx, db.AddStreamParams{Room: room, A: first, B: second, Erased: erased}); err != nil {
		return err
	}
	a.st, err = a.q.LockStream(ctx, db.LockStreamParams{Room: room, A: first, B: second})
	if err != nil || len(names) == 0 {
		return err
	}
	keys, err := a.q.KeysOf(ctx, db.KeysOfParams{Room: room, A: first, B: second, Names: names})
	for i := range keys {
		a.keys[string(keys[i].Name)] = &keys[i]
	}
	return err
}

// add appends one message. refused is an error that concerns this one alone, which has changed nothing then. last says that the
// retention is another one for the next message, or there is none: what is too much need only be looked for then.
func (a *appending) add(ctx context.Context, d *hubbub.Draft, last bool) (done hubbub.Appended, refused, err error) {
	k := a.key(d)
	if done, known, refused, err := a.repeated(ctx, k, d); known || err != nil {
		return done, refused, err
	}
	if refused := a.afford(d); refused != nil {
		return done, refused, nil
	}
	done = hubbub.Appended{Message: d.Message}
	m := &done.Message
	m.Time, m.Position = timeOf(millis(m.Time)), hubbub.Position{}
	if err := a.keepAge(ctx, d.Retention); err != nil {
		return done, nil, err
	}
	if d.Retention.Messages < 0 {
		a.st.First, a.st.Due = a.st.Head+1, 0
	} else {
		done.Previous = uint64(a.st.Head)
		a.put(m, d.Retention)
		if d.Retention.Bytes > 0 && last {
			if err := a.dropBytes(ctx, int64(d.Retention.Bytes)); err != nil {
				return done, nil, err
			}
		}
	}
	if d.Report != nil {
		a.items = append(a.items, d.Report(*m)...)
	}
	a.remember(k, &done)
	return done, nil, nil
}

// overhead is about what a message takes besides its data.
const overhead = 256

// afford tells whether more of a sender may be kept. Otherwise one person who writes to made-up people would fill the disk. Messages to
// several streams at the same time may exceed it by one each.
func (a *appending) afford(d *hubbub.Draft) error {
	user, most := d.Message.From.User, a.o.KeptPerSender
	if most < 0 || user == "" || d.Retention.Messages < 0 {
		return nil
	}
	kept := a.kept[user] + a.counts[user]
	if kept+int64(len(d.Message.Data)+overhead) <= most {
		return nil
	}
	return hubbub.Errorf(hubbub.TooLarge, "%d KiB of what you have sent are kept, which is as much as is allowed; send more when some of it has expired",
		kept>>10)
}

// put appends a message and drops what is too much then by number.
func (a *appending) put(m *hubbub.Message, keep hubbub.Retention) {
	st, empty := &a.st, a.st.First > a.st.Head
	if m.From.User != st.Sender || st.Head == 0 {
		st.Sender, st.Run = m.From.User, 0
		a.takePart(m)
	}
	st.Head++
	st.Run++
	m.Position = hubbub.Position{Epoch: a.epochOf(st), Offset: uint64(st.Head)}
	row := rowOf(st, m)
	a.writes.add(db.AddMessage, row.Stream, row.Seq, row.Time, row.Before, row.Run, row.Sender, row.Device, row.ID, row.Hidden, row.Collapse,
		row.Info, row.Data)
	a.data[st.Head] = m.Data
	if m.From.User != "" {
		a.counts[m.From.User] += int64(len(m.Data) + overhead)
	}
	at := millis(m.Time)
	st.Bytes += int64(len(m.Data))
	st.Latest = max(st.Latest, at)
	a.newest = true
	if due := at + st.Age; st.Age > 0 && (empty || due < st.Due) {
		st.Due = due
	}
	if keep.Messages > 0 {
		st.First = max(st.First, st.Head-int64(keep.Messages)+1)
	}
}

// takePart notes who takes part in a stream by a message that is about to be added.
func (a *appending) takePart(m *hubbub.Message) {
	var users []string
	switch {
	case a.name.Room != "" && m.From.User != "":
		users = []string{m.From.User}
	case a.name.Room == "" && a.st.Head == 0:
		users = slices.Compact([]string{a.st.A, a.st.B})
	}
	for _, user := range users {
		a.writes.add(db.AddTaker, user, a.st.ID)
	}
}

// keepAge drops what is past the age that held until now, before another one holds.
func (a *appending) keepAge(ctx context.Context, keep hubbub.Retention) error {
	st, age := &a.st, keep.Age.Milliseconds()
	if keep.Age > 0 {
		age = max(age, 1)
	}
	if age == st.Age {
		return nil
	}
	err := a.flush(ctx)
	if err != nil {
		return err
	}
	if st.First, st.Due, err = a.Store.kept(ctx, a.q, st); err != nil {
		return err
	}
	st.Age = age
	if age == 0 || st.First > st.Head {
		st.Due = 0
		return nil
	}
	oldest, err := a.q.FirstSince(ctx, db.FirstSinceParams{Stream: st.ID, First: st.First})
	if ignoreNone(err) != nil {
		return err
	}
	if err != nil { // all were erased
		st.First, st.Due = st.Head+1, 0
		return nil
	}
	st.Due = oldest.Time + age
	return nil
}

// dropBytes drops the oldest messages until there are not more than some bytes of data.
func (a *appending) dropBytes(ctx context.Context, most int64) error {
	if err := a.flush(ctx); err != nil {
		return err
	}
	st := &a.st
	first, err := a.q.FirstWithin(ctx, db.FirstWithinParams{Stream: st.ID, First: st.First, Before: st.Bytes - most})
	if ignoreNone(err) != nil {
		return err
	}
	if err != nil {
		st.First, st.Due = st.Head+1, 0
		return nil
	}
	st.First = first
	return nil
}

// With an append up to sweepMost dropped messages are deleted, but not fewer than sweepLeast.
const sweepLeast, sweepMost = 16, 32

// commit writes what has changed. What is in the outbox is locked last of all.
func (a *appending) commit(ctx context.Context) error {
	if a.st.First-a.st.Swept >= sweepLeast {
		if err := a.flush(ctx); err != nil {
			return err
		}
		most := max(sweepMost, 2*int64(len(a.data)))
		if _, err := sweep(ctx, a.q, &a.st, most, a.counts); err != nil {
			return err
		}
	}
	if a.st.ID != 0 {
		st := &a.st
		a.writes.add(db.SetStream, st.Head, st.First, st.Swept, st.Bytes, st.Age, st.Due, st.Latest, st.Sender, st.Run, a.newest, st.ID)
	}
	if senders, bytes := sorted(a.counts); len(senders) > 0 {
		a.writes.add(db.AddBytes, senders, bytes)
	}
	if len(a.items) > 0 {
		if err := a.flush(ctx); err != nil {
			return err
		}
		if err := putItems(ctx, a.q, a.items, a.o.Now()); err != nil {
			return err
		}
	}
	a.writes.add("commit")
	return a.flush(ctx)
}

// flush has the database do what was collected.
func (a *appending) flush(ctx context.Context) error { return a.writes.flush(ctx, a.c) }

// sorted returns what is not 0, in ascending order of the users.
func sorted(counts map[string]int64) (users []string, bytes []int64) {
	for _, user := range slices.SortedFunc(maps.Keys(counts), cmp.Compare) {
		if n := counts[user]; n != 0 {
			users, bytes = append(users, user), append(bytes, n)
		}
	}
	return users, bytes
}
