package redis

import (
	"bytes"
	"strconv"

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
// none. BYTES are of the body that follows, see appendBody. The events share memory with b; those of unknown types are left out. If something
// is wrong those before it were given.
func eachEvent(b []byte, give func(hubbub.Event)) error {
	if len(b) == 0 || b[0] != '+' {
		e, err := decodeEvent(b)
		if e != nil && err == nil {
			give(e)
		}
		return err
	}
	line, rest, ok := bytes.Cut(b[1:], []byte("\n"))
	if !ok {
		return errBadMessage
	}
	at, previous, err := parsePosition(string(line))
	if err != nil {
		return err
	}
	for len(rest) > 0 {
		size, body, ok := bytes.Cut(rest, []byte("\n"))
		n, err := strconv.Atoi(string(size))
		if !ok || err != nil || n < 0 || n > len(body) {
			return errBadMessage
		}
		m, err := decodeBody(body[:n:n])
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
