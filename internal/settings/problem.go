package settings

import (
	"fmt"
	"strings"
)

// Problem is one thing that is wrong with a configuration.
type Problem struct {
	Place   string // where it stands, "hubbub.yaml:12" or "HUBBUB_ADDR"; "" when it is nowhere, such as a missing setting
	Key     string // "" when it concerns no key
	Message string
}

// Error puts place, key and message on one line.
func (p Problem) Error() string {
	var b strings.Builder
	if p.Place != "" {
		b.WriteString(p.Place + ": ")
	}
	if p.Key != "" && !strings.HasSuffix(p.Place, p.Key) {
		b.WriteString(p.Key + ": ")
	}
	return b.String() + p.Message
}

// Problems is everything that is wrong with a configuration.
type Problems []Problem

// Error puts each on a line of its own.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// unknownName says that a name is not known and which one was perhaps meant.
func unknownName(what string, name string, known []string) string {
	if near := nearest(name, known); near != "" {
		return fmt.Sprintf("there is no such %s; did you mean %s?", what, near)
	}
	return fmt.Sprintf("there is no such %s", what)
}

// nearest returns the candidate with the fewest edits from s, if they are few enough for a slip.
func nearest(s string, candidates []string) string {
	best, fewest := "", max(2, len(s)/3)+1
	for _, c := range candidates {
		if d := distance(strings.ToLower(s), strings.ToLower(c)); d < fewest {
			best, fewest = c, d
		}
	}
	return best
}

// distance is the number of bytes to insert, delete or replace, or of neighbours to swap, that makes a of b.
func distance(a, b string) int {
	before, row := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		next := make([]int, len(b)+1)
		next[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			next[j+1] = min(row[j+1]+1, next[j]+1, row[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}
