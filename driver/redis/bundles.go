package redis

import (
	"slices"
	"strconv"
	"strings"

	"github.com/hubbub-dev/hubbub"
)

// bundle is messages of a group that are one entry of the stream, or one message that is an entry by itself. What is done for each entry, by
// Redis above all, is shared by messages that follow each other, and that nobody has to tell apart but by their offsets: they have one sender, so
// that they are erased together, no keys, and the same time as far as keeping by age looks at it.
type bundle struct {
	messages int
	bytes    int // of their data
	size     int // about how much memory their text takes
}

// A bundle has at most so many messages, and takes at most about so many bytes: who wants one of its messages reads it whole.
const (
	mostBundled  = 64
	bytesBundled = 8 << 10
)

// bundled tells whether two messages that follow each other may be of one bundle.
func (w *waiting) bundled(other *waiting) bool {
	m, o := &w.draft.Message, &other.draft.Message
	return w.draft.Key == "" && other.draft.Key == "" && m.From.User == o.From.User && m.Time.UnixMilli() == o.Time.UnixMilli()
}

// add adds a message to the last bundle of a group, or to a new one.
func (g *group) add(w *waiting) {
	bytes, size, last := len(w.draft.Message.Data), roomOf(&w.draft.Message), len(g.bundles)-1
	g.of = append(g.of, w)
	if last >= 0 {
		b := &g.bundles[last]
		if b.messages < mostBundled && b.size+size <= bytesBundled && w.bundled(g.of[len(g.of)-2]) {
			b.messages, b.bytes, b.size = b.messages+1, b.bytes+bytes, b.size+size
			return
		}
	}
	g.bundles = append(g.bundles, bundle{1, bytes, size})
}

// appendBodies appends the field m of the entry of some messages: the body if there is one, and otherwise all of them as they are published, see
// eachEvent.
func appendBodies(b []byte, some []*waiting) []byte {
	if len(some) == 1 {
		return appendBody(b, &some[0].draft.Message)
	}
	for _, w := range some {
		start := len(b)
		b = appendBody(b, &w.draft.Message)
		var line [20]byte
		b = slices.Insert(b, start, append(strconv.AppendInt(line[:0], int64(len(b)-start), 10), '\n')...)
	}
	return b
}

// appendSizes appends how many bytes of data a bundle has. For several messages that is the field n of their entry: "MESSAGES BYTES", and those of
// each.
func (u *bundle) appendSizes(b []byte, some []*waiting) []byte {
	if len(some) == 1 {
		return strconv.AppendInt(b, int64(u.bytes), 10)
	}
	b = append(strconv.AppendInt(b, int64(u.messages), 10), ' ')
	b = strconv.AppendInt(b, int64(u.bytes), 10)
	for _, w := range some {
		b = strconv.AppendInt(append(b, ' '), int64(len(w.draft.Message.Data)), 10)
	}
	return b
}

// parseSizes is the inverse of appendSizes for several messages.
func parseSizes(s string) ([]int, error) {
	words := strings.Split(s, " ")
	n := make([]int, len(words))
	total := 0
	for i, word := range words {
		var err error
		if n[i], err = strconv.Atoi(word); err != nil || n[i] < 0 {
			return nil, errBadEntry
		}
		if i >= 2 {
			total += n[i]
		}
	}
	if len(n) < 3 || n[0] != len(n)-2 || n[1] != total {
		return nil, errBadEntry
	}
	return n[2:], nil
}

// appendMessages decodes the messages of an entry whose offsets are from low to high.
func (e *entry) appendMessages(all []hubbub.Message, s hubbub.Stream, epoch string, low, high uint64) ([]hubbub.Message, error) {
	if e.sizes == "" {
		m, err := decodeAt(s, hubbub.Position{Epoch: epoch, Offset: e.offset}, e.body)
		if err != nil {
			return nil, err
		}
		return append(all, m), nil
	}
	sizes, err := parseSizes(e.sizes)
	if err != nil || uint64(len(sizes)) > e.offset {
		return nil, errBadEntry
	}
	at, rest := hubbub.Position{Epoch: epoch, Offset: e.offset - uint64(len(sizes)) + 1}, e.body
	for _, size := range sizes {
		var body string
		if body, rest, err = cutBody(rest); err != nil {
			return nil, errBadEntry
		}
		if _, data, ok := strings.Cut(body, "\n"); !ok || len(data) != size {
			return nil, errBadEntry
		}
		if low <= at.Offset && at.Offset <= high {
			m, err := decodeAt(s, at, body)
			if err != nil {
				return nil, err
			}
			all = append(all, m)
		}
		at.Offset++
	}
	if rest != "" {
		return nil, errBadEntry
	}
	return all, nil
}
