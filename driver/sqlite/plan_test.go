package sqlite_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/hubbub-dev/hubbub/driver/sqlite"
)

// TestNoQueryReadsAWholeTable asks the database how it finds what each query asks for. To read all of a table is fine only where it has
// one row; to read all of an index only where that has no other rows than those that are asked for.
func TestNoQueryReadsAWholeTable(t *testing.T) {
	s := open(t, sqlite.Options{})
	plans, err := s.Plans(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(plans) < 90 {
		t.Fatalf("there are %d queries", len(plans))
	}
	fine := regexp.MustCompile(`SCAN (announcement_clock|CONSTANT ROW|\d+-ROW VALUES)|` +
		`SCAN \w+ USING (COVERING )?INDEX (publications_announced|sessions_open|users_online|streams_unswept)|` +
		`SCAN (oldest$|j VIRTUAL TABLE)`) // the first ones by their number, and the elements of an array
	for query, plan := range plans {
		for _, step := range plan {
			if strings.Contains(step, "SCAN ") && !fine.MatchString(step) {
				t.Errorf("%s\n\t%s", query, strings.Join(plan, "\n\t"))
			}
		}
	}
}
