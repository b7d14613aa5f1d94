package memory

import (
	"slices"
	"sort"
	"sync"
)

// roster is the names of all who are online, in ascending order. They are in blocks, so that who comes or goes moves few of
// them.
type roster struct {
	mu     sync.RWMutex
	blocks [][]string // none is empty
	n      int
}

const blockSize = 512

// find returns the block that a name is in or belongs to, and where; there must be a block.
func (r *roster) find(name string) (block, at int, found bool) {
	block = max(0, sort.Search(len(r.blocks), func(i int) bool { return r.blocks[i][0] > name })-1)
	at, found = slices.BinarySearch(r.blocks[block], name)
	return block, at, found
}

func (r *roster) add(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.n++
	if len(r.blocks) == 0 {
		r.blocks = [][]string{{name}}
		return
	}
	i, at, _ := r.find(name)
	b := slices.Insert(r.blocks[i], at, name)
	r.blocks[i] = b
	if len(b) < blockSize {
		return
	}
	upper := append(make([]string, 0, blockSize), b[blockSize/2:]...)
	clear(b[blockSize/2:])
	r.blocks[i] = b[:blockSize/2]
	r.blocks = slices.Insert(r.blocks, i+1, upper)
}

func (r *roster) remove(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.n == 0 {
		return
	}
	i, at, found := r.find(name)
	if !found {
		return
	}
	r.n--
	b := slices.Delete(r.blocks[i], at, at+1)
	r.blocks[i] = b
	switch {
	case len(b) == 0:
		r.blocks = slices.Delete(r.blocks, i, i+1)
	case i+1 < len(r.blocks) && len(b)+len(r.blocks[i+1]) < blockSize/2:
		r.blocks[i] = append(b, r.blocks[i+1]...)
		r.blocks = slices.Delete(r.blocks, i+1, i+2)
	}
}

// page returns up to limit names that come after one, how many there are in all, and whether more come after the page.
func (r *roster) page(after string, limit int) (names []string, total int, more bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.n == 0 {
		return nil, 0, false
	}
	i, at, found := r.find(after)
	if found {
		at++
	}
	for ; i < len(r.blocks); i, at = i+1, 0 {
		for _, name := range r.blocks[i][at:] {
			if len(names) >= limit {
				return names, r.n, true
			}
			names = append(names, name)
		}
	}
	return names, r.n, false
}
