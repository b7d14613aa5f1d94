package template

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/hubbub-dev/hubbub"
)

// Path is a parsed path of a URL. Its zero value is the empty path.
type Path struct{ segments []Text }

// ParsePath reads a path, which begins with / and is escaped as in a URL.
func ParsePath(s string) (Path, error) {
	if !strings.HasPrefix(s, "/") {
		return Path{}, fmt.Errorf("the path %q must begin with /", s)
	}
	var p Path
	for segment := range strings.SplitSeq(s[1:], "/") {
		t, err := Parse(segment)
		if err != nil {
			return Path{}, err
		}
		if err := checkSegment(t); err != nil {
			return Path{}, fmt.Errorf("the path %q %w", s, err)
		}
		p.segments = append(p.segments, t)
	}
	return p, nil
}

// checkSegment tells whether the literals of a segment can be part of a URL.
func checkSegment(t Text) error {
	for _, p := range t.pieces {
		if strings.ContainsAny(p.literal, "?#") {
			return errors.New("has a ? or #; parameters go into query")
		}
		plain, err := url.PathUnescape(p.literal)
		if steps(plain) && len(t.pieces) == 1 {
			return errors.New("has a segment of dots; write where it leads")
		}
		if err != nil || strings.ContainsFunc(p.literal, notInPath) {
			return errors.New("is not escaped as in a URL: letters, digits and -._~!$&'()*+,;=:@ are themselves, the rest is %XX")
		}
	}
	return nil
}

func notInPath(c rune) bool {
	return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~!$&'()*+,;=:@%", c)
}

// steps tells whether some server would take an unescaped segment for a way: some unescape first and split later, and some do not look
// at what stands behind a semicolon.
func steps(segment string) bool {
	for part := range strings.FieldsFuncSeq(segment, func(c rune) bool { return c == '/' || c == '\\' }) {
		if part, _, _ = strings.Cut(part, ";"); part == "." || part == ".." {
			return true
		}
	}
	return false
}

// Fixed is the segments before the first that has a reference.
func (p Path) Fixed() []string {
	var fixed []string
	for _, t := range p.segments {
		text, err := t.Expand(func(Ref) (any, error) { return nil, ErrMissing })
		if err != nil {
			break
		}
		fixed = append(fixed, text)
	}
	return fixed
}

// Refs are the references, as often as they are there.
func (p Path) Refs() []Ref {
	var refs []Ref
	for _, t := range p.segments {
		refs = append(refs, t.Refs()...)
	}
	return refs
}

// Expand puts values into the path, each escaped so that a server reads it back within its segment. Invalid are those
// that are missing, empty, lists and objects, and those that a careless server would take for a way: ".", "..", and
// what has one of them between slashes.
func (p Path) Expand(from Source) (string, error) {
	var b strings.Builder
	for _, t := range p.segments {
		b.WriteByte('/')
		start := b.Len()
		for _, piece := range t.pieces {
			text, err := piece.segment(from)
			if err != nil {
				return "", err
			}
			b.WriteString(text)
			if b.Len() > MaxURL {
				return "", hubbub.Errorf(hubbub.TooLarge, "the path with %s would have more than %d bytes", t, MaxURL)
			}
		}
		if plain, err := url.PathUnescape(b.String()[start:]); err != nil || steps(plain) {
			return "", hubbub.Errorf(hubbub.Invalid, "%s must not become a segment of dots", t)
		}
	}
	return b.String(), nil
}

// segment is the piece as it stands in a path.
func (p piece) segment(from Source) (string, error) {
	if p.ref == nil {
		return p.literal, nil
	}
	text, err := textOf(p.ref, from)
	switch {
	case errors.Is(err, ErrMissing):
		return "", hubbub.Errorf(hubbub.Invalid, "%s is missing, and the path needs it", p.ref)
	case err != nil:
		return "", err
	case text == "":
		return "", hubbub.Errorf(hubbub.Invalid, "%s is empty, and the path needs it", p.ref)
	}
	if steps(text) {
		return "", hubbub.Errorf(hubbub.Invalid, "%s must not have . or .. as a step, since it stands in a path", p.ref)
	}
	return url.PathEscape(text), nil
}
