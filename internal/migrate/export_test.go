package migrate

import "strings"

// Moves tells which columns are read and which are written, as "table.column".
func Moves() (from, to map[string]bool) {
	from, to = map[string]bool{}, map[string]bool{}
	for _, t := range tables() {
		source, _, _ := strings.Cut(t.from, " ")
		for _, c := range t.columns {
			to[t.name+"."+c.name] = true
			switch {
			case strings.HasPrefix(c.from, "COALESCE("):
				from[source+"."+c.name] = true
			case !strings.Contains(c.from, "("):
				from[source+"."+c.from] = true
			}
		}
	}
	for _, name := range []string{"inboxes.who", "outbox_lines.target", "outbox_lines.line", "publication_checks.number", "publication_checks.id"} {
		to[name] = true
	}
	return from, to
}
