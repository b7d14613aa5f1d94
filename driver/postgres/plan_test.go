package postgres_test

import (
	"context"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// TestNoQueryReadsAWholeTable asks the database how it finds what each query asks for, among some 100,000 rows. To read all of a table is
// fine only where it has few rows; to read all of an index only where that has no other rows than those that are asked for.
func TestNoQueryReadsAWholeTable(t *testing.T) {
	t.Parallel()
	c := connect(t, server.Database(t, server.template))
	for _, statement := range append([]string{"SET search_path = hubbub", "SET plan_cache_mode = force_generic_plan"}, crowds()...) {
		if _, err := c.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%v in %s", err, statement)
		}
	}
	all := queries(t)
	if len(all) < 35 {
		t.Fatalf("there are %d queries", len(all))
	}
	// Where nothing else is possible a whole table is read also with this.
	if _, err := c.Exec(t.Context(), "SET enable_seqscan = off"); err != nil {
		t.Fatal(err)
	}
	for name, text := range all {
		plan := explain(t, c, name, text)
		for _, step := range wholes(plan) {
			if !fineWholes.MatchString(step) {
				t.Errorf("%s reads all of %s\n%s\n", name, step, text)
			}
		}
	}
	if _, err := c.Exec(t.Context(), "SET enable_seqscan = on"); err != nil {
		t.Fatal(err)
	}
	for name, text := range all {
		for _, step := range wholes(explain(t, c, name, text)) {
			if large.MatchString(step) {
				t.Errorf("with many rows %s reads all of %s\n%s", name, step, text)
			}
		}
	}
}

// fineWholes are those that are small, or have no other rows than those that are asked for.
var fineWholes = regexp.MustCompile(`^(meta|streams_unswept|announcement_clock|publications_announced|sessions_open|users_online)$`)

// large are the tables and indexes that crowds fills.
var large = regexp.MustCompile(`^(streams|messages|keys|takers|senders|members)($|_pkey|_room_a_b_key|_b$|_due|_who|_standing|_used)`)

// crowds fills the tables.
func crowds() []string {
	return []string{
		`INSERT INTO streams (room, a, b, head, swept, first, place)
			SELECT 'room' || n, '', '', 100, 1, CASE WHEN n % 100 = 0 THEN 2 ELSE 1 END, n FROM generate_series(1, 30000) AS n`,
		`INSERT INTO streams (room, a, b, head, due, age, place)
			SELECT '', 'a' || n % 1000, 'b' || n, 100, n, 1, n FROM generate_series(1, 30000) AS n`,
		`INSERT INTO messages SELECT n % 3, n, n, n, 1, 'u' || n % 100, 'd', 'id' || n, '', '', NULL, '1' FROM generate_series(1, 120000) AS n`,
		`INSERT INTO senders SELECT 'u' || n, n FROM generate_series(1, 50000) AS n`,
		`INSERT INTO keys SELECT n % 100, ('k' || n)::bytea, n, 'c', 'id', n, n, n FROM generate_series(1, 100000) AS n`,
		`INSERT INTO takers SELECT 'u' || n % 10000, n, 1 FROM generate_series(1, 100000) AS n`,
		`INSERT INTO members SELECT 'room' || n % 1000, 'u' || n, 'member', n FROM generate_series(1, 100000) AS n`,
		`ANALYZE`,
	}
}

// queries returns those that sqlc has made, by their names.
func queries(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("internal/db/*.sql.go")
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]string)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, text, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Values) != 1 {
				return true
			}
			if lit, ok := spec.Values[0].(*ast.BasicLit); ok && strings.HasPrefix(lit.Value, "`-- name:") {
				if all[spec.Names[0].Name], err = strconv.Unquote(lit.Value); err != nil {
					t.Fatal(err)
				}
			}
			return true
		})
	}
	return all
}

// node is a step of a plan.
type node struct {
	Type  string `json:"Node Type"`
	Table string `json:"Relation Name"`
	Index string `json:"Index Name"`
	Cond  string `json:"Index Cond"`
	Plans []node `json:"Plans"`
}

// explain returns the plan of a query, for whichever arguments.
func explain(t *testing.T, c *pgx.Conn, name, text string) node {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	if _, err := c.Exec(ctx, "PREPARE one AS "+text, pgx.QueryExecModeSimpleProtocol); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	args := ""
	if n := len(slices.Compact(slices.Sorted(slices.Values(regexp.MustCompile(`\$\d+`).FindAllString(text, -1))))); n > 0 {
		args = "(" + strings.Repeat("NULL, ", n-1) + "NULL)"
	}
	var raw string
	err := c.QueryRow(ctx, "EXPLAIN (FORMAT JSON) EXECUTE one"+args, pgx.QueryExecModeSimpleProtocol).Scan(&raw)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if _, err := c.Exec(ctx, "DEALLOCATE one"); err != nil {
		t.Fatal(err)
	}
	var plans []struct{ Plan node }
	if err := json.Unmarshal([]byte(raw), &plans); err != nil || len(plans) != 1 {
		t.Fatal(fmt.Sprint(raw, err))
	}
	return plans[0].Plan
}

// wholes returns the tables and indexes of which a plan reads all.
func wholes(n node) (all []string) {
	switch {
	case n.Type == "Seq Scan":
		all = append(all, n.Table)
	case strings.HasPrefix(n.Type, "Index") && n.Cond == "", n.Type == "Bitmap Index Scan" && n.Cond == "":
		all = append(all, n.Index)
	}
	for _, below := range n.Plans {
		all = append(all, wholes(below)...)
	}
	return all
}
