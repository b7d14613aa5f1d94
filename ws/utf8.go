package ws

import "unicode/utf8"

var errNotUTF8 = &protocolError{CodeInvalidData, "text message that is not UTF-8"}

// checkText is for text that arrives in pieces. It reports whether b can still become valid UTF-8, and how many bytes at
// its end (at most 3) begin a rune whose rest has not arrived: the next check begins with them. A rune that no
// continuation could make valid is refused at once.
func checkText(b []byte) (rest int, ok bool) {
	for n := 1; n < utf8.UTFMax && n <= len(b); n++ {
		if tail := b[len(b)-n:]; utf8.RuneStart(tail[0]) {
			if !utf8.FullRune(tail) {
				rest = n
			}
			break
		}
	}
	return rest, utf8.Valid(b[:len(b)-rest])
}

// checkWholeText returns a *protocolError if b is not valid UTF-8. It is for inflated text; the parser has checked the rest.
func checkWholeText(b []byte) error {
	if !utf8.Valid(b) {
		return errNotUTF8
	}
	return nil
}
