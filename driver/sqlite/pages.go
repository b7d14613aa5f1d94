package sqlite

import (
	"context"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/sqlite/internal/db"
)

// view is a stream as a reader sees it. Of one that was never written it has no id, and nothing is kept.
type view struct {
	db.Streams
	store *Store
}

// view reads a stream.
func (s *Store) view(ctx context.Context, q *db.Queries, name hubbub.Stream) (view, error) {
	st, err := q.Stream(ctx, db.StreamParams{Room: name.Room, A: name.Pair[0], B: name.Pair[1]})
	if ignoreNone(err) != nil {
		return view{}, err
	}
	if err != nil {
		st = db.Streams{First: 1}
	}
	return s.viewOf(ctx, q, st)
}

// viewOf leaves out what is too old.
func (s *Store) viewOf(ctx context.Context, q *db.Queries, st db.Streams) (v view, err error) {
	st.First, st.Due, err = s.kept(ctx, q, &st)
	return view{st, s}, err
}

func (s *Store) position(offset int64) hubbub.Position {
	return hubbub.Position{Epoch: s.epoch, Offset: uint64(offset)}
}

// has tells whether a position is one of the stream.
func (v *view) has(p hubbub.Position) bool {
	return p.Epoch == v.store.epoch && p.Offset <= uint64(v.Head)
}

// After implements [hubbub.Log].
func (s *Store) After(ctx context.Context, name hubbub.Stream, p hubbub.Position, limit int) (page hubbub.Page, err error) {
	err = s.read(ctx, func(ctx context.Context, q *db.Queries) error {
		v, err := s.view(ctx, q, name)
		if err != nil {
			return err
		}
		page.Head = s.position(v.Head)
		if p == (hubbub.Position{}) {
			p = s.position(v.First - 1)
		}
		if !v.has(p) {
			return nil
		}
		from := max(int64(p.Offset)+1, v.First)
		to := min(v.Head, from-1+int64(max(0, limit)))
		page.More = to < v.Head
		page.Complete = int64(p.Offset) >= v.First-1
		page.Messages, err = v.messages(ctx, q, name, from, to)
		return err
	})
	return page, err
}

// Before implements [hubbub.Log].
func (s *Store) Before(ctx context.Context, name hubbub.Stream, p hubbub.Position, limit int) (page hubbub.Page, err error) {
	newest := p == (hubbub.Position{})
	err = s.read(ctx, func(ctx context.Context, q *db.Queries) error {
		v, err := s.view(ctx, q, name)
		if err != nil {
			return err
		}
		page.Head = s.position(v.Head)
		to := v.Head
		if !newest {
			if p.Epoch != s.epoch {
				return nil
			}
			to = int64(min(max(p.Offset, 1)-1, uint64(v.Head)))
		}
		from := max(v.First, to+1-int64(max(0, limit)))
		page.More = from > v.First && to >= v.First
		page.Complete = newest || to == 0 || to >= v.First
		page.Messages, err = v.messages(ctx, q, name, from, to)
		return err
	})
	return page, err
}

// messages reads those from one offset to another, both included.
func (v *view) messages(ctx context.Context, q *db.Queries, name hubbub.Stream, from, to int64) ([]hubbub.Message, error) {
	if from > to {
		return nil, nil
	}
	rows, err := q.Messages(ctx, db.MessagesParams{Stream: v.ID, First: from, Last: to})
	if err != nil {
		return nil, err
	}
	all := make([]hubbub.Message, len(rows))
	for i := range rows {
		all[i] = v.store.message(name, &rows[i])
	}
	return all, nil
}

func (s *Store) message(name hubbub.Stream, r *db.Messages) hubbub.Message {
	return hubbub.Message{
		ID: r.ID, Stream: name, From: hubbub.Sender{User: r.Sender, Info: r.Info, Device: r.Device},
		Data: r.Data, Time: timeOf(r.Time), Position: s.position(r.Offset), Except: r.Hidden, Collapse: r.Collapse,
	}
}

// rowOf is how a message is kept as the head of a stream.
func rowOf(st *db.Streams, m *hubbub.Message) db.AddMessageParams {
	r := db.AddMessageParams{
		Stream: st.ID, Offset: st.Head, Time: millis(m.Time), Before: st.Bytes, Run: st.Run,
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
