package rpc

import (
	"maps"
	"slices"
	"strconv"
	"sync/atomic"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/ws"
)

func noticeOf(n *hubbub.Notice) wireNotice {
	return wireNotice{n.ID, n.NoticeContent, n.State, millis(n.Time), millis(n.Expires), n.Collapse, n.Announcement}
}

func (r noticesResult) appendJSON(b []byte) []byte {
	b = append(append(append(b, `{"notices":[`...), r.notices...), ']')
	if r.next != "" {
		b = appendString(append(b, `,"next":`...), r.next)
	}
	return append(b, '}')
}

// markedOf says what was done as inbox.mark is asked to do it.
func markedOf(m hubbub.NoticeMark) markedParams {
	out := markedParams{State: string(m.State), IDs: m.IDs, Category: m.Category, Until: millis(m.Until)}
	if m.Back {
		out.State = "unread"
	}
	out.All = len(m.IDs) == 0 && m.Category == ""
	return out
}

// lastFrame is the frame that was told last, by a key that says what it is of. What is published to many, an announcement above all, is
// told to one conn after the other, and so are the counts that most of them have then: encoding a notice for each was as much as
// sending it. The zero value has none. Safe for concurrent use.
type lastFrame[K comparable] struct{ frame atomic.Pointer[keyedFrame[K]] }

type keyedFrame[K comparable] struct {
	key   K
	frame ws.Message
}

// noticeKey is what a notice looks like to all: what has an id does not change.
type noticeKey struct {
	id    string
	state hubbub.NoticeState
}

// encode makes the frame of an event, the same for all users. It tells false for one that cannot be encoded.
func (l *lastFrame[K]) encode(key K, e hubbub.Event) (ws.Message, bool) {
	if last := l.frame.Load(); last != nil && last.key == key {
		return last.frame, true
	}
	frame, ok := encode(e, "")
	if ok {
		l.frame.Store(&keyedFrame[K]{key, frame})
	}
	return frame, ok
}

// wireCounts is what a user has not dealt with in the inbox.
type wireCounts hubbub.InboxCounts

// MarshalJSON is for counts within results.
func (c wireCounts) MarshalJSON() ([]byte, error) {
	return c.appendJSON(make([]byte, 0, sizeHint(c))), nil
}

// appendJSON has the categories in the order of their names, so that the same counts are the same bytes.
func (c wireCounts) appendJSON(b []byte) []byte {
	b = appendCounts(append(b, '{'), c.Unread, c.Unseen)
	b = append(b, `,"categories":{`...)
	var few [8]string // saves an allocation for nearly everybody
	names := slices.AppendSeq(few[:0], maps.Keys(c.Categories))
	slices.Sort(names)
	for i, name := range names {
		if i > 0 {
			b = append(b, ',')
		}
		of := c.Categories[name]
		b = appendCounts(append(appendString(b, name), ":{"...), of.Unread, of.Unseen)
		b = append(b, '}')
	}
	return append(b, "}}"...)
}

func appendCounts(b []byte, unread, unseen int) []byte {
	b = strconv.AppendInt(append(b, `"unread":`...), int64(unread), 10)
	return strconv.AppendInt(append(b, `,"unseen":`...), int64(unseen), 10)
}
