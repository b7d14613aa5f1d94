package pick_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/hubbub-dev/hubbub/internal/pick"
)

func TestFirst(t *testing.T) {
	var all []string
	for i := range 40 {
		all = append(all, fmt.Sprintf("n%02d", i))
	}
	dice := rand.New(rand.NewPCG(1, 2))
	for _, after := range []string{"", "m", "n00", "n17", "n17x", "n38", "n39", "z"} {
		for _, limit := range []int{0, 1, 7, 40, 100} {
			mixed := slices.Clone(all)
			dice.Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
			f := pick.First{After: after, Limit: limit}
			for _, name := range mixed {
				f.Add(name)
			}
			from, found := slices.BinarySearch(all, after)
			if found {
				from++
			}
			to := min(from+limit, len(all))
			page, total, more := f.Names()
			if !slices.Equal(page, all[from:to]) || total != len(all) || more != (to < len(all)) {
				t.Errorf("%d after %q are %v of %d, more: %v", limit, after, page, total, more)
			}
		}
	}
}
