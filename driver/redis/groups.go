package redis

import (
	"iter"
	"strconv"
	"time"

	"github.com/redis/rueidis"

	"github.com/hubbub-dev/hubbub"
)

var appendScript = newScript("stream", "append")

// group is messages of one stream that are appended and published together: those that are alike and follow each other there.
type group struct {
	stream  hubbub.Stream
	of      []*waiting
	bundles []bundle // which they are, one after the other

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
		g.add(w)
	}
	return groups
}

func (w *waiting) alike(other *waiting) bool {
	return w.post == other.post && w.draft.Retention == other.draft.Retention
}

// appendArgs makes the keys and arguments of the script.
func (d *Driver) appendArgs(groups []*group) (keys, args []string) {
	entries, size := 0, 0
	for _, g := range groups {
		entries += len(g.bundles)
		for i := range g.bundles {
			size += g.bundles[i].size
		}
	}
	args = append(make([]string, 0, 1+6*len(groups)+4*entries), formatMs(d.nowMs()))
	keys = make([]string, 0, 3*len(groups)+entries)
	text := make(texts, 0, size) // of all, so that a message needs no memory of its own
	for _, g := range groups {
		keep, channel := g.of[0].draft.Retention, ""
		if g.of[0].post && g.stream.Room != "" {
			channel = d.channel(hubbub.Topic{Kind: hubbub.TopicRoom, Name: g.stream.Room})
		}
		keys = append(keys, d.streamKeys(g.stream)...)
		args = append(args, newBirth(), strconv.Itoa(keep.Messages), strconv.Itoa(keep.Bytes), formatMs(ageMS(keep.Age)), channel,
			strconv.Itoa(len(g.bundles)))
		for u, some := range g.each() {
			first := &some[0].draft
			name, content := keyName(first), ""
			if name != "" {
				keys, content = append(keys, d.idempotencyKey(g.stream, name)), keyContent(first)
			}
			args = append(args,
				text.add(func(b []byte) []byte { return appendHead(b, &first.Message, name) }),
				text.add(func(b []byte) []byte { return appendBodies(b, some) }),
				text.add(func(b []byte) []byte { return u.appendSizes(b, some) }),
				content)
		}
	}
	return keys, args
}

// each gives the bundles of a group with their messages.
func (g *group) each() iter.Seq2[*bundle, []*waiting] {
	return func(yield func(*bundle, []*waiting) bool) {
		for i, rest := 0, g.of; i < len(g.bundles); i++ {
			u := &g.bundles[i]
			if !yield(u, rest[:u.messages]) {
				return
			}
			rest = rest[u.messages:]
		}
	}
}

// roomOf is about how many bytes the arguments of a message take.
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
	if err != nil || err2 != nil || err3 != nil || err4 != nil || len(results) != len(g.bundles) {
		return errBadEntry
	}
	blank := outcome{life: lifeOf(epoch, erased), begun: begun == 1 && erased == 0}
	outcomes := g.outcomes
	for i := range results {
		n := g.bundles[i].messages
		first := &outcomes[0]
		*first = blank
		first.err = first.parse(&results[i], &g.of[len(g.of)-len(outcomes)].draft, epoch)
		for j := 1; j < n; j++ {
			outcomes[j] = *first
			if first.at.Offset > 0 {
				outcomes[j].at.Offset += uint64(j)
			}
		}
		outcomes = outcomes[n:]
	}
	return nil
}

// parse reads what the script says of a bundle, for its first message.
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
