package settings

import (
	"encoding"
	"encoding/json"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// commentWidth is where comments in files are wrapped.
const commentWidth = 110

// Default is a YAML file with every setting, its description and its default. To load it is to load nothing.
func (t *Table) Default() string {
	p := printer{}
	p.defaults(t.root)
	return p.String()
}

// Show is a YAML file with every setting as it is in effect, and, for those that are not defaults, where each was set. Secrets
// are hidden.
func (l *Loaded) Show() string {
	p := printer{loaded: l}
	p.effective(l.table.root, l.value, "")
	return p.String()
}

type printer struct {
	strings.Builder
	loaded *Loaded
	indent string
}

// inner runs f with more indentation.
func (p *printer) inner(f func()) {
	before := p.indent
	p.indent += "  "
	f()
	p.indent = before
}

func (p *printer) line(format string, args ...any) {
	fmt.Fprintf(p, p.indent+format+"\n", args...)
}

func (p *printer) defaults(n *node) {
	for i, c := range n.children {
		if i > 0 && n.key == "" {
			p.line("")
		}
		if c.fileFor != nil {
			p.comment(c.entry.Doc)
			p.line("# %s: /run/secrets/%s", c.name, c.fileFor.name)
			continue
		}
		p.comment(c.entry.Doc + c.values() + c.empty())
		switch {
		case c.list:
			p.line("%s: []", c.name)
			p.exampleElement(c)
		case !c.leaf():
			p.line("%s:", c.name)
			p.inner(func() { p.defaults(c) })
		case c.entry.Default == "" && c.entry.Example != "":
			p.line("# %s: %s", c.name, c.entry.Example)
		default:
			p.line("%s: %s", c.name, c.written(c.zeroOrDefault()))
		}
	}
}

// exampleElement writes all that an element of a list can have, as a comment: without its "# " it is YAML.
func (p *printer) exampleElement(list *node) {
	p.exampleFields(list, "  ")
}

// exampleFields writes the fields of an element, the first behind a dash.
func (p *printer) exampleFields(list *node, indent string) {
	for i, c := range list.children {
		if i == 0 {
			p.exampleField(c, indent, "- ")
		} else {
			p.exampleField(c, indent+"  ", "")
		}
	}
}

func (p *printer) exampleField(c *node, indent, dash string) {
	for _, l := range wrap(c.entry.Doc+c.values()+c.empty(), commentWidth-len(p.indent)-len(indent)-4) {
		p.line("# %s# %s", indent, l)
	}
	switch {
	case c.fileFor != nil:
		p.line("# %s# %s: /run/secrets/%s", indent, c.name, c.fileFor.name)
	case c.list:
		p.line("# %s%s%s:", indent, dash, c.name)
		p.exampleFields(c, indent+strings.Repeat(" ", len(dash))+"  ")
	case !c.leaf():
		p.line("# %s%s%s:", indent, dash, c.name)
		for _, inner := range c.children {
			p.exampleField(inner, indent+strings.Repeat(" ", len(dash))+"  ", "")
		}
	case c.entry.Example != "":
		p.line("# %s%s%s: %s", indent, dash, c.name, c.entry.Example)
	default:
		p.line("# %s%s%s: %s", indent, dash, c.name, c.written(c.zeroOrDefault()))
	}
}

func (n *node) zeroOrDefault() reflect.Value {
	if n.entry.Default == "" {
		return reflect.Zero(n.typ)
	}
	return n.defaultValue()
}

// values lists the values that a text can have, or says what "off" means.
func (n *node) values() string {
	if n.entry.Off != "" {
		return " `off` means " + n.entry.Off + "."
	}
	if len(n.entry.OneOf) == 0 {
		return ""
	}
	named := slices.DeleteFunc(slices.Clone(n.entry.OneOf), func(s string) bool { return s == "" })
	return " One of " + strings.Join(named, ", ") + "."
}

// empty says what a value that is not set means, unless it is written as the default.
func (n *node) empty() string {
	if n.entry.Empty == "" {
		return ""
	}
	return " Empty means " + n.entry.Empty + "."
}

func (p *printer) comment(doc string) {
	for _, l := range wrap(doc, commentWidth-len(p.indent)-2) {
		p.line("# %s", l)
	}
}

// effective writes the settings of a section, or of an element of a list.
func (p *printer) effective(n *node, section reflect.Value, key string) {
	if section = reflect.Indirect(section); !section.IsValid() {
		return
	}
	for _, c := range n.children {
		if c.fileFor != nil {
			continue
		}
		v, at := field(section, c.name), join(key, c.name)
		switch {
		case c.list && v.Len() > 0:
			p.line("%s:%s", c.name, p.from(at))
			for i := range v.Len() {
				p.element(c, v.Index(i), fmt.Sprintf("%s[%d]", at, i))
			}
		case c.list:
			p.line("%s: []%s", c.name, p.from(at))
		case !c.leaf():
			p.line("%s:", c.name)
			p.inner(func() { p.effective(c, v, at) })
		default:
			p.line("%s: %s%s", c.name, c.shown(v), p.from(at))
		}
	}
}

// element writes one element of a list: its fields, the first behind a dash.
func (p *printer) element(list *node, v reflect.Value, key string) {
	fields := printer{loaded: p.loaded, indent: p.indent + "    "}
	fields.effective(list, v, key)
	p.WriteString(p.indent + "  - " + strings.TrimPrefix(fields.String(), fields.indent))
}

// from says where a value comes from. A list stands in one place with all that is in it, which need not be said again.
func (p *printer) from(key string) string {
	if place := p.loaded.exactPlace(key); place != "" {
		return "  # " + place
	}
	return ""
}

func (n *node) shown(v reflect.Value) string {
	if !n.entry.Secret || v.IsZero() {
		return n.written(v)
	}
	if v.Kind() != reflect.Map {
		return hidden
	}
	names := reflect.MakeMap(v.Type())
	for _, name := range v.MapKeys() {
		names.SetMapIndex(name, reflect.ValueOf(hidden))
	}
	return n.written(names)
}

// hidden stands for a secret, or for each in a map, whose names are shown.
const hidden = "(hidden)"

// written is the value as YAML, so that reading it gives the same.
func (n *node) written(v reflect.Value) string {
	if n.entry.Off != "" && (v.CanInt() && v.Int() < 0 || v.CanFloat() && v.Float() < 0) {
		return `"off"`
	}
	switch x := v.Interface().(type) {
	case time.Duration:
		return orEmpty(FormatDuration(x), x == 0)
	case Size:
		return orEmpty(x.String(), x == 0)
	case netip.Prefix:
		return orEmpty(x.String(), !x.IsValid())
	case encoding.TextMarshaler:
		b, err := x.MarshalText()
		return orEmpty(quoted(string(b)), err != nil)
	}
	switch v.Kind() {
	case reflect.Interface:
		return writtenTree(v.Interface())
	case reflect.Slice:
		var parts []string
		for i := range v.Len() {
			parts = append(parts, n.written(v.Index(i)))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case reflect.Map:
		return n.writtenMap(v)
	case reflect.String:
		return quoted(v.String())
	}
	if v.IsZero() && v.Kind() != reflect.Bool {
		return ""
	}
	return fmt.Sprint(v.Interface())
}

func (n *node) writtenMap(v reflect.Value) string {
	var parts []string
	for _, key := range v.MapKeys() {
		parts = append(parts, quoted(key.String())+": "+n.written(v.MapIndex(key)))
	}
	slices.Sort(parts)
	return "{" + strings.Join(parts, ", ") + "}"
}

// writtenTree is JSON, which is YAML in one line.
func writtenTree(v any) string {
	if v == nil {
		return ""
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return quoted(err.Error())
	}
	return strings.TrimSpace(b.String())
}

// orEmpty leaves a value that is not set empty, which YAML reads as not set.
func orEmpty(s string, empty bool) string {
	if empty {
		return ""
	}
	return s
}

// quoted writes a text in YAML, with quotes where something else would be understood without.
func quoted(s string) string {
	if s == "" {
		return `""`
	}
	y := yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s}
	if strings.ContainsAny(s, "\n,[]{}*\"'#:") {
		y.Style = yaml.DoubleQuotedStyle
	}
	b, err := yaml.Marshal(&y)
	if err != nil {
		return fmt.Sprintf("%q", s)
	}
	return strings.TrimSpace(string(b))
}

// wrap breaks a text into lines of at most width bytes, if its words allow.
func wrap(s string, width int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(s) {
		if line != "" && len(line)+1+len(word) > width {
			lines = append(lines, line)
			line = ""
		}
		line = strings.TrimSpace(line + " " + word)
	}
	return append(lines, line)
}
