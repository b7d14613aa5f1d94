package settings

import (
	"fmt"
	"strings"
)

// Reference is a Markdown table of all settings for each section: key, variable, type, default, description.
func (t *Table) Reference() string {
	var b strings.Builder
	t.section(&b, t.root)
	return strings.TrimSpace(b.String()) + "\n"
}

// section writes a section's own settings, and then those of the sections in it.
func (t *Table) section(b *strings.Builder, n *node) {
	title, doc := "General", "What stands at the top of the file."
	if n.key != "" {
		title, doc = "`"+n.key+"`", n.entry.Doc
	}
	fmt.Fprintf(b, "\n### %s\n\n%s\n\n", title, doc)
	if n.list {
		fmt.Fprintf(b, "A list%s. Each element has:\n\n", t.variable(n, ", as YAML in one line in the variable "))
	}
	head := "| setting | type | default | what it does |\n|---|---|---|---|\n"
	for _, c := range n.children {
		if c.leaf() {
			b.WriteString(head)
			t.row(b, c)
			head = ""
		}
	}
	for _, c := range n.children {
		if !c.leaf() {
			t.section(b, c)
		}
	}
}

func (t *Table) row(b *strings.Builder, n *node) {
	value := "none"
	switch {
	case kindOf(n.typ) == boolean:
		value = "`false`"
	case n.entry.Required:
		value = "required"
	case n.entry.Default != "":
		value = "`" + n.entry.Default + "`"
	case n.entry.Empty != "":
		value = n.entry.Empty
	}
	doc := n.entry.Doc + n.values()
	fmt.Fprintf(b, "| `%s`%s | %s | %s | %s |\n", n.key, t.variable(n, "<br>"), kindOf(n.typ), value, strings.ReplaceAll(doc, "|", "\\|"))
}

func (t *Table) variable(n *node, before string) string {
	if name := t.Variable(n.key); t.byEnv[name] == n {
		return before + "`" + name + "`"
	}
	return ""
}
