package template

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/hubbub-dev/hubbub"
)

// Query is a parsed query of a URL. Its zero value is the empty query.
type Query struct{ params []param }

type param struct {
	name string // escaped
	text Text
}

// ParseQuery reads a query from the texts, numbers and booleans that its parameters have, or lists of them. The
// parameters are put in the order of their names.
func ParseQuery(of map[string]any) (Query, error) {
	var q Query
	for _, name := range slices.Sorted(maps.Keys(of)) {
		values, err := listOf(of[name])
		if err != nil {
			return Query{}, fmt.Errorf("parameter %q: %w", name, err)
		}
		for _, v := range values {
			t, err := paramText(v)
			if err != nil {
				return Query{}, fmt.Errorf("parameter %q: %w", name, err)
			}
			q.params = append(q.params, param{url.QueryEscape(name), t})
		}
	}
	return q, nil
}

func listOf(v any) ([]any, error) {
	switch v := v.(type) {
	case []any:
		return v, nil
	case []string:
		all := make([]any, len(v))
		for i := range v {
			all[i] = v[i]
		}
		return all, nil
	case map[string]any:
		if err := unquoted(v); err != nil {
			return nil, err
		}
	}
	return []any{v}, nil
}

func paramText(v any) (Text, error) {
	switch v := v.(type) {
	case string:
		return Parse(v)
	case nil:
		return Text{}, errors.New("it has no value; leave it out or write \"\"")
	case map[string]any, []any:
		return Text{}, errors.New("it must be a text, a number, true or false, or a list of them")
	}
	text, err := json.Marshal(v)
	if err != nil {
		return Text{}, err
	}
	return Parse(Quote(string(text)))
}

// Refs are the references, as often as they are there.
func (q Query) Refs() []Ref {
	var refs []Ref
	for _, p := range q.params {
		refs = append(refs, p.text.Refs()...)
	}
	return refs
}

// Expand puts values into the query, escaped, and returns it without ?. A parameter is left out if a value in it is
// missing. One that is a reference alone and has a list becomes as many parameters. Invalid are objects, and lists
// elsewhere.
func (q Query) Expand(from Source) (string, error) {
	var b strings.Builder
	for _, p := range q.params {
		texts, err := p.expand(from)
		if err != nil {
			return "", err
		}
		for _, text := range texts {
			if b.Len() > 0 {
				b.WriteByte('&')
			}
			b.WriteString(p.name)
			b.WriteByte('=')
			b.WriteString(url.QueryEscape(text))
			if b.Len() > MaxURL {
				return "", hubbub.Errorf(hubbub.TooLarge, "the query with %s would have more than %d bytes", p.text, MaxURL)
			}
		}
	}
	return b.String(), nil
}

// expand returns the values of the parameter.
func (p param) expand(from Source) ([]string, error) {
	if ref := p.text.alone(); ref != nil {
		list, err := list(ref, from)
		if list != nil || err != nil {
			return list, err
		}
	}
	text, err := p.text.Expand(from)
	switch {
	case errors.Is(err, ErrMissing):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return []string{text}, nil
}

// list returns the items of a list without those that are null, or nil for what is no list.
func list(ref Ref, from Source) ([]string, error) {
	v, err := from(ref)
	if errors.Is(err, ErrMissing) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if raw, ok := v.(json.RawMessage); ok && len(raw) > 0 {
		if v, err = Decode(raw); err != nil {
			return nil, nil
		}
	}
	items, ok := v.([]any)
	if !ok {
		return nil, nil
	}
	texts := make([]string, 0, len(items))
	for _, item := range items {
		text, err := scalar(item)
		switch {
		case errors.Is(err, ErrMissing):
		case err != nil:
			return nil, hubbub.Errorf(hubbub.Invalid, "%s has a list or an object as an item, which a query cannot have", ref)
		default:
			texts = append(texts, text)
		}
	}
	return texts, nil
}
