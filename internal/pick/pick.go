// Package pick makes a page of a sorted list out of many names that come in any order.
package pick

import (
	"container/heap"
	"slices"
)

// First picks the first names after one. It keeps no more than the page has. It is not safe for concurrent use.
type First struct {
	After string // names up to this one belong to earlier pages
	Limit int    // how many names the page has at most; not negative

	total int
	more  bool
	names names
}

// Add shows it a name, each once.
func (f *First) Add(name string) {
	f.total++
	switch {
	case name <= f.After:
	case len(f.names) < f.Limit:
		heap.Push(&f.names, name)
	default:
		f.more = true
		if f.Limit > 0 && name < f.names[0] {
			f.names[0] = name
			heap.Fix(&f.names, 0)
		}
	}
}

// Names returns the page in ascending order, how many names were added in all, and whether more of them come after the page. It is called
// once, after the last Add.
func (f *First) Names() (page []string, total int, more bool) {
	slices.Sort(f.names)
	return f.names, f.total, f.more
}

// names is a heap with the greatest on top.
type names []string

func (n names) Len() int           { return len(n) }
func (n names) Less(i, j int) bool { return n[i] > n[j] }
func (n names) Swap(i, j int)      { n[i], n[j] = n[j], n[i] }
func (n *names) Push(v any)        { *n = append(*n, v.(string)) }
func (n *names) Pop() any          { panic("pick: names are replaced, not taken") }
