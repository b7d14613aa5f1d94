package redis

import (
	"context"
	"time"

	"github.com/redis/rueidis"

	"github.com/hubbub-dev/hubbub"
)

var takesScript = newScript("takes")

// Which streams a user takes part in is noted with the user, in another slot than the stream and so not in the same step. The note is written
// first, so that there is no message without it, and says until when something of the stream may be kept: then Redis forgets it. Most
// messages write none, since this process knows that it is there. A note can be gone before its time if somebody was erased, or Redis has
// lost something; but then the life of the stream is another one, too, and it is written again after the message.

// taker is who takes part in a stream; the user is "" for both of a pair.
type taker struct {
	user   string
	stream hubbub.Stream
}

// taken is a note that is there.
type taken struct {
	until int64  // the stream's note holds, in ms
	fresh int64  // until when this process believes that it is there, in ms
	life  string // of the stream when it was written; "" if there was none
}

const (
	// noteLife is how long a process does not write a note again.
	noteLife = 10 * time.Minute
	// noteForever is for streams that are kept for any time.
	noteForever = 100 * 365 * 24 * time.Hour
)

// note says who takes part by a message. The zero value is nobody.
type note struct {
	who  taker
	age  int64 // of what is kept, in ms
	life string
}

// users are those whose note it is.
func (n *note) users() []string {
	if n.who.user != "" {
		return []string{n.who.user}
	}
	return pairUsers(n.who.stream)
}

// noteTakers makes sure that it is noted who takes part in a stream by a message that is about to be appended.
func (d *Driver) noteTakers(ctx context.Context, draft *hubbub.Draft, now int64) (note, error) {
	m := &draft.Message
	kept := draft.Retention.Messages >= 0
	n := note{who: taker{"", m.Stream}, age: ageMS(draft.Retention.Age)}
	if m.Stream.Room != "" {
		n.who.user = m.From.User
	}
	switch {
	case !kept && (m.Stream.Room != "" || draft.Key == ""), m.Stream.Room != "" && m.From.User == "":
		return note{}, nil
	case !kept:
		n.age = hubbub.KeyLife.Milliseconds() // so that who is erased is not known by a key
	}
	if t, ok := d.streams.taken.get(n.who); ok && t.fresh > now && (t.until >= now+n.age && n.age > 0 || t.until >= now+noteForever.Milliseconds()/2) {
		n.life = t.life
		return n, nil
	}
	st, _, err := d.streamState(ctx, m.Stream)
	if err != nil {
		return note{}, err
	}
	n.life = st.life
	return n, d.writeNote(ctx, &n)
}

// streamState reads what is known of a stream.
func (d *Driver) streamState(ctx context.Context, s hubbub.Stream) (st streamState, ok bool, err error) {
	packed, err := d.do(ctx, d.b().Get().Key(d.streamKeys(s)[0]).Build()).ToString()
	if rueidis.IsRedisNil(err) {
		return st, false, nil
	}
	if err != nil {
		return st, false, unavailable(err, "look at "+s.String())
	}
	st, ok = parseStreamState(packed)
	return st, ok, nil
}

// writeNote writes a note for its users.
func (d *Driver) writeNote(ctx context.Context, n *note) error {
	now := d.nowMs()
	t := taken{until: now + n.age + 2*noteLife.Milliseconds(), fresh: now + noteLife.Milliseconds(), life: n.life}
	if n.age == 0 {
		t.until = now + noteForever.Milliseconds()
	}
	for _, user := range n.users() {
		err := d.exec(ctx, takesScript, []string{d.takesKey(user)}, formatMs(now), formatMs(t.until), n.who.stream.String()).Error()
		if err != nil && !rueidis.IsRedisNil(err) {
			return unavailable(err, "note who takes part in "+n.who.stream.String())
		}
	}
	d.streams.taken.put(n.who, t)
	return nil
}

// takesKey is of the streams that a user takes part in.
func (d *Driver) takesKey(user string) string {
	return d.options.Prefix + userTag(bucketOf(user)) + "streams:" + user
}

// holds tells whether a note is there after what has become of the stream. Otherwise it is to be written again.
func (d *Driver) holds(n *note, o *outcome) bool {
	if n.who == (taker{}) || n.life == o.life {
		return true
	}
	fresh := n.life == "" && o.begun
	n.life = o.life
	if fresh {
		d.streams.taken.change(n.who, func(t *taken) { t.life = o.life })
	}
	return fresh
}
