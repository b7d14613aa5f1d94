package sqlite

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/sqlite/internal/db"
)

// key is the idempotency key of a draft as it is kept.
type key struct {
	stream        *db.Streams
	name, content []byte
	now           int64
}

// key returns the key of a draft; nil if it has none.
func (s *Store) key(st *db.Streams, d *hubbub.Draft) *key {
	if d.Key == "" {
		return nil
	}
	m, data := &d.Message, d.Message.Data
	if d.Original != nil {
		data = d.Original
	}
	return &key{
		stream: st, now: millis(s.o.Now()),
		name:    digest(d.Author, d.Key),
		content: digest(m.From.User, m.From.Device, m.Except, string(data)),
	}
}

// digest is a hash of several parts. Only the last may have control characters.
func digest(parts ...string) []byte {
	h := sha256.New()
	for i, part := range parts {
		if i > 0 {
			h.Write([]byte{0})
		}
		h.Write([]byte(part))
	}
	return h.Sum(nil)[:16] // nobody finds two of the same
}

// repeated returns the message that was accepted with a key, if it is known.
func (s *Store) repeated(ctx context.Context, q *db.Queries, k *key, d *hubbub.Draft) (a hubbub.Appended, known bool, err error) {
	if k == nil {
		return a, false, nil
	}
	row, err := q.Key(ctx, db.KeyParams{Stream: k.stream.ID, Name: k.name})
	if errors.Is(err, sql.ErrNoRows) || err == nil && k.now-row.Used > hubbub.KeyLife.Milliseconds() {
		return a, false, nil
	}
	if err != nil {
		return a, false, err
	}
	if !bytes.Equal(row.Content, k.content) {
		return a, true, hubbub.Errorf(hubbub.Conflict,
			"the key %q was used for another message a short time ago; take a new key for each message", d.Key)
	}
	a = hubbub.Appended{Message: d.Message, Previous: uint64(row.Previous), Repeated: true}
	a.Message.ID, a.Message.Time, a.Message.Position = row.Message, timeOf(row.Time), hubbub.Position{}
	if row.Offset == 0 {
		return a, true, nil
	}
	a.Message.Position = s.position(k.stream, row.Offset)
	a.Message.Data, err = acceptedData(ctx, q, d, k.stream.ID, row.Offset)
	return a, true, err
}

// acceptedData returns the data of a message that was accepted for the key of a draft. What has changed the data of the draft may have
// changed them to something else that time; if the message is gone nobody can read the difference any more.
func acceptedData(ctx context.Context, q *db.Queries, d *hubbub.Draft, stream, offset int64) (json.RawMessage, error) {
	if d.Original == nil {
		return d.Message.Data, nil
	}
	data, err := q.DataAt(ctx, db.DataAtParams{Stream: stream, Offset: offset})
	if errors.Is(err, sql.ErrNoRows) {
		return d.Message.Data, nil
	}
	return data, err
}

// remember keeps the key of a message that was accepted now.
func remember(ctx context.Context, q *db.Queries, k *key, a *hubbub.Appended) error {
	if k == nil {
		return nil
	}
	return q.AddKey(ctx, db.AddKeyParams{
		Stream: k.stream.ID, Name: k.name, Used: k.now, Content: k.content, Message: a.Message.ID, Time: millis(a.Message.Time),
		Offset: int64(a.Message.Position.Offset), Previous: int64(a.Previous),
	})
}
