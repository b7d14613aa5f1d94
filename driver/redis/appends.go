package redis

import (
	"context"
	"runtime"
	"strconv"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/hubbub-dev/hubbub"
)

var appendScript = newScript("stream", "append")

// appends are the messages that wait to be appended. They go to Redis one call after the other, and all that have come meanwhile go with the
// next call: so those of a stream are accepted in the order of their positions, and the more there are, the less each costs. A call costs
// this process, the kernel and Redis several times what one more message in it does, so all streams share it; but in a Cluster, where a call
// may touch one slot, each stream has calls of its own. There are as many messages as callers wait.
type appends struct {
	mu      sync.Mutex
	waiting map[hubbub.Stream][]*waiting // with a key while somebody appends; outside of a Cluster the only one is the zero value
	running sync.WaitGroup
}

// waiting is a draft that is to be appended.
type waiting struct {
	ctx   context.Context
	draft hubbub.Draft
	post  bool // publish it, too
	cost  int  // what the sender has paid
	note  note // of who takes part in the stream by it
	done  func(hubbub.Appended, error)
}

// outcome is what has become of a draft.
type outcome struct {
	at    hubbub.Position  // zero if the message has none
	again *hubbub.Appended // of a key that is known, what was accepted with it
	life  string           // of the stream, see streamState
	begun bool             // nothing was ever appended before, and nothing erased
	mute  bool             // it could not be published
	err   error
}

// message is what was accepted of a draft.
func (o *outcome) message(draft *hubbub.Draft) hubbub.Appended {
	if o.again != nil {
		a := *o.again
		a.Unheard = o.mute
		return a
	}
	a := hubbub.Appended{Message: draft.Message, Unheard: o.mute}
	if a.Message.Position = o.at; o.at.Offset > 0 {
		a.Previous = o.at.Offset - 1
	}
	return a
}

// One call appends at most so many messages, with at most so many bytes of data unless it is one message. It takes Redis less than 2 ms.
const (
	mostAtOnce  = 256
	bytesAtOnce = 256 << 10
)

// enqueue has a draft appended. What has begun is done also if its context ends.
func (d *Driver) enqueue(w *waiting) {
	q, line := &d.streams.appends, hubbub.Stream{}
	if d.bus.slots != nil {
		line = w.draft.Message.Stream
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	others, busy := q.waiting[line]
	if q.waiting == nil {
		q.waiting = map[hubbub.Stream][]*waiting{}
	}
	q.waiting[line] = append(others, w)
	if !busy {
		q.running.Go(func() { d.appendAll(line) })
	}
}

// appendAll appends what waits in a line until there is nothing more.
func (d *Driver) appendAll(line hubbub.Stream) {
	for {
		runtime.Gosched() // who was told of the last call has the next message at once, while nothing else is to be done
		batch, late := d.streams.appends.next(line)
		for _, w := range late {
			d.appended(w, &outcome{err: w.ctx.Err()})
		}
		if len(batch) == 0 {
			return
		}
		d.appendBatch(batch)
	}
}

// next takes the messages of the next call, and those before and between whose contexts have ended. If there are none of the former the line is
// left.
func (q *appends) next(line hubbub.Stream) (batch, late []*waiting) {
	q.mu.Lock()
	defer q.mu.Unlock()
	all, bytes, n := q.waiting[line], 0, 0
	for _, w := range all {
		if w.ctx.Err() != nil {
			late = append(late, w)
			n++
			continue
		}
		bytes += len(w.draft.Message.Data)
		if len(batch) > 0 && (len(batch) == mostAtOnce || bytes > bytesAtOnce) {
			break
		}
		batch = append(batch, w)
		n++
	}
	if len(batch) == 0 {
		delete(q.waiting, line)
		return nil, late
	}
	q.waiting[line] = all[n:]
	return batch, late
}

// group is messages of one stream that are appended and published together: those that are alike and follow each other there.
type group struct {
	stream hubbub.Stream
	of     []*waiting

	// What has become of them.
	outcomes []outcome // as many
	events   []hubbub.Posted
	unheard  error // they could not be published
}

// groupsOf puts the messages of a call into groups, which leaves those of each stream in their order.
func groupsOf(batch []*waiting) []*group {
	groups := make([]*group, 0, len(batch))
	last := make(map[hubbub.Stream]*group, len(batch))
	for _, w := range batch {
		s := w.draft.Message.Stream
		g := last[s]
		if g == nil || !w.alike(g.of[0]) {
			g = &group{stream: s}
			last[s] = g
			groups = append(groups, g)
		}
		g.of = append(g.of, w)
	}
	return groups
}

func (w *waiting) alike(other *waiting) bool {
	return w.post == other.post && w.draft.Retention == other.draft.Retention
}

// appendBatch appends messages and tells those who wait.
func (d *Driver) appendBatch(batch []*waiting) {
	ctx := context.Background() // what has begun is finished; the client bounds how long that takes
	groups := groupsOf(batch)
	keys, args := d.appendArgs(groups)
	parseAppended(d.exec(ctx, appendScript, keys, args...), groups)
	for _, g := range groups {
		g.accept()
	}
	d.publishAll(ctx, groups)
	for _, g := range groups {
		if g.unheard != nil {
			d.options.Logger.Warn("cannot publish what was appended; it is tried again", "stream", g.stream.String(), "error", g.unheard)
		}
		for i, w := range g.of {
			o := &g.outcomes[i]
			o.mute = g.unheard != nil && w.post && g.owes(o)
			if g.unheard != nil && o.err == nil && w.draft.Retention.Messages < 0 && g.stream.Room == "" {
				o.err = g.unheard // nobody can read it later
			}
			d.appended(w, o)
		}
	}
}

// accept tells of the positions, in their order, and notes what is to be published yet.
func (g *group) accept() {
	for i, w := range g.of {
		o := &g.outcomes[i]
		if o.err != nil {
			continue
		}
		if o.again == nil && w.draft.Accepted != nil {
			w.draft.Accepted(o.message(&w.draft))
		}
		if w.post && g.owes(o) {
			a := o.message(&w.draft)
			g.events = append(g.events, hubbub.Posted{Message: a.Message, Previous: a.Previous})
		}
	}
}

// owes tells whether a message is to be published by itself, which the script does with a new one of a room.
func (g *group) owes(o *outcome) bool {
	return o.again == nil && g.stream.Room == "" || o.again != nil && o.again.Message.Position.Offset > 0
}

// appendArgs makes the keys and arguments of the script.
func (d *Driver) appendArgs(groups []*group) (keys, args []string) {
	messages, size := 0, 0
	for _, g := range groups {
		messages += len(g.of)
		for _, w := range g.of {
			size += roomOf(&w.draft.Message)
		}
	}
	args = append(make([]string, 0, 1+6*len(groups)+4*messages), formatMs(d.nowMs()))
	keys = make([]string, 0, 3*len(groups)+messages)
	text := make(texts, 0, size) // of all, so that a message needs no memory of its own
	for _, g := range groups {
		keep, channel := g.of[0].draft.Retention, ""
		if g.of[0].post && g.stream.Room != "" {
			channel = d.channel(hubbub.Topic{Kind: hubbub.TopicRoom, Name: g.stream.Room})
		}
		keys = append(keys, d.streamKeys(g.stream)...)
		args = append(args, newBirth(), strconv.Itoa(keep.Messages), strconv.Itoa(keep.Bytes), formatMs(ageMS(keep.Age)), channel, strconv.Itoa(len(g.of)))
		for _, w := range g.of {
			m, name, content := &w.draft.Message, keyName(&w.draft), ""
			if name != "" {
				keys, content = append(keys, d.idempotencyKey(g.stream, name)), keyContent(&w.draft)
			}
			args = append(args,
				text.add(func(b []byte) []byte { return appendHead(b, m, name) }),
				text.add(func(b []byte) []byte { return appendBody(b, m) }),
				text.add(func(b []byte) []byte { return strconv.AppendInt(b, int64(len(m.Data)), 10) }),
				content)
		}
	}
	return keys, args
}

// roomOf is about how many bytes a message takes.
func roomOf(m *hubbub.Message) int {
	return 160 + len(m.Stream.Room) + 2*len(m.From.User) + len(m.From.Device) + len(m.From.Info) + len(m.Data)
}

// texts is memory for many strings.
type texts []byte

// add returns what write appends as a string.
func (t *texts) add(write func([]byte) []byte) string {
	n := len(*t)
	*t = write(*t)
	return rueidis.BinaryString((*t)[n:])
}

// ageMS is the age after which messages are not kept, in ms; 0 means that there is none.
func ageMS(age time.Duration) int64 {
	if age <= 0 {
		return 0
	}
	return max(1, age.Milliseconds())
}

// parseAppended reads what the script says of each message.
func parseAppended(r rueidis.RedisResult, groups []*group) {
	all, err := r.ToArray()
	if err == nil && len(all) != len(groups) {
		err = errBadEntry
	}
	for i, g := range groups {
		g.outcomes = make([]outcome, len(g.of))
		wrong := err
		if wrong == nil {
			wrong = g.parse(&all[i])
		}
		if wrong == nil {
			continue
		}
		wrong = unavailable(wrong, "append to "+g.stream.String())
		for j := range g.outcomes {
			g.outcomes[j] = outcome{err: wrong}
		}
	}
}

// parse reads what the script says of a group. If that makes no sense it is an error.
func (g *group) parse(v *rueidis.RedisMessage) error {
	parts, err := v.ToArray()
	if err != nil {
		return err
	}
	if len(parts) != 4 {
		return errBadEntry
	}
	epoch, err := parts[0].ToString()
	erased, err2 := parts[1].AsInt64()
	begun, err3 := parts[2].AsInt64()
	results, err4 := parts[3].ToArray()
	if err != nil || err2 != nil || err3 != nil || err4 != nil || len(results) != len(g.of) {
		return errBadEntry
	}
	life := lifeOf(epoch, erased)
	for i := range results {
		o := &g.outcomes[i]
		o.life, o.begun = life, begun == 1 && erased == 0
		o.err = o.parse(&results[i], &g.of[i].draft, epoch)
	}
	return nil
}

// parse reads what the script says of a message.
func (o *outcome) parse(v *rueidis.RedisMessage, draft *hubbub.Draft, epoch string) error {
	if v.IsArray() {
		known, err := v.ToArray()
		if err != nil || len(known) != 2 {
			return errBadEntry
		}
		kept, err := known[0].ToString()
		if err != nil {
			return errBadEntry
		}
		body, err := known[1].ToString()
		if err != nil && !rueidis.IsRedisNil(err) {
			return errBadEntry
		}
		a, err := repeated(draft, epoch, kept, body)
		o.again = &a
		return err
	}
	offset, err := v.AsInt64()
	if err != nil || offset < 0 {
		return errBadEntry
	}
	if offset > 0 {
		o.at = hubbub.Position{Epoch: epoch, Offset: uint64(offset)}
	}
	return nil
}
