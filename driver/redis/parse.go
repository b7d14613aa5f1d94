package redis

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"
)

// parseLine parses the first line of a body as [appendBody] writes it, without copying: it is done for each message on each node that has
// somebody in its room. It is false for all else, which is JSON of a newer node, or none.
func parseLine(line string) (w wireMessage, ok bool) {
	s := line
	if !cut(&s, "{") {
		return w, false
	}
	for {
		name, ok := quoted(&s)
		if !ok || !cut(&s, ":") || !w.parseField(name, &s) {
			return w, false
		}
		if !cut(&s, ",") {
			return w, s == "}"
		}
	}
}

func (w *wireMessage) parseField(name string, s *string) (ok bool) {
	switch name {
	case "id":
		w.ID, ok = quoted(s)
	case "room":
		w.Room, ok = quoted(s)
	case "user":
		w.User, ok = quoted(s)
	case "device":
		w.Device, ok = quoted(s)
	case "except":
		w.Except, ok = quoted(s)
	case "collapse":
		w.Collapse, ok = quoted(s)
	case "pair":
		w.Pair, ok = pair(s)
	case "info":
		w.Info, ok = object(s)
	case "time":
		w.Time, ok = integer(s)
	}
	return ok
}

// cut takes a prefix from s, if it is there.
func cut(s *string, prefix string) bool {
	rest, ok := strings.CutPrefix(*s, prefix)
	*s = rest
	return ok
}

// quoted takes a string in which nothing is escaped.
func quoted(s *string) (text string, ok bool) {
	if !cut(s, `"`) {
		return "", false
	}
	for i := range len(*s) {
		switch c := (*s)[i]; {
		case c == '"':
			text, *s = (*s)[:i], (*s)[i+1:]
			return text, utf8.ValidString(text)
		case c == '\\' || c < ' ':
			return "", false
		}
	}
	return "", false
}

func pair(s *string) (p [2]string, ok bool) {
	if !cut(s, "[") {
		return p, false
	}
	if p[0], ok = quoted(s); !ok || !cut(s, ",") {
		return p, false
	}
	p[1], ok = quoted(s)
	return p, ok && cut(s, "]")
}

// integer takes a whole number.
func integer(s *string) (n int64, ok bool) {
	i := 0
	for i < len(*s) && ((*s)[i] >= '0' && (*s)[i] <= '9' || i == 0 && (*s)[i] == '-') {
		i++
	}
	text := (*s)[:i]
	*s = (*s)[i:]
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil && strconv.FormatInt(n, 10) == text
}

// object takes a JSON object.
func object(s *string) (raw json.RawMessage, ok bool) {
	depth, inString := 0, false
	for i := 0; i < len(*s); i++ {
		switch c := (*s)[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			depth--
		}
		if depth == 0 {
			raw, *s = json.RawMessage((*s)[:i+1]), (*s)[i+1:]
			return raw, raw[0] == '{' && json.Valid(raw)
		}
	}
	return nil, false
}
