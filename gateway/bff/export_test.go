package bff

// Waiting is how many callers wait for requests that can be shared.
func Waiting(b *BFF) int {
	b.flights.mu.Lock()
	defer b.flights.mu.Unlock()
	n := 0
	for _, f := range b.flights.open {
		n += f.waiting
	}
	return n
}

// SimpleTexts reads params of a route that declares id and q as texts and n as a number, if they are simple.
func SimpleTexts(text []byte) (map[string]string, bool) {
	r := route{params: []param{{name: "id", kind: "string"}, {name: "n", kind: "number"}, {name: "q", kind: "string"}}}
	values := make([]any, len(r.params))
	if !r.simpleTexts(text, values) {
		return nil, false
	}
	all := map[string]string{}
	for i, v := range values {
		if v != nil {
			all[r.params[i].name] = v.(string)
		}
	}
	return all, true
}
