package redis

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/hubbub-dev/hubbub"
)

var appendScript = newScript("stream", "append")

// appends are the messages that wait to be appended. Those of one stream go to Redis one call after the other, and all that have come
// meanwhile go with the next call: so they are accepted in the order of their positions, and the more there are, the less each costs.
// There are as many as callers wait.
type appends struct {
	mu      sync.Mutex
	waiting map[hubbub.Stream][]*waiting // with a key while somebody appends to the stream
	running sync.WaitGroup
}

// waiting is a draft that is to be appended.
type waiting struct {
	ctx   context.Context
	draft *hubbub.Draft
	post  bool         // publish it, too
	done  chan outcome // with room for it
}

type outcome struct {
	appended hubbub.Appended
	life     string // of the stream, see streamState
	begun    bool   // nothing was ever appended before, and nothing erased
	err      error
}

// One call appends at most so many messages, with at most so many bytes of data unless it is one message. It takes Redis about 0.5 ms.
const (
	mostAtOnce  = 64
	bytesAtOnce = 256 << 10
)

// appendOne has a draft appended and waits for that. What has begun is done also if ctx ends.
func (d *Driver) appendOne(ctx context.Context, draft *hubbub.Draft, post bool) outcome {
	w := &waiting{ctx, draft, post, make(chan outcome, 1)}
	q, s := &d.streams.appends, draft.Message.Stream
	q.mu.Lock()
	others, busy := q.waiting[s]
	if q.waiting == nil {
		q.waiting = map[hubbub.Stream][]*waiting{}
	}
	q.waiting[s] = append(others, w)
	if !busy {
		q.running.Go(func() { d.appendAll(s) })
	}
	q.mu.Unlock()
	select {
	case o := <-w.done:
		return o
	case <-ctx.Done():
		return outcome{err: ctx.Err()}
	}
}

// appendAll appends what waits for a stream until there is nothing more.
func (d *Driver) appendAll(s hubbub.Stream) {
	for {
		batch := d.streams.appends.next(s)
		if len(batch) == 0 {
			return
		}
		d.appendBatch(s, batch)
	}
}

// next takes the messages that go with the next call: those at the front that are alike. If there are none the stream is left.
func (q *appends) next(s hubbub.Stream) (batch []*waiting) {
	q.mu.Lock()
	defer q.mu.Unlock()
	all, bytes, n := q.waiting[s], 0, 0
	for _, w := range all {
		if err := w.ctx.Err(); err != nil {
			w.done <- outcome{err: err}
			n++
			continue
		}
		bytes += len(w.draft.Message.Data)
		if len(batch) > 0 && (len(batch) == mostAtOnce || bytes > bytesAtOnce || !w.alike(batch[0])) {
			break
		}
		batch = append(batch, w)
		n++
	}
	if len(batch) == 0 {
		delete(q.waiting, s)
		return nil
	}
	q.waiting[s] = all[n:]
	return batch
}

func (w *waiting) alike(other *waiting) bool {
	return w.post == other.post && w.draft.Retention == other.draft.Retention
}

// appendBatch appends messages of a stream and tells those who wait.
func (d *Driver) appendBatch(s hubbub.Stream, batch []*waiting) {
	ctx := context.Background() // what has begun is finished; the client bounds how long that takes
	keys, args := d.appendArgs(s, batch)
	outcomes, err := parseAppended(d.exec(ctx, appendScript, keys, args...), batch)
	if err != nil {
		err = unavailable(err, "append to "+s.String())
	}
	var events []hubbub.Posted
	for i, w := range batch {
		if err != nil {
			outcomes[i] = outcome{err: err}
		}
		o := &outcomes[i]
		if o.err == nil && !o.appended.Repeated && w.draft.Accepted != nil {
			w.draft.Accepted(o.appended)
		}
		placed := o.appended.Message.Position.Offset > 0
		if w.post && o.err == nil && (o.appended.Repeated && placed || !o.appended.Repeated && s.Room == "") {
			events = append(events, hubbub.Posted{Message: o.appended.Message, Previous: o.appended.Previous})
		}
	}
	err = d.publishAll(ctx, s, events)
	for i, w := range batch {
		o := &outcomes[i]
		if err != nil && o.err == nil && w.draft.Retention.Messages < 0 && s.Room == "" {
			o.err = err // nobody can read it later
		}
		w.done <- *o
	}
	if err != nil {
		d.options.Logger.Warn("cannot publish what was appended; who has missed it reads it later", "stream", s.String(), "err", err)
	}
}

// appendArgs makes the keys and arguments of the script.
func (d *Driver) appendArgs(s hubbub.Stream, batch []*waiting) (keys, args []string) {
	keep, channel := batch[0].draft.Retention, ""
	if batch[0].post && s.Room != "" {
		channel = d.channel(hubbub.Topic{Kind: hubbub.TopicRoom, Name: s.Room})
	}
	keys = d.streamKeys(s)
	args = append(make([]string, 0, 6+4*len(batch)), ms(d.nowMS()), newBirth(), strconv.Itoa(keep.Messages), strconv.Itoa(keep.Bytes),
		ms(ageMS(keep.Age)), channel)
	for _, w := range batch {
		m, name, content := &w.draft.Message, keyName(w.draft), ""
		if name != "" {
			keys, content = append(keys, d.idempotencyKey(s, name)), keyContent(w.draft)
		}
		body := appendBody(make([]byte, 0, 256+len(m.Data)+len(m.From.Info)), m)
		args = append(args, entryHead(m, name), string(body), strconv.Itoa(len(m.Data)), content)
	}
	return keys, args
}

// ageMS is the age after which messages are not kept, in ms; 0 means that there is none.
func ageMS(age time.Duration) int64 {
	if age <= 0 {
		return 0
	}
	return max(1, age.Milliseconds())
}

// parseAppended reads what the script says of each message. There are outcomes also with an error.
func parseAppended(r rueidis.RedisResult, batch []*waiting) ([]outcome, error) {
	all := make([]outcome, len(batch))
	parts, err := r.ToArray()
	if err != nil {
		return all, err
	}
	if len(parts) != 4 {
		return all, errBadEntry
	}
	epoch, err := parts[0].ToString()
	erased, err2 := parts[1].AsInt64()
	begun, err3 := parts[2].AsInt64()
	results, err4 := parts[3].ToArray()
	if err != nil || err2 != nil || err3 != nil || err4 != nil || len(results) != len(batch) {
		return all, errBadEntry
	}
	for i := range results {
		all[i].life, all[i].begun = lifeOf(epoch, erased), begun == 1 && erased == 0
		all[i].appended, all[i].err = parseOne(&results[i], batch[i].draft, epoch)
	}
	return all, nil
}

func parseOne(v *rueidis.RedisMessage, draft *hubbub.Draft, epoch string) (a hubbub.Appended, err error) {
	if v.IsArray() {
		known, err := v.ToArray()
		if err != nil || len(known) != 2 {
			return a, errBadEntry
		}
		kept, err := known[0].ToString()
		if err != nil {
			return a, errBadEntry
		}
		body, err := known[1].ToString()
		if err != nil && !rueidis.IsRedisNil(err) {
			return a, errBadEntry
		}
		return repeated(draft, epoch, kept, body)
	}
	offset, err := v.AsInt64()
	if err != nil || offset < 0 {
		return a, errBadEntry
	}
	a.Message = draft.Message
	a.Message.Position = hubbub.Position{}
	if offset > 0 {
		a.Message.Position = hubbub.Position{Epoch: epoch, Offset: uint64(offset)}
		a.Previous = uint64(offset) - 1
	}
	return a, nil
}

// publishAll publishes messages of a stream to the room, or to both of the pair, in their order.
func (d *Driver) publishAll(ctx context.Context, s hubbub.Stream, events []hubbub.Posted) error {
	if len(events) == 0 {
		return nil
	}
	channels := []string{d.channel(hubbub.Topic{Kind: hubbub.TopicRoom, Name: s.Room})}
	if s.Room == "" {
		channels = channels[:0]
		for _, user := range pairUsers(s) {
			channels = append(channels, d.channel(hubbub.Topic{Kind: hubbub.TopicUser, Name: user}))
		}
	}
	var cmds rueidis.Commands
	for _, e := range events {
		b, err := encodeEvent(e)
		if err != nil {
			return fmt.Errorf("publish: %w", err)
		}
		for _, channel := range channels {
			cmds = append(cmds, d.b().Spublish().Channel(channel).Message(rueidis.BinaryString(b)).Build())
		}
	}
	for _, r := range d.doMulti(ctx, cmds...) {
		if err := r.Error(); err != nil {
			return unavailable(err, "publish to "+s.String())
		}
	}
	return nil
}

// pairUsers are the users of a pair, each once; none of a room.
func pairUsers(s hubbub.Stream) []string {
	switch {
	case s.Room != "":
		return nil
	case s.Pair[0] == s.Pair[1]:
		return s.Pair[:1]
	}
	return s.Pair[:]
}
