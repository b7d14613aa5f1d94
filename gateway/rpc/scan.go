package rpc

import (
	"bytes"
	"encoding/json"
)

// scanner reads and validates JSON text (RFC 8259). It accepts exactly what [json.Valid] does, to a depth of maxDepth.
type scanner struct {
	data []byte
	at   int
	deep bool // it has stopped since the nesting is too deep
}

// peek is the next byte, or 0 at the end.
func (s *scanner) peek() byte {
	if s.at < len(s.data) {
		return s.data[s.at]
	}
	return 0
}

func (s *scanner) space() {
	for s.at < len(s.data) {
		switch s.data[s.at] {
		case ' ', '\t', '\n', '\r':
			s.at++
		default:
			return
		}
	}
}

// value reads one value; depth is how many objects and arrays it lies in.
func (s *scanner) value(depth int) bool {
	switch c := s.peek(); c {
	case '{':
		return s.object(depth+1, nil)
	case '[':
		return s.array(depth + 1)
	case '"':
		return s.text()
	case 't':
		return s.word("true")
	case 'f':
		return s.word("false")
	case 'n':
		return s.word("null")
	default:
		return s.number()
	}
}

func (s *scanner) word(w string) bool {
	if len(s.data)-s.at < len(w) || string(s.data[s.at:s.at+len(w)]) != w {
		return false
	}
	s.at += len(w)
	return true
}

// object reads an object, and appends its members to out unless that is nil. depth counts the object itself.
func (s *scanner) object(depth int, out *[]member) bool {
	if depth > maxDepth {
		s.deep = true
		return false
	}
	s.at++
	for first := true; ; first = false {
		key, more, ok := s.key(first)
		if !ok || !more {
			return ok
		}
		from := s.at
		if !s.value(depth) {
			return false
		}
		if out != nil {
			*out = append(*out, member{key, s.data[from:s.at]})
		}
	}
}

// key goes to the next value in an object and returns its key, without quotes. There is no more when the object has ended.
func (s *scanner) key(first bool) (key []byte, more, ok bool) {
	s.space()
	switch c := s.peek(); {
	case c == '}':
		s.at++
		return nil, false, true
	case c == ',' && !first:
		s.at++
		s.space()
	case !first:
		return nil, false, false
	}
	from := s.at + 1
	if s.peek() != '"' || !s.text() {
		return nil, false, false
	}
	key = s.data[from : s.at-1]
	s.space()
	if s.peek() != ':' {
		return nil, false, false
	}
	s.at++
	s.space()
	return key, true, true
}

func (s *scanner) array(depth int) bool {
	if depth > maxDepth {
		s.deep = true
		return false
	}
	s.at++
	s.space()
	if s.peek() == ']' {
		s.at++
		return true
	}
	for {
		s.space()
		if !s.value(depth) {
			return false
		}
		s.space()
		switch s.peek() {
		case ',':
			s.at++
		case ']':
			s.at++
			return true
		default:
			return false
		}
	}
}

// text reads a string with its quotes.
func (s *scanner) text() bool {
	for s.at++; s.at < len(s.data); s.at++ {
		switch c := s.data[s.at]; {
		case c == '"':
			s.at++
			return true
		case c < ' ':
			return false
		case c == '\\' && !s.escape():
			return false
		}
	}
	return false
}

// escape goes from a backslash to the last byte of its escape.
func (s *scanner) escape() bool {
	s.at++
	switch s.peek() {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return true
	case 'u':
		for range 4 {
			s.at++
			if !isHex(s.peek()) {
				return false
			}
		}
		return true
	}
	return false
}

func isHex(c byte) bool { return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F' }

func (s *scanner) number() bool {
	if s.peek() == '-' {
		s.at++
	}
	if s.peek() == '0' {
		s.at++
	} else if s.digits() == 0 {
		return false
	}
	if s.peek() == '.' {
		s.at++
		if s.digits() == 0 {
			return false
		}
	}
	if s.peek()|0x20 != 'e' {
		return true
	}
	s.at++
	if c := s.peek(); c == '+' || c == '-' {
		s.at++
	}
	return s.digits() > 0
}

func (s *scanner) digits() int {
	from := s.at
	for s.at < len(s.data) && s.data[s.at] >= '0' && s.data[s.at] <= '9' {
		s.at++
	}
	return s.at - from
}

// unescape decodes what is between the quotes of a valid JSON string.
func unescape(text []byte) []byte {
	if bytes.IndexByte(text, '\\') < 0 {
		return text
	}
	quoted := make([]byte, 0, len(text)+2)
	quoted = append(append(append(quoted, '"'), text...), '"')
	var plain string
	if err := json.Unmarshal(quoted, &plain); err != nil {
		panic("rpc: a string that was scanned is not JSON: " + err.Error())
	}
	return []byte(plain)
}

// integer decodes a JSON number that is written as an integer from 0 to 2^53-1.
func integer(value []byte) (uint64, bool) {
	var n uint64
	if len(value) == 0 || len(value) > 16 || value[0] == '0' && len(value) > 1 {
		return 0, false
	}
	for _, c := range value {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return n, n <= 1<<53-1
}
