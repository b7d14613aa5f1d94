package redis

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/hubbub-dev/hubbub"
)

// streamKeys are the keys of a stream that its scripts touch: what is known of it, its messages, and what users have read.
func (d *Driver) streamKeys(s hubbub.Stream) []string {
	base := d.options.Prefix + streamTag(s)
	return append(make([]string, 0, 4), base+"state", base+"log", base+"read")
}

// idempotencyKey is the key of Redis for an idempotency key, by its digest.
func (d *Driver) idempotencyKey(s hubbub.Stream, digest string) string {
	return d.options.Prefix + streamTag(s) + "key:" + digest
}

const birthSize = 10

// newBirth makes the beginning of an epoch. The server that has the stream makes the rest, so nobody need fear that two streams, or two lives
// of one, have the same.
func newBirth() string {
	const least = 101_559_956_668_416 // 36 to the power of 9: so that there are ten digits
	return strconv.FormatUint(least+rand.Uint64N(35*least), 36)
}

// streamArgs begins the arguments of a script about a stream.
func (d *Driver) streamArgs(more ...string) []string {
	return append([]string{formatMs(d.nowMs()), newBirth()}, more...)
}

// streamState is what the scripts keep of a stream, as far as it concerns others. The times are in ms.
type streamState struct {
	epoch       string
	head, first float64
	age, newest float64
	life        string // changes when the stream begins anew, is on another server, or something of it was erased
}

const streamStateSize = birthSize + 8 + 11*8

// parseStreamState reads what stream.lua has packed. It is false if there is nothing, or it makes no sense.
func parseStreamState(packed string) (st streamState, ok bool) {
	if len(packed) != streamStateSize {
		return st, false
	}
	number := func(i int) float64 {
		return math.Float64frombits(binary.LittleEndian.Uint64([]byte(packed[birthSize+8+8*i:][:8])))
	}
	st = streamState{epoch: packed[:birthSize+8], head: number(0), first: number(1), age: number(5), newest: number(7)}
	st.life = lifeOf(st.epoch, int64(number(9)))
	return st, true
}

// lifeOf names a part of the life of a stream: from one erasing to the next.
func lifeOf(epoch string, erased int64) string { return epoch + " " + strconv.FormatInt(erased, 10) }

// kept tells whether messages may be kept at a time, in ms.
func (st *streamState) kept(now int64) bool {
	return st.first <= st.head && (st.age == 0 || float64(now)-st.newest <= st.age+float64(clockSkew.Milliseconds()))
}

// parseStream is the inverse of [hubbub.Stream.String].
func parseStream(s string) (hubbub.Stream, bool) {
	kind, name, _ := strings.Cut(s, " ")
	if kind == "room" && name != "" {
		return hubbub.RoomStream(name), true
	}
	a, b, ok := strings.Cut(name, " ")
	return hubbub.Stream{Pair: [2]string{a, b}}, ok && kind == "pair"
}
