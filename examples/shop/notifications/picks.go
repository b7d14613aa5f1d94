package main

import "slices"

// pick recommends a product.
type pick struct {
	ID  string `json:"id"`
	Why string `json:"why"`
}

// recommend is what we would show to somebody who likes these categories, or our favourites if there are none.
func recommend(liked []string, except string) []pick {
	found := []pick{}
	for _, c := range liked {
		for _, p := range shelfmates()[c] {
			if p.ID != except && !slices.ContainsFunc(found, func(q pick) bool { return q.ID == p.ID }) {
				found = append(found, p)
			}
		}
	}
	if len(found) == 0 {
		found = append(found, pick{"pillar-candle", "What we light when we close"}, pick{"pocket-notebook", "In every apron here"},
			pick{"wool-throw", "For the first cold evening"})
	}
	return found[:min(len(found), 3)]
}

func categories() []string { return []string{"ceramics", "textiles", "light", "paper"} }

func shelfmates() map[string][]pick {
	return map[string][]pick{
		"ceramics": {{"morning-mug", "The one that everybody comes back for"}, {"bud-vase", "From the same kiln"}, {"linen-cushion", "Sits well beside stoneware"}},
		"textiles": {{"wool-throw", "For the first cold evening"}, {"linen-cushion", "Washed soft, never ironed"}, {"pillar-candle", "Smells of a warm room"}},
		"light":    {{"desk-lamp", "Reads a whole novel with you"}, {"pillar-candle", "When the lamp is too much"}, {"pocket-notebook", "For what you think of at night"}},
		"paper":    {{"pocket-notebook", "In every apron here"}, {"desk-lamp", "Good letters need good light"}, {"morning-mug", "Ink goes well with coffee"}},
	}
}
