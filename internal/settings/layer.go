package settings

import (
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// layer is what one source says: values as koanf takes them, where each stands, and what is wrong. It is a koanf.Provider.
type layer struct {
	source   string // a file's name, or what the values came by
	values   map[string]any
	places   map[string]string // by concrete key, such as rooms[2].match
	problems Problems
	all      []*node // of the table, for suggestions
}

// Read returns the values, as nested maps.
func (l *layer) Read() (map[string]any, error) { return l.values, nil }

// ReadBytes is not how this provider is read.
func (l *layer) ReadBytes() ([]byte, error) { return nil, errors.ErrUnsupported }

func (l *layer) fail(y *yaml.Node, key, format string, args ...any) {
	l.problems = append(l.problems, Problem{place(l.source, y), key, fmt.Sprintf(format, args...)})
}

// file reads a whole YAML file.
func (l *layer) file(root *node, data []byte) {
	l.values, l.places = map[string]any{}, map[string]string{}
	if !utf8.Valid(data) {
		l.fail(nil, "", "the file is not UTF-8 text")
		return
	}
	decoder := yaml.NewDecoder(strings.NewReader(string(data)))
	var doc yaml.Node
	err := decoder.Decode(&doc)
	if errors.Is(err, io.EOF) {
		return
	}
	if err != nil {
		hint := ""
		if strings.Contains("\n"+string(data), "\n\t") {
			hint = " (indent with spaces: YAML takes no tabs)"
		}
		l.fail(nil, "", "this is not YAML: %s%s", strings.TrimPrefix(err.Error(), "yaml: "), hint)
		return
	}
	l.values = l.section(root, doc.Content[0], "")
	if err := decoder.Decode(&yaml.Node{}); !errors.Is(err, io.EOF) {
		l.fail(nil, "", "there is a second document behind a line with ---; only one is read")
	}
}

// section reads the settings of a section, or of one element of a list.
func (l *layer) section(n *node, y *yaml.Node, key string) map[string]any {
	values := map[string]any{}
	y = resolve(y)
	if isNull(y) {
		return values
	}
	if y.Kind != yaml.MappingNode {
		l.fail(y, key, "this must be a section with settings, such as %s: …", n.children[0].name)
		return values
	}
	seen, wrong := map[string]int{}, map[string]bool{}
	for i := 0; i+1 < len(y.Content); i += 2 {
		name, value := y.Content[i], resolve(y.Content[i+1])
		at := join(key, name.Value)
		c := n.child(name.Value)
		if c == nil {
			l.fail(name, at, "%s", l.unknownSetting(n, name.Value))
			continue
		}
		if line, double := seen[c.name]; double {
			l.fail(name, at, "this is set twice; first in line %d", line)
			continue
		}
		seen[c.name] = name.Line
		l.places[at] = place(l.source, name)
		known := len(l.problems)
		if v := l.value(c, value, at); v != nil {
			values[c.name] = v
		}
		wrong[c.name] = len(l.problems) > known
	}
	l.secrets(n, y, key, values)
	for _, c := range n.children {
		if c.entry.Required && values[c.name] == nil && !wrong[c.name] {
			l.fail(y, join(key, c.name), "this is missing")
		}
	}
	return values
}

// unknownSetting suggests a setting of the same section, or else one of the same name elsewhere.
func (l *layer) unknownSetting(section *node, name string) string {
	var names []string
	for _, c := range section.children {
		names = append(names, c.name)
	}
	if nearest(name, names) == "" {
		for _, n := range l.all {
			if n.name == name {
				return fmt.Sprintf("there is no such setting here; did you mean %s?", n.key)
			}
		}
	}
	return unknownName("setting", name, names)
}

// secrets replaces the names of files by the secrets in them.
func (l *layer) secrets(n *node, y *yaml.Node, key string, values map[string]any) {
	for _, c := range n.children {
		if c.fileFor == nil || values[c.name] == nil {
			continue
		}
		file, target, at := values[c.name].(string), c.fileFor, join(key, c.name)
		delete(values, c.name)
		if values[target.name] != nil {
			l.fail(y, at, "%s is set too; keep one of the two", target.name)
			continue
		}
		if v := l.secret(target, file, at); v != nil {
			values[target.name] = v
			l.places[join(key, target.name)] = l.places[at]
		}
	}
}

// secret reads a file with a secret.
func (l *layer) secret(target *node, file, key string) any {
	data, err := os.ReadFile(file)
	if err == nil && strings.TrimSpace(string(data)) == "" {
		err = fmt.Errorf("%s is empty", file)
	}
	var y *yaml.Node
	if err == nil {
		y, err = secretNode(kindOf(target.typ), strings.TrimSpace(string(data)))
	}
	if err != nil {
		l.problems = append(l.problems, Problem{l.places[key], key, fmt.Sprintf("the secret cannot be read: %v", err)})
		return nil
	}
	before := len(l.problems)
	v := l.value(target, y, key)
	if len(l.problems) > before {
		l.problems[before].Place = l.places[key]
	}
	return v
}

// secretNode is what a file with a secret says: one text, a text in each line, or NAME: VALUE in each line.
func secretNode(k kind, s string) (*yaml.Node, error) {
	if k != texts && k != mapping {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s}, nil
	}
	y := &yaml.Node{Kind: yaml.SequenceNode}
	if k == mapping {
		y.Kind = yaml.MappingNode
	}
	for line := range strings.Lines(s) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if k == mapping {
			name, value, found := strings.Cut(line, ":")
			if !found {
				return nil, errors.New("each line must be NAME: VALUE")
			}
			y.Content = append(y.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: strings.TrimSpace(name)})
			line = strings.TrimSpace(value)
		}
		y.Content = append(y.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: line})
	}
	return y, nil
}

// value reads a setting, section or list; nil means that it is not set, or wrong, which then is a problem.
func (l *layer) value(n *node, y *yaml.Node, key string) any {
	switch {
	case n.list:
		return l.list(n, y, key)
	case isNull(y) && n.typ.Kind() == reflect.Pointer:
		return nil
	case !n.leaf():
		return l.section(n, y, key)
	case isNull(y):
		return nil
	}
	switch k := kindOf(n.typ); k {
	case texts, networks:
		return l.texts(n, y, key)
	case mapping, trees:
		return l.mapping(n, y, key)
	case anything:
		return l.tree(y, key)
	}
	return l.scalar(n, y, key)
}

func (l *layer) list(n *node, y *yaml.Node, key string) any {
	if isNull(y) {
		return nil
	}
	if y.Kind != yaml.SequenceNode {
		l.fail(y, key, "this must be a list: each element begins with a dash")
		return nil
	}
	elements := []any{}
	for i, e := range y.Content {
		at := fmt.Sprintf("%s[%d]", key, i)
		l.places[at] = place(l.source, e)
		elements = append(elements, l.section(n, e, at))
	}
	return elements
}

// texts reads a list. One value alone is understood as a list of one.
func (l *layer) texts(n *node, y *yaml.Node, key string) any {
	if y.Kind == yaml.MappingNode {
		l.fail(y, key, "this must be %s", kindOf(n.typ).example())
		return nil
	}
	items := y.Content
	if y.Kind == yaml.ScalarNode {
		items = []*yaml.Node{y}
	}
	values := []any{}
	for i, item := range items {
		element := &node{typ: n.typ.Elem(), entry: n.entry}
		if v := l.scalar(element, resolve(item), fmt.Sprintf("%s[%d]", key, i)); v != nil {
			values = append(values, v)
		}
	}
	return values
}

func (l *layer) mapping(n *node, y *yaml.Node, key string) any {
	if y.Kind != yaml.MappingNode {
		l.fail(y, key, "this must be %s", kindOf(n.typ).example())
		return nil
	}
	values := map[string]any{}
	for i := 0; i+1 < len(y.Content); i += 2 {
		name := y.Content[i].Value
		if _, double := values[name]; double {
			l.fail(y.Content[i], join(key, name), "this is set twice")
			continue
		}
		if v := l.entry(n, resolve(y.Content[i+1]), join(key, name)); v != nil {
			values[name] = v
		}
	}
	return values
}

// entry reads the value of a name in a map.
func (l *layer) entry(n *node, y *yaml.Node, key string) any {
	if kindOf(n.typ) == trees {
		return l.tree(y, key)
	}
	return l.scalar(&node{typ: n.typ.Elem(), entry: n.entry}, y, key)
}

func (l *layer) scalar(n *node, y *yaml.Node, key string) any {
	if y.Kind != yaml.ScalarNode || isNull(y) {
		l.fail(y, key, "this must be %s", kindOf(n.typ).example())
		return nil
	}
	v, err := scalar(n.typ, &n.entry, y.Value)
	if err == nil {
		return v
	}
	if n.entry.Secret {
		l.fail(y, key, "the value is %v", err)
	} else {
		l.fail(y, key, "%q is %v", cut(y.Value), err)
	}
	return nil
}

func cut(s string) string {
	if len(s) <= 64 {
		return s
	}
	return strings.ToValidUTF8(s[:61], "") + "…"
}

func resolve(y *yaml.Node) *yaml.Node {
	for y.Kind == yaml.AliasNode {
		y = y.Alias
	}
	return y
}

func isNull(y *yaml.Node) bool { return y.Kind == yaml.ScalarNode && y.Tag == "!!null" }

func join(key, name string) string {
	if key == "" {
		return name
	}
	return key + "." + name
}
