package inbox

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hubbub-dev/hubbub"
)

// maxLink is the most bytes that a link may have.
const maxLink = 2048

// CheckLink tells whether a link is one that a notice may have: an http, https or mailto URL, or one that is relative to the page
// that shows it. What browsers forgive is refused, since they may understand it as something else: control characters and
// spaces, which they drop, backslashes, which they take for slashes, and //host, which leads to another site. So are
// user names before a host, which pretend to be one. The error has the reason Invalid and calls the link what.
func CheckLink(what, link string) error {
	bad := func(why string) error { return hubbub.Errorf(hubbub.Invalid, "%s %q %s", what, link, why) }
	if len(link) > maxLink {
		return hubbub.Errorf(hubbub.Invalid, "%s has %d bytes; at most %d are allowed", what, len(link), maxLink)
	}
	if !utf8.ValidString(link) || strings.ContainsFunc(link, neverInLinks) {
		return bad(`must not contain spaces, control characters, \ < > " or ` + "`: write them as %20 and the like")
	}
	u, err := url.Parse(link)
	if err != nil {
		return bad("is not a URL: check the characters % and : in it")
	}
	switch scheme, ok := schemeOf(link); {
	case !ok && strings.HasPrefix(link, "//"):
		return bad("leads to another site: write https: before it")
	case !ok && link != "":
		return nil
	case scheme == "mailto" && u.Opaque != "":
		return nil
	case scheme != "http" && scheme != "https":
		return bad("must begin with https://, http://, mailto:, /, ? or #, or be a relative path")
	case u.Hostname() == "":
		return bad("names no host: write it as " + scheme + "://example.com/path")
	case u.User != nil:
		return bad("must not contain a user name or password")
	}
	return nil
}

func neverInLinks(r rune) bool {
	return unicode.IsSpace(r) || unicode.IsControl(r) || strings.ContainsRune("\\<>\"`", r)
}

// schemeOf returns in lower case what is before the colon, if a browser could take it for a scheme.
func schemeOf(link string) (scheme string, ok bool) {
	end := strings.IndexAny(link, ":/?#")
	if end < 0 || link[end] != ':' {
		return "", false
	}
	return strings.ToLower(link[:end]), true
}
