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
// none. BYTES are of the body that follows, see appendBody. The events share memory with s; those of unknown types, and messages at positions
// that are known, are left out. If something is wrong those before it were given.
func eachEvent(s string, known func(hubbub.Position) bool, give func(hubbub.Event)) error {
	if strings.HasPrefix(s, "{") {
		e, err := decodeEvent(s)
		if e != nil && err == nil {
			give(e)
		}
		return err
	}
	s, many := strings.CutPrefix(s, "+")
	line, rest, ok := strings.Cut(s, "\n")
	if !ok {
		return errBadMessage
	}
	at, previous, err := parsePosition(line)
	if err != nil {
		return err
	}
	for more := true; more; more = rest != "" {
		body := rest
		if rest = ""; many {
			if body, rest, err = cutBody(body); err != nil {
				return err
			}
		}
		if at.Offset == 0 || !known(at) {
			m, err := decodeBody(body)
			if err != nil {
				return err
			}
			m.Position = at
			give(hubbub.Posted{Message: m, Previous: previous})
		}
		if at.Offset > 0 {
			previous = at.Offset
			at.Offset++
		}
	}
	return nil
}

// cutBody takes the first of several bodies.
func cutBody(s string) (body, rest string, err error) {
	size, rest, ok := strings.Cut(s, "\n")
	n, err := strconv.Atoi(size)
	if !ok || err != nil || n < 0 || n > len(rest) {
		return "", "", errBadMessage
	}
	return rest[:n], rest[n:], nil
}
