package bff

import (
	"bytes"
	"encoding/json"
)

// eachMember calls each with the members of an object, which must be valid JSON without space around it, until there is
// an error. It makes no map and no copies: most calls of a proxy have nothing else to decode, and it showed in profiles.
func eachMember(object []byte, each func(name string, value json.RawMessage) error) error {
	const space = " \t\r\n"
	for rest := object[1 : len(object)-1]; ; {
		rest = bytes.TrimLeft(rest, ","+space)
		if len(rest) == 0 {
			return nil
		}
		end := textEnd(rest)
		name := string(rest[1 : end-1])
		if bytes.IndexByte(rest[:end], '\\') >= 0 {
			if err := json.Unmarshal(rest[:end], &name); err != nil {
				return err
			}
		}
		rest = rest[end+bytes.IndexByte(rest[end:], ':')+1:]
		end = valueEnd(rest)
		if err := each(name, bytes.Trim(rest[:end], space)); err != nil {
			return err
		}
		rest = rest[end:]
	}
}

// textEnd is the length of the text that b begins with.
func textEnd(b []byte) int {
	for i := 1; ; i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
}

// valueEnd is where the value that b begins with ends, at a comma or at the end of b.
func valueEnd(b []byte) int {
	depth := 0
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			i += textEnd(b[i:]) - 1
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case ',':
			if depth == 0 {
				return i
			}
		}
	}
	return len(b)
}
