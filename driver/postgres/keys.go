package postgres

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/postgres/internal/db"
)

// key is the idempotency key of a draft as it is kept.
type key struct {
	name, content []byte
	now           int64
}

// key returns the key of a draft; nil if it has none.
func (a *appending) key(d *hubbub.Draft) *key {
	if d.Key == "" {
		return nil
	}
	m, data := &d.Message, d.Message.Data
	if d.Original != nil {
		data = d.Original
	}
	return &key{
		now:     millis(a.o.Now()),
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
func (a *appending) repeated(ctx context.Context, k *key, d *hubbub.Draft) (done hubbub.Appended, known bool, refused, err error) {
	if k == nil {
		return done, false, nil, nil
	}
	row := a.keys[string(k.name)]
	if row == nil || k.now-row.Used > hubbub.KeyLife.Milliseconds() {
		return done, false, nil, nil
	}
	if !bytes.Equal(row.Content, k.content) {
		refused = hubbub.Errorf(hubbub.Conflict, "the key %q was used for another message a short time ago; take a new key for each message", d.Key)
		return done, true, refused, nil
	}
	done = hubbub.Appended{Message: d.Message, Previous: uint64(row.Previous), Repeated: true}
	m := &done.Message
	m.ID, m.Time, m.Position = row.Message, timeOf(row.Time), hubbub.Position{}
	if row.Seq == 0 {
		return done, true, nil, nil
	}
	m.Position = hubbub.Position{Epoch: a.epochOf(&a.st), Offset: uint64(row.Seq)}
	m.Data, err = a.acceptedData(ctx, d, row.Seq)
	return done, true, nil, err
}

// acceptedData returns the data of a message that was accepted for the key of a draft. What has changed the data of the draft may have
// changed them to something else that time; if the message is gone nobody can read the difference any more.
func (a *appending) acceptedData(ctx context.Context, d *hubbub.Draft, offset int64) (json.RawMessage, error) {
	if d.Original == nil {
		return d.Message.Data, nil
	}
	if data, ok := a.data[offset]; ok {
		return data, nil
	}
	data, err := a.q.DataAt(ctx, db.DataAtParams{Stream: a.st.ID, Seq: offset})
	if err != nil {
		return d.Message.Data, ignoreNone(err)
	}
	return data, nil
}

// remember keeps the key of a message that was accepted now.
func (a *appending) remember(k *key, done *hubbub.Appended) {
	if k == nil {
		return
	}
	row := &db.Keys{
		Stream: a.st.ID, Name: k.name, Used: k.now, Content: k.content, Message: done.Message.ID, Time: millis(done.Message.Time),
		Seq: int64(done.Message.Position.Offset), Previous: int64(done.Previous),
	}
	a.keys[string(k.name)] = row
	a.writes.add(db.AddKey, row.Stream, row.Name, row.Used, row.Content, row.Message, row.Time, row.Seq, row.Previous)
}
