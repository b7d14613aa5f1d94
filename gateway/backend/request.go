package backend

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/hubbub-dev/hubbub"
)

// Headers that tell the backend who is asking. What a caller sent under such a name is never passed on.
const (
	// UserHeader names the user, with % and every byte that is not ASCII percent-encoded, whenever a call has an Identity.
	UserHeader = "Hubbub-User"
	// IdentityHeader is the signed identity, whenever a call has an Identity and the backend a Secret.
	IdentityHeader = "Hubbub-Identity"
)

// maxPath is how many bytes the path of a call may have with its query.
const maxPath = 8 << 10

// dropped tells whether a header of a caller goes no further: it belongs to one conn, or is ours to set. Some servers take _ for -
// in names, so that both are ours.
func dropped(canonical string) bool {
	switch canonical {
	case "Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection", "Te", "Trailer",
		"Transfer-Encoding", "Upgrade", "Host", "Content-Length", "Accept-Encoding", "Expect":
		return true
	}
	const ours = "hubbub"
	return len(canonical) > len(ours) && strings.EqualFold(canonical[:len(ours)], ours) &&
		(canonical[len(ours)] == '-' || canonical[len(ours)] == '_')
}

// CheckPath tells whether a [Call] may have a path. It refuses what is no escaped path with a query, and what would lead out of the
// path that was meant: most come from templates, and a parameter may be "..". The error has the reason Invalid or TooLarge.
func CheckPath(path string) error {
	switch {
	case path == "" || path[0] != '/' || strings.HasPrefix(path, "//"):
		return hubbub.Errorf(hubbub.Invalid, "a path must begin with one /")
	case len(path) > maxPath:
		return hubbub.Errorf(hubbub.TooLarge, "a path of %d bytes is too long; at most %d are allowed", len(path), maxPath)
	}
	for i := range len(path) {
		if c := path[i]; c <= ' ' || c >= 0x7f || c == '#' || c == '\\' {
			return hubbub.Errorf(hubbub.Invalid, "a path must be escaped: the byte %s must not stand in it", strconv.QuoteRuneToASCII(rune(c)))
		}
	}
	path, _, _ = strings.Cut(path, "?")
	for rest, more := path, true; more; {
		var segment string
		segment, rest, more = strings.Cut(rest, "/")
		if dots(segment) {
			return hubbub.Errorf(hubbub.Invalid, "a path must not have the segments . and ..")
		}
	}
	return nil
}

// dots tells whether a segment of a path is . or .. for some server: many unescape first and split later, and some do not look at what
// stands behind a semicolon.
func dots(segment string) bool {
	if !strings.HasPrefix(segment, ".") && !strings.Contains(segment, "%") {
		return false
	}
	plain, err := url.PathUnescape(segment)
	if err != nil {
		plain = segment
	}
	for part := range strings.FieldsFuncSeq(plain, func(r rune) bool { return r == '/' || r == '\\' }) {
		part, _, _ = strings.Cut(part, ";")
		if part == "." || part == ".." {
			return true
		}
	}
	return false
}

// escapeName makes a header's value of a user's name. A receiver decodes it always: a name that holds % is escaped too, so that none
// can be written to look like another.
func escapeName(name string) string {
	plain := func(c byte) bool { return c > ' ' && c < 0x7f && c != '%' }
	odd := 0
	for i := range len(name) {
		if !plain(name[i]) {
			odd++
		}
	}
	if odd == 0 {
		return name
	}
	escaped := make([]byte, 0, len(name)+2*odd)
	for i := range len(name) {
		if plain(name[i]) {
			escaped = append(escaped, name[i])
			continue
		}
		const hex = "0123456789ABCDEF"
		escaped = append(escaped, '%', hex[name[i]>>4], hex[name[i]&15])
	}
	return string(escaped)
}
