package redis

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/redis/rueidis"

	"github.com/hubbub-dev/hubbub"
)

var (
	markScript = newScript("stream", "mark")
	talkScript = newScript("stream", "talk")
	goneScript = newScript("gone")
)

// MarkRead implements [hubbub.Conversations].
func (d *Driver) MarkRead(ctx context.Context, user string, s hubbub.Stream, p hubbub.Position) (changed bool, err error) {
	n := note{}
	if s.Room != "" {
		st, ok, err := d.streamState(ctx, s)
		if err != nil {
			return false, err
		}
		if !ok || p.Epoch == "" {
			return false, noSuchPosition(s)
		}
		n = note{who: taker{user, s}, age: int64(st.age), life: st.life}
		if t, ok := d.streams.taken.get(n.who); !ok || t.fresh <= d.nowMs() || t.life != st.life {
			if err := d.writeNote(ctx, &n); err != nil {
				return false, err
			}
		}
	} else if !slices.Contains(s.Pair[:], user) {
		return false, nil
	}
	args := d.streamArgs(user, p.Epoch, strconv.FormatUint(p.Offset, 10))
	got, err := d.exec(ctx, markScript, d.streamKeys(s), args...).ToArray()
	if rueidis.IsRedisNil(err) {
		return false, noSuchPosition(s)
	}
	if err != nil {
		return false, unavailable(err, "mark as read")
	}
	if len(got) != 3 {
		return false, errBadEntry
	}
	further, err := got[0].AsInt64()
	epoch, err2 := got[1].ToString()
	erased, err3 := got[2].AsInt64()
	if err != nil || err2 != nil || err3 != nil {
		return false, errBadEntry
	}
	if d.holds(&n, &outcome{life: lifeOf(epoch, erased)}) {
		return further == 1, nil
	}
	return further == 1, d.writeNote(ctx, &n)
}

func noSuchPosition(s hubbub.Stream) error {
	return hubbub.Errorf(hubbub.Invalid, "%s has no such position; take one of a message that was received from it", s)
}

// place is where a stream stands in the list of a user: those with the newest message come first.
type place struct {
	newest int64 // when a message was appended last, in ms
	stream string
}

func (p place) compare(other place) int {
	return cmp.Or(cmp.Compare(other.newest, p.newest), cmp.Compare(p.stream, other.stream))
}

func (p place) String() string { return strconv.FormatInt(p.newest, 36) + " " + p.stream }

// parsePlace is the inverse of String. "" is before all.
func parsePlace(s string) (place, error) {
	if s == "" {
		return place{newest: math.MaxInt64}, nil
	}
	newest, stream, ok := strings.Cut(s, " ")
	n, err := strconv.ParseInt(newest, 36, 64)
	if !ok || err != nil {
		return place{}, hubbub.Errorf(hubbub.Invalid, "%q is no place in a list of conversations; take the next of a page", s)
	}
	return place{n, stream}, nil
}

// Conversations implements [hubbub.Conversations]. The time that it takes grows with the number of the user's streams, of each of which a few
// bytes are read, but not with what is in them.
func (d *Driver) Conversations(ctx context.Context, user, before string, limit int) (page hubbub.ConversationPage, err error) {
	from, err := parsePlace(before)
	if err != nil || limit <= 0 || user == "" {
		return page, err
	}
	all, err := d.places(ctx, user)
	if err != nil {
		return page, err
	}
	all = slices.DeleteFunc(all, func(p place) bool { return from.compare(p) >= 0 })
	slices.SortFunc(all, place.compare)
	some := all[:min(limit, len(all))]
	found := make([]hubbub.Conversation, len(some))
	oks := make([]bool, len(some))
	err = atOnce(len(some), func(i int) (err error) {
		s, _ := parseStream(some[i].stream)
		found[i], oks[i], err = d.conversation(ctx, user, s)
		return err
	})
	if err != nil {
		return page, err
	}
	for i, c := range found {
		if c.Cursor = some[i].String(); oks[i] {
			page.Conversations = append(page.Conversations, c)
		}
	}
	if len(all) > limit {
		page.Next = some[limit-1].String()
	}
	return page, nil
}

// callsAtOnce is how many calls atOnce has under way, which go to Redis together.
const callsAtOnce = 32

// atOnce calls f for the numbers up to n, some at a time, and returns an error if there was one.
func atOnce(n int, f func(i int) error) error {
	var wg sync.WaitGroup
	errs := make([]error, min(n, callsAtOnce))
	for w := range errs {
		wg.Go(func() {
			for i := w; i < n && errs[w] == nil; i += callsAtOnce {
				errs[w] = f(i)
			}
		})
	}
	wg.Wait()
	return cmp.Or(errs...)
}

// statesAtOnce is how many streams are looked at with one call.
const statesAtOnce = 1000

// places finds the streams that a user takes part in and of which something may be kept, in any order.
func (d *Driver) places(ctx context.Context, user string) (all []place, err error) {
	key := d.takesKey(user)
	noted, err := d.do(ctx, d.b().Zrange().Key(key).Min("0").Max("-1").Withscores().Build()).AsZScores()
	if err != nil {
		return nil, unavailable(err, "list conversations")
	}
	now := d.nowMs()
	gone := []string{formatMs(now + clockSkew.Milliseconds())}
	for some := range slices.Chunk(noted, statesAtOnce) {
		cmds := make(rueidis.Commands, len(some))
		for i, z := range some {
			s, _ := parseStream(z.Member)
			cmds[i] = d.b().Get().Key(d.streamKeys(s)[0]).Build()
		}
		for i, r := range d.doMulti(ctx, cmds...) {
			packed, err := r.ToString()
			if err != nil && !rueidis.IsRedisNil(err) {
				return nil, unavailable(err, "list conversations")
			}
			st, ok := parseStreamState(packed)
			if ok && st.kept(now) {
				all = append(all, place{int64(st.newest), some[i].Member})
			}
			if !ok && isGone(some[i].Score, now) {
				gone = append(gone, some[i].Member, strconv.FormatFloat(some[i].Score, 'f', -1, 64))
			}
		}
	}
	if len(gone) == 1 {
		return all, nil
	}
	err = d.exec(ctx, goneScript, []string{key}, gone...).Error()
	if rueidis.IsRedisNil(err) {
		err = nil
	}
	return all, unavailable(err, "list conversations")
}

// isGone tells whether the note of a stream that there is not would never be forgotten by itself, and was written so long ago that nobody
// relies on it.
func isGone(until float64, now int64) bool {
	written := int64(until) - noteForever.Milliseconds()
	return written > 0 && written < now-2*noteLife.Milliseconds()
}

const (
	maxUnread    = 1000 // how far what is unread is counted
	unreadAtOnce = 1000 // how many messages are looked at for it with one call
)

// conversation describes a stream as a user sees it; false if nothing of it is kept.
func (d *Driver) conversation(ctx context.Context, user string, s hubbub.Stream) (c hubbub.Conversation, ok bool, err error) {
	peer := ""
	if s.Room == "" {
		peer = s.Peer(user)
	}
	for from := int64(0); ; {
		args := d.streamArgs(user, peer, formatMs(from), strconv.Itoa(unreadAtOnce))
		parts, err := d.exec(ctx, talkScript, d.streamKeys(s), args...).ToArray()
		if rueidis.IsRedisNil(err) {
			return c, false, nil
		}
		if err != nil {
			return c, false, unavailable(err, "look at "+s.String())
		}
		next, unread, err := parseTalk(&c, s, parts)
		if err != nil {
			return c, false, unavailable(err, "look at "+s.String())
		}
		c.Unread = min(c.Unread+unread, maxUnread)
		if from = next; from == 0 || c.Unread == maxUnread {
			return c, true, nil
		}
	}
}

// parseTalk reads what the script says of a stream, except for what is unread, of which it returns how many there are up to the offset next.
func parseTalk(c *hubbub.Conversation, s hubbub.Stream, parts []rueidis.RedisMessage) (next int64, unread int, err error) {
	if len(parts) != 6 {
		return 0, 0, errBadEntry
	}
	epoch, err := parts[0].ToString()
	if err != nil {
		return 0, 0, errBadEntry
	}
	var n [4]int64
	for i := range n {
		if n[i], err = parts[2+i].AsInt64(); err != nil || n[i] < 0 {
			return 0, 0, errBadEntry
		}
	}
	newest, err := parseEntry(&parts[1])
	if err != nil {
		return 0, 0, err
	}
	last, err := newest.appendMessages(nil, s, epoch, newest.offset, newest.offset)
	if err != nil {
		return 0, 0, err
	}
	c.Stream, c.Last, c.Read, c.PeerRead = s, last[0], readPosition(epoch, n[0]), readPosition(epoch, n[1])
	return n[3], int(n[2]), nil
}

func readPosition(epoch string, offset int64) hubbub.Position {
	if offset == 0 {
		return hubbub.Position{}
	}
	return hubbub.Position{Epoch: epoch, Offset: uint64(offset)}
}
