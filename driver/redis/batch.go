package redis

import (
	"strconv"
	"strings"

	"github.com/hubbub-dev/hubbub"
)

// eachEvent decodes what was published, and gives the events in their order. Messages of a room that were appended in one step come together:
//
//	+EPOCH OFFSET PREVIOUS
//	BYTES
//	{"id":"m1",…}
//	DATA BYTES
//	…
//
// The position is that of the first, whose offset is one more than PREVIOUS; each further one has the next. It is empty if the messages have
// none. BYTES are of the body that follows, see appendBody. The events share memory with s; those of unknown types are left out. If something
// is wrong those before it were given.
func eachEvent(s string, give func(hubbub.Event)) error {
	if s == "" || s[0] != '+' {
		e, err := decodeEvent(s)
		if e != nil && err == nil {
			give(e)
		}
		return err
	}
	line, rest, ok := strings.Cut(s[1:], "\n")
	if !ok {
		return errBadMessage
	}
	at, previous, err := parsePosition(line)
	if err != nil {
		return err
	}
	for rest != "" {
		size, body, ok := strings.Cut(rest, "\n")
		n, err := strconv.Atoi(size)
		if !ok || err != nil || n < 0 || n > len(body) {
			return errBadMessage
		}
		m, err := decodeBody(body[:n])
		if err != nil {
			return err
		}
		m.Position = at
		give(hubbub.Posted{Message: m, Previous: previous})
		if rest = body[n:]; at.Offset > 0 {
			previous = at.Offset
			at.Offset++
		}
	}
	return nil
}
