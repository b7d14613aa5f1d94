package template

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/hubbub-dev/hubbub"
)

// The bounds of what is expanded. What would be longer is TooLarge.
const (
	MaxURL  = 8 << 10 // bytes of a path, and of a query
	MaxText = 8 << 10 // bytes of a text
	MaxTree = 1 << 20 // bytes of JSON
)

// maxNames is how many names a reference may have.
const maxNames = 16

// ErrMissing is what a [Source] returns for a value that is not there and need not be.
var ErrMissing = errors.New("the value is missing")

// Source finds the value of a reference: nil, a bool, string, json.Number, []any, map[string]any, or a json.RawMessage,
// which must be valid JSON in UTF-8. For what is not there it returns [ErrMissing]; any other error ends the expansion.
type Source func(Ref) (any, error)

// Ref is the names of a reference.
type Ref []string

// String is the reference as it is written.
func (r Ref) String() string { return "{" + strings.Join(r, ".") + "}" }

// Text is a parsed text. Its zero value is the empty text.
type Text struct{ pieces []piece }

// piece is a literal or, if ref is not nil, a reference.
type piece struct {
	literal string
	ref     Ref
}

// Parse reads a text. Its errors say where it is wrong.
func Parse(s string) (Text, error) {
	var t Text
	var literal strings.Builder
	for rest := s; rest != ""; {
		before, after, brace := strings.Cut(rest, "{")
		literal.WriteString(before)
		if !brace {
			break
		}
		if more, double := strings.CutPrefix(after, "{"); double {
			literal.WriteByte('{')
			rest = more
			continue
		}
		names, more, closed := strings.Cut(after, "}")
		if !closed {
			return Text{}, fmt.Errorf("%q has a { without a }; write {{ for a brace", s)
		}
		ref, err := parseRef(names)
		if err != nil {
			return Text{}, fmt.Errorf("%q: %w", s, err)
		}
		t.pieces = appendLiteral(t.pieces, &literal)
		t.pieces = append(t.pieces, piece{ref: ref})
		rest = more
	}
	t.pieces = appendLiteral(t.pieces, &literal)
	return t, nil
}

func appendLiteral(to []piece, literal *strings.Builder) []piece {
	if literal.Len() == 0 {
		return to
	}
	to = append(to, piece{literal: literal.String()})
	literal.Reset()
	return to
}

func parseRef(s string) (Ref, error) {
	ref := Ref(strings.Split(s, "."))
	if len(ref) > maxNames {
		return nil, fmt.Errorf("a reference has %d names; at most %d are allowed", len(ref), maxNames)
	}
	for _, name := range ref {
		if !validName(name) {
			return nil, fmt.Errorf("{%s} is no reference: those are names of letters, digits, _ and - with dots between them; "+
				"write {{ for a brace", s)
		}
	}
	return ref, nil
}

func validName(s string) bool {
	for _, c := range s {
		if c < utf8.RuneSelf && !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-", c) {
			return false
		}
	}
	return s != "" && utf8.ValidString(s)
}

// Quote writes a text that is to be taken as it is.
func Quote(s string) string { return strings.ReplaceAll(s, "{", "{{") }

// String is the text as it could be written.
func (t Text) String() string {
	var b strings.Builder
	for _, p := range t.pieces {
		if p.ref != nil {
			b.WriteString(p.ref.String())
			continue
		}
		b.WriteString(Quote(p.literal))
	}
	return b.String()
}

// Refs are the references, as often as they are there.
func (t Text) Refs() []Ref {
	var refs []Ref
	for _, p := range t.pieces {
		if p.ref != nil {
			refs = append(refs, p.ref)
		}
	}
	return refs
}

// alone is the reference that the text is and nothing else, or nil.
func (t Text) alone() Ref {
	if len(t.pieces) == 1 {
		return t.pieces[0].ref
	}
	return nil
}

// Expand puts values into the text. It returns [ErrMissing] if one is missing, and Invalid for a list or an object.
func (t Text) Expand(from Source) (string, error) {
	switch {
	case len(t.pieces) == 0:
		return "", nil
	case len(t.pieces) == 1 && t.pieces[0].ref == nil:
		return t.pieces[0].literal, nil
	}
	var b strings.Builder
	for _, p := range t.pieces {
		text := p.literal
		if p.ref != nil {
			var err error
			if text, err = textOf(p.ref, from); err != nil {
				return "", err
			}
		}
		if b.Len()+len(text) > MaxText {
			return "", hubbub.Errorf(hubbub.TooLarge, "%s would have more than %d bytes", t, MaxText)
		}
		b.WriteString(text)
	}
	return b.String(), nil
}

// ExpandHeader is Expand for the value of a header: Invalid if a value has a control character.
func (t Text) ExpandHeader(from Source) (string, error) {
	text, err := t.Expand(from)
	if err != nil {
		return "", err
	}
	for i := range len(text) {
		if c := text[i]; c < ' ' && c != '\t' || c == 0x7f {
			return "", hubbub.Errorf(hubbub.Invalid, "a value of %s has a control character, which a header cannot have", t)
		}
	}
	return text, nil
}
