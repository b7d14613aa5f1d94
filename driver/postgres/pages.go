package postgres

import (
	"context"
	"slices"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/postgres/internal/db"
)

// view is a stream as a reader sees it. Of one that was never written it has no id, and nothing is kept.
type view struct {
	db.Streams
	epoch string
}

// view reads a stream.
func (s *Store) view(ctx context.Context, q *db.Queries, name hubbub.Stream) (view, error) {
	st, err := q.Stream(ctx, db.StreamParams{Room: name.Room, A: name.Pair[0], B: name.Pair[1]})
	if ignoreNone(err) != nil {
		return view{}, err
	}
	if err != nil {
		st = db.Streams{First: 1}
		if st.Erased, err = q.Erased(ctx); err != nil {
			return view{}, err
		}
	}
	return s.viewOf(ctx, q, st)
}

// viewOf leaves out what is too old.
func (s *Store) viewOf(ctx context.Context, q *db.Queries, st db.Streams) (v view, err error) {
	st.First, st.Due, err = s.kept(ctx, q, &st)
	return view{st, s.epochOf(&st)}, err
}

func (v *view) position(offset int64) hubbub.Position {
	return hubbub.Position{Epoch: v.epoch, Offset: uint64(offset)}
}

// has tells whether a position is one of the stream.
func (v *view) has(p hubbub.Position) bool { return p.Epoch == v.epoch && p.Offset <= uint64(v.Head) }

// After implements [hubbub.Log].
func (s *Store) After(ctx context.Context, name hubbub.Stream, p hubbub.Position, limit int) (page hubbub.Page, err error) {
	limit = max(0, limit)
	err = s.read(ctx, func(ctx context.Context, q *db.Queries) error {
		v, err := s.view(ctx, q, name)
		if err != nil {
			return err
		}
		page.Head = v.position(v.Head)
		if p == (hubbub.Position{}) {
			p = v.position(v.First - 1)
		}
		if !v.has(p) {
			return nil
		}
		page.Complete = int64(p.Offset) >= v.First-1
		from := max(int64(p.Offset)+1, v.First)
		if from > v.Head {
			return nil
		}
		rows, err := q.MessagesAfter(ctx, db.MessagesAfterParams{Stream: v.ID, First: from, Last: v.Head, Most: int64(limit) + 1})
		page.More = len(rows) > limit
		page.Messages = v.messages(name, rows[:min(limit, len(rows))])
		return err
	})
	return page, err
}

// Before implements [hubbub.Log].
func (s *Store) Before(ctx context.Context, name hubbub.Stream, p hubbub.Position, limit int) (page hubbub.Page, err error) {
	newest := p == (hubbub.Position{})
	limit = max(0, limit)
	err = s.read(ctx, func(ctx context.Context, q *db.Queries) error {
		v, err := s.view(ctx, q, name)
		if err != nil {
			return err
		}
		page.Head = v.position(v.Head)
		to := v.Head
		if !newest {
			if p.Epoch != v.epoch {
				return nil
			}
			to = int64(min(max(p.Offset, 1)-1, uint64(v.Head)))
		}
		page.Complete = newest || to == 0 || to >= v.First
		if to < v.First {
			return nil
		}
		rows, err := v.before(ctx, q, to, limit+1)
		page.More = len(rows) > limit
		rows = rows[:min(limit, len(rows))]
		slices.Reverse(rows)
		page.Messages = v.messages(name, rows)
		return err
	})
	return page, err
}

// before reads the newest messages that are kept up to an offset, the newest first.
func (v *view) before(ctx context.Context, q *db.Queries, offset int64, limit int) ([]db.Messages, error) {
	return q.MessagesBefore(ctx, db.MessagesBeforeParams{Stream: v.ID, First: v.First, Last: offset, Most: int64(limit)})
}

func (v *view) messages(name hubbub.Stream, rows []db.Messages) []hubbub.Message {
	if len(rows) == 0 {
		return nil
	}
	all := make([]hubbub.Message, len(rows))
	for i := range rows {
		r := &rows[i]
		all[i] = hubbub.Message{
			ID: r.ID, Stream: name, From: hubbub.Sender{User: r.Sender, Info: r.Info, Device: r.Device},
			Data: r.Data, Time: timeOf(r.Time), Position: v.position(r.Seq), Except: r.Hidden, Collapse: r.Collapse,
		}
	}
	return all
}

// rowOf is how a message is kept as the head of a stream.
func rowOf(st *db.Streams, m *hubbub.Message) db.AddMessageParams {
	r := db.AddMessageParams{
		Stream: st.ID, Seq: st.Head, Time: millis(m.Time), Before: st.Bytes, Run: st.Run,
		Sender: m.From.User, Device: m.From.Device, ID: m.ID, Hidden: m.Except, Collapse: m.Collapse, Info: m.From.Info, Data: m.Data,
	}
	if len(r.Info) == 0 {
		r.Info = nil
	}
	if r.Data == nil {
		r.Data = []byte{}
	}
	return r
}
