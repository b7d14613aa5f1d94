package settings

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// platform matches variables that Kubernetes makes for the services of a namespace, in the form of Docker links. A service
// named like the program would otherwise look like settings that nobody knows.
var platform = regexp.MustCompile(`_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT(_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$`)

// environment makes a layer of the variables with the table's prefix, but those in except.
func (t *Table) environment(environ []string, except []string) *layer {
	l := &layer{values: map[string]any{}, places: map[string]string{}}
	vars := map[string]string{}
	for _, e := range environ {
		name, value, _ := strings.Cut(e, "=")
		if strings.HasPrefix(name, t.prefix) && !slices.Contains(except, name) && value != "" {
			vars[name] = value
		}
	}
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		l.source = name
		n := t.byEnv[name]
		switch {
		case n != nil:
			l.assign(t, n, vars[name])
		case !platform.MatchString(name):
			l.fail(nil, "", "%s", unknownName("variable", name, slices.Sorted(maps.Keys(t.byEnv))))
		}
	}
	l.resolveSecrets(t.root, l.values, "")
	return l
}

// assignments makes a layer of "key=value" texts. The name of each begins with label.
func (t *Table) assignments(label string, set []string) *layer {
	l := &layer{values: map[string]any{}, places: map[string]string{}}
	for _, s := range set {
		key, value, found := strings.Cut(s, "=")
		l.source = label + key
		if !found {
			l.fail(nil, "", "write it as --set key=value")
			continue
		}
		n := t.byKey[key]
		switch {
		case n == nil || n.inElement():
			l.fail(nil, "", "%s", unknownName("setting", key, t.settable()))
		case !n.leaf() && !n.list:
			l.fail(nil, "", "this is a section; set what is in it, for example %s", n.children[0].key)
		default:
			l.assign(t, n, value)
		}
	}
	l.resolveSecrets(t.root, l.values, "")
	return l
}

func (t *Table) settable() []string {
	var keys []string
	for _, n := range t.byEnv {
		keys = append(keys, n.key)
	}
	slices.Sort(keys)
	return keys
}

// assign reads the text of one variable or assignment and puts its value where koanf shall find it.
func (l *layer) assign(t *Table, n *node, value string) {
	l.places[n.key] = l.source
	v := l.text(n, value, n.key)
	if v == nil {
		return
	}
	at := l.values
	path := strings.Split(n.key, ".")
	for _, name := range path[:len(path)-1] {
		inner, ok := at[name].(map[string]any)
		if !ok {
			inner = map[string]any{}
			at[name] = inner
		}
		at = inner
	}
	at[n.name] = v
}

// text reads a value that is not in a YAML file. A list is written with commas, "a, b", or as YAML, "[a, b]"; a list of
// sections and a map as YAML in one line.
func (l *layer) text(n *node, s, key string) any {
	y := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s}
	s = strings.TrimSpace(s)
	switch k := kindOf(n.typ); {
	case n.list, k == mapping, k == trees, k == anything, (k == texts || k == networks) && strings.HasPrefix(s, "["):
		var doc yaml.Node
		if err := yaml.Unmarshal([]byte(s), &doc); err != nil || len(doc.Content) == 0 {
			l.fail(nil, key, "this is not YAML in one line, such as [a, b] or [{name: a}]")
			return nil
		}
		y = doc.Content[0]
		forgetLines(y)
	case k == texts, k == networks:
		y = &yaml.Node{Kind: yaml.SequenceNode}
		for part := range strings.SplitSeq(s, ",") {
			if part = strings.TrimSpace(part); part != "" {
				y.Content = append(y.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: part})
			}
		}
	}
	if l.places == nil {
		l.places = map[string]string{}
	}
	return l.value(n, y, key)
}

// forgetLines makes problems name the variable alone.
func forgetLines(y *yaml.Node) {
	y.Line = 0
	for _, c := range y.Content {
		forgetLines(c)
	}
}

// resolveSecrets reads the files with secrets of sections; list has done it for the elements of lists.
func (l *layer) resolveSecrets(n *node, values map[string]any, key string) {
	l.secrets(n, nil, key, values)
	for _, c := range n.children {
		if inner, ok := values[c.name].(map[string]any); ok && !c.leaf() && !c.list {
			l.resolveSecrets(c, inner, join(key, c.name))
		}
	}
}
