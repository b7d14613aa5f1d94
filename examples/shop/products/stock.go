package main

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// product is one good, as the page shows it.
type product struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Category string `json:"category"`
	Blurb    string `json:"blurb"`
	Price    int    `json:"price"` // in cents
	Stock    int    `json:"stock"`
	Listed   int64  `json:"listed,omitempty"` // Unix milliseconds since when it is on the shelf; 0 is in the storeroom
}

// stock is all that there is. It is in memory: the example begins anew with each start. It may be used concurrently.
type stock struct {
	mu       sync.Mutex
	products map[string]*product
}

func newStock() *stock {
	s := &stock{products: map[string]*product{}}
	opened := time.Now().Add(-24 * time.Hour).UnixMilli()
	for i, p := range goods() {
		if p.Listed != 0 {
			p.Listed = opened - int64(i)*60_000
		}
		s.products[p.ID] = &p
	}
	return s
}

// shelf is what can be bought, the newest first.
func (s *stock) shelf() []product {
	return s.sorted(func(p *product) bool { return p.Listed != 0 },
		func(a, b product) int { return cmp.Compare(b.Listed, a.Listed) })
}

// storeroom is what has not been put on the shelf yet.
func (s *stock) storeroom() []product {
	return s.sorted(func(p *product) bool { return p.Listed == 0 },
		func(a, b product) int { return cmp.Compare(a.Name, b.Name) })
}

func (s *stock) sorted(fits func(*product) bool, order func(a, b product) int) []product {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := []product{} // an empty shelf is [], not null
	for _, p := range s.products {
		if fits(p) {
			found = append(found, *p)
		}
	}
	slices.SortFunc(found, order)
	return found
}

func (s *stock) get(id string) (product, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, ok := s.products[id]
	if !ok {
		return product{}, false
	}
	return *p, true
}

// list puts a product on the shelf; fresh is false if it was there already.
func (s *stock) list(id string) (listed product, fresh, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, ok := s.products[id]
	if !ok {
		return product{}, false, false
	}
	fresh = p.Listed == 0
	if fresh {
		p.Listed = time.Now().UnixMilli()
	}
	return *p, fresh, true
}

// sell takes one piece, if there is one on the shelf.
func (s *stock) sell(id string) (after product, sold bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, ok := s.products[id]
	if !ok {
		return product{}, false
	}
	sold = p.Listed != 0 && p.Stock > 0
	if sold {
		p.Stock--
	}
	return *p, sold
}

// goods is what the shop has when it opens: six products wait in the storeroom.
func goods() []product {
	const shelf = 1
	return []product{
		{"morning-mug", "Morning mug", "ceramics", "Speckled stoneware that keeps the warmth in and fits both hands.", 1800, 14, shelf},
		{"wool-throw", "Wool throw", "textiles", "Lambswool from the Shetlands, woven in a herringbone.", 8900, 3, shelf},
		{"desk-lamp", "Desk lamp", "light", "A brass arm, an enamel shade, and a switch that clicks.", 12000, 5, shelf},
		{"pocket-notebook", "Pocket notebook", "paper", "Ninety-six dotted pages, sewn so that they lie flat.", 900, 40, shelf},
		{"bud-vase", "Bud vase", "ceramics", "For the one branch that you could not leave behind.", 2800, 7, shelf},
		{"pillar-candle", "Beeswax candle", "light", "Burns for forty hours and smells of honey for all of them.", 1600, 22, shelf},
		{"linen-cushion", "Linen cushion", "textiles", "Washed linen in ochre stripes, filled with feathers.", 3900, 1, shelf},
		{"card-set", "Letterpress cards", "paper", "Six cards and envelopes, for the things you would rather write.", 1500, 0, shelf},
		{"teapot", "Teapot for two", "ceramics", "Pours without a drip. We have tried it for a year.", 4600, 6, 0},
		{"tea-towel", "Tea towel", "textiles", "Half linen, half cotton, and better with every wash.", 1400, 30, 0},
		{"paper-lantern", "Paper lantern", "light", "Folded by hand from mulberry paper, soft as a moon.", 3400, 8, 0},
		{"desk-calendar", "Desk calendar", "paper", "Fifty-two weeks on a stand of oiled oak.", 2200, 12, 0},
		{"breakfast-bowl", "Breakfast bowl", "ceramics", "Wide enough for porridge and for all of the berries.", 2200, 18, 0},
		{"brass-pen", "Brass pen", "paper", "Turned from one rod. It gets darker where you hold it.", 3200, 9, 0},
	}
}
