package settings

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// Entry describes one setting, section or list. See the package comment for what a key is.
type Entry struct {
	Key     string
	Doc     string // what it does, in full sentences of Markdown, in one line
	Default string // as in YAML; "" means the zero value, which then stands for "not set"
	// Empty says what it means that nothing is set, where that depends on something else than the setting, so that there is no Default;
	// "" means that Doc says it.
	Empty   string
	Example string   // YAML of a list's first element or of a value, for the commented file; "" means none
	OneOf   []string // the only values of a text, or of the texts in a list; empty means any
	// Off allows "off" for a number, size or duration, and says what that means, such as "no limit"; "" means that it is not allowed.
	Off string
	// Required says that an element of a list must have it.
	Required bool
	// Secret hides the value from all output, and allows to give it by file.
	Secret bool
}

// Table is all settings of a program. It is immutable and may be used concurrently.
type Table struct {
	prefix string // of environment variables, with its underscore
	root   *node
	all    []*node          // in the order of the struct, sections and elements' fields included
	byKey  map[string]*node // the same
	byEnv  map[string]*node // those that a variable can set
}

// node is one setting, section or list in the tree of the struct.
type node struct {
	name     string
	key      string
	typ      reflect.Type
	entry    Entry
	children []*node // of a section, or of a list's elements, in the order of the struct
	list     bool    // a list of structs
	fileFor  *node   // the secret whose value is in the file that this setting names; such a node is no field
}

// leaf tells a setting from a section or list of structs.
func (n *node) leaf() bool { return len(n.children) == 0 }

// inElement tells whether the node lies within an element of a list, where no variable reaches.
func (n *node) inElement() bool { return strings.Contains(n.key, "[]") }

// child returns the node with that name, or nil.
func (n *node) child(name string) *node {
	for _, c := range n.children {
		if c.name == name {
			return c
		}
	}
	return nil
}

// New makes the table of a struct, of which sample is any value. Its error lists what does not fit: fields without entry,
// entries without field, defaults and examples that would be refused, variables that two keys would share. prefix begins the
// names of environment variables, for example "HUBBUB_".
func New(prefix string, sample any, entries []Entry) (*Table, error) {
	b := builder{entries: map[string]Entry{}}
	for _, e := range entries {
		if _, double := b.entries[e.Key]; double {
			b.fail("%s: two entries", e.Key)
		}
		b.entries[e.Key] = e
	}
	t := &Table{prefix: prefix, root: &node{typ: reflect.TypeOf(sample)}, byKey: map[string]*node{}, byEnv: map[string]*node{}}
	b.grow(t.root)
	t.index(t.root, &b)
	for key := range b.entries {
		if t.byKey[key] == nil {
			b.fail("%s: an entry without a field", key)
		}
	}
	if len(b.wrong) == 0 {
		b.checkDefaults(t)
	}
	return t, errors.Join(b.wrong...)
}

type builder struct {
	entries map[string]Entry
	wrong   []error
}

func (b *builder) fail(format string, args ...any) {
	b.wrong = append(b.wrong, fmt.Errorf("table of settings: "+format, args...))
}

// grow adds the fields of a struct, or of a list's elements, as children.
func (b *builder) grow(n *node) {
	of := target(n.typ)
	prefix := n.key + "."
	if n.key == "" {
		prefix = ""
	}
	if n.list {
		of, prefix = of.Elem(), n.key+"[]."
	}
	b.fields(n, of, prefix)
	for _, c := range n.children {
		if c.entry.Secret && n.child(c.name+"_file") == nil {
			n.children = append(n.children, fileOf(c))
		}
	}
}

// squash is the tag of an embedded struct whose fields belong to the section of the struct around it.
const squash = ",squash"

func (b *builder) fields(n *node, of reflect.Type, prefix string) {
	for field := range of.Fields() {
		tag := field.Tag.Get("koanf")
		if tag == squash {
			b.fields(n, field.Type, prefix)
			continue
		}
		if tag == "-" || tag == "" || !field.IsExported() {
			continue
		}
		c := &node{name: tag, key: prefix + tag, typ: field.Type, entry: b.entries[prefix+tag]}
		if c.entry.Doc == "" {
			b.fail("%s: no description", c.key)
		}
		c.list = isList(c.typ)
		if c.list || isSection(c.typ) {
			b.grow(c)
		} else if kindOf(c.typ) == unknown {
			b.fail("%s: no way to read a %v", c.key, c.typ)
		}
		n.children = append(n.children, c)
	}
}

// fileOf is the setting that names the file with a secret.
func fileOf(secret *node) *node {
	return &node{
		name: secret.name + "_file", key: secret.key + "_file", typ: reflect.TypeFor[string](), fileFor: secret,
		entry: Entry{Doc: "A file that holds `" + secret.name + "`, so that it stands neither in the configuration nor in the " +
			"environment. White space around it is ignored."},
	}
}

func (t *Table) index(n *node, b *builder) {
	for _, c := range n.children {
		t.all = append(t.all, c)
		t.byKey[c.key] = c
		if (c.leaf() || c.list) && !c.inElement() {
			name := t.Variable(c.key)
			if other := t.byEnv[name]; other != nil {
				b.fail("%s and %s: both would be the variable %s", other.key, c.key, name)
			}
			t.byEnv[name] = c
		}
		t.index(c, b)
	}
}

// checkDefaults reads every default and example as if it stood in a file.
func (b *builder) checkDefaults(t *Table) {
	for _, n := range t.all {
		if n.entry.Default != "" && (!n.leaf() || kindOf(n.typ) == boolean) {
			b.fail("%s: only values other than booleans may have a default", n.key)
		}
		for _, text := range []string{n.entry.Default, n.entry.Example} {
			if text == "" || !n.leaf() && !n.list {
				continue
			}
			l := layer{source: "table"}
			l.text(n, text, n.key)
			for _, p := range l.problems {
				b.fail("%s: %s", n.key, p.Message)
			}
		}
	}
}

// Variable is the environment variable of a key.
func (t *Table) Variable(key string) string {
	return t.prefix + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

// isSection tells whether a field is a section: a struct, or a pointer to one, which is nil if the section is not there.
func isSection(t reflect.Type) bool {
	t = target(t)
	return t.Kind() == reflect.Struct && kindOf(t) == unknown
}

// target is the type that a pointer points to, and any other type itself.
func target(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}

func isList(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && t.Elem().Kind() != reflect.Pointer && isSection(t.Elem())
}
