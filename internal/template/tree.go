package template

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hubbub-dev/hubbub"
)

// Tree is parsed JSON with references in its strings. Its zero value is null.
type Tree struct{ root node }

// node is a part of a tree: JSON that never changes if fixed is set, otherwise what its kind says.
type node struct {
	fixed   []byte
	text    Text // a string with references
	members []member
	items   []node
	list    bool
}

type member struct {
	name []byte // as JSON, with the colon
	node node
}

// ParseTree reads what a configuration file or a JSON decoder has made of JSON. References are in values only, not in
// names.
func ParseTree(v any) (Tree, error) {
	root, err := parseNode(v, 0)
	return Tree{root}, err
}

// maxDepth is how deep a tree may be.
const maxDepth = 32

func parseNode(v any, depth int) (node, error) {
	if depth > maxDepth {
		return node{}, fmt.Errorf("it is nested deeper than %d", maxDepth)
	}
	switch v := v.(type) {
	case string:
		return parseString(v)
	case map[string]any:
		return parseObject(v, depth)
	case map[string]string:
		return parseObject(widen(v), depth)
	case []any:
		return parseList(v, depth)
	case []string:
		list, _ := listOf(v) // fails for maps only
		return parseList(list, depth)
	case nil, bool, json.Number, int, int64, uint64, float64:
		return fixedNode(v)
	}
	return node{}, fmt.Errorf("a %T cannot be written as JSON here; put it in quotes if it is a text", v)
}

func fixedNode(v any) (node, error) {
	text, err := encode(v)
	return node{fixed: text}, err
}

func widen(of map[string]string) map[string]any {
	wide := make(map[string]any, len(of))
	for k, v := range of {
		wide[k] = v
	}
	return wide
}

func parseString(s string) (node, error) {
	t, err := Parse(s)
	if err != nil {
		return node{}, err
	}
	if len(t.Refs()) > 0 {
		return node{text: t}, nil
	}
	plain, err := t.Expand(nil)
	if err != nil {
		return node{}, err
	}
	return fixedNode(plain)
}

func parseObject(of map[string]any, depth int) (node, error) {
	if err := unquoted(of); err != nil {
		return node{}, err
	}
	n := node{members: []member{}}
	fixed := true
	for _, name := range slices.Sorted(maps.Keys(of)) {
		value, err := parseNode(of[name], depth+1)
		if err != nil {
			return node{}, fmt.Errorf("member %q: %w", name, err)
		}
		key, err := encode(name)
		if err != nil {
			return node{}, err
		}
		n.members = append(n.members, member{append(key, ':'), value})
		fixed = fixed && value.fixed != nil
	}
	return n.settle(fixed)
}

func parseList(of []any, depth int) (node, error) {
	n := node{list: true}
	fixed := true
	for i, v := range of {
		item, err := parseNode(v, depth+1)
		if err != nil {
			return node{}, fmt.Errorf("item %d: %w", i, err)
		}
		n.items = append(n.items, item)
		fixed = fixed && item.fixed != nil
	}
	return n.settle(fixed)
}

// settle encodes a node that never changes once and for all.
func (n node) settle(fixed bool) (node, error) {
	if !fixed {
		return n, nil
	}
	text, err := n.append(nil, nil)
	return node{fixed: text}, err
}

// unquoted finds what YAML makes of {params.id} without quotes.
func unquoted(of map[string]any) error {
	if len(of) != 1 {
		return nil
	}
	for name, v := range of {
		if ref, err := parseRef(name); err == nil && v == nil && len(ref) > 1 {
			return fmt.Errorf(`a reference must stand in quotes: "%s"`, ref)
		}
	}
	return nil
}

// Refs are the references, as often as they are there.
func (t Tree) Refs() []Ref { return t.root.refs(nil) }

func (n node) refs(to []Ref) []Ref {
	to = append(to, n.text.Refs()...)
	for _, m := range n.members {
		to = m.node.refs(to)
	}
	for _, item := range n.items {
		to = item.refs(to)
	}
	return to
}

// Expand makes JSON of the tree. It is null if the tree is one string and a value in it is missing. Errors are Invalid
// for a list or an object within a text, and TooLarge past [MaxTree].
func (t Tree) Expand(from Source) (json.RawMessage, error) {
	b, err := t.root.append(nil, from)
	if errors.Is(err, ErrMissing) {
		return json.RawMessage("null"), nil
	}
	return b, err
}

// append appends the node. It returns [ErrMissing] for a text with a missing value.
func (n *node) append(b []byte, from Source) ([]byte, error) {
	var err error
	switch {
	case n.fixed != nil:
		b = append(b, n.fixed...)
	case n.list:
		b, err = n.appendList(b, from)
	case n.members != nil:
		b, err = n.appendObject(b, from)
	case len(n.text.pieces) > 0:
		b, err = n.appendText(b, from)
	default:
		b = append(b, "null"...)
	}
	if len(b) > MaxTree {
		return nil, hubbub.Errorf(hubbub.TooLarge, "the body would have more than %d bytes", MaxTree)
	}
	return b, err
}

func (n *node) appendList(b []byte, from Source) ([]byte, error) {
	b = append(b, '[')
	for i := range n.items {
		if i > 0 {
			b = append(b, ',')
		}
		more, err := n.items[i].append(b, from)
		switch {
		case errors.Is(err, ErrMissing):
			more = append(b, "null"...)
		case err != nil:
			return nil, err
		}
		b = more
	}
	return append(b, ']'), nil
}

func (n *node) appendObject(b []byte, from Source) ([]byte, error) {
	b = append(b, '{')
	first := len(b)
	for i := range n.members {
		before := len(b)
		if before > first {
			b = append(b, ',')
		}
		more, err := n.members[i].node.append(append(b, n.members[i].name...), from)
		switch {
		case errors.Is(err, ErrMissing):
			more = b[:before]
		case err != nil:
			return nil, err
		}
		b = more
	}
	return append(b, '}'), nil
}

func (n *node) appendText(b []byte, from Source) ([]byte, error) {
	var v any
	var err error
	if ref := n.text.alone(); ref != nil {
		v, err = from(ref)
	} else {
		v, err = n.text.Expand(from)
	}
	switch raw, ok := v.(json.RawMessage); {
	case err != nil:
		return nil, err
	case ok && string(raw) != "null":
		return append(b, raw...), nil
	case ok || v == nil:
		return nil, ErrMissing
	}
	encoded, err := encode(v)
	return append(b, encoded...), err
}

// encode is json.Marshal without its escapes for HTML.
func encode(v any) ([]byte, error) {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return []byte(strings.TrimSuffix(b.String(), "\n")), nil
}
