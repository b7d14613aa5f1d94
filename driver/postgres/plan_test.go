package postgres_test

import (
	"encoding/json"
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

// TestNoQueryReadsAWholeTable asks the database how it finds what each query asks for, among some 25,000 rows. To read all of a table is
// fine only where it has few rows; to read all of an index only where that has no other rows than those that are asked for.
func TestNoQueryReadsAWholeTable(t *testing.T) {
	t.Parallel()
	c := connect(t, server.Database(t, server.template))
	for _, statement := range append([]string{"SET search_path = hubbub", "SET synchronous_commit = off",
		"SET session_replication_role = replica"}, crowds()...) {
		if _, err := c.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%v in %s", err, statement)
		}
	}
	all := queries(t)
	if len(all) < 100 {
		t.Fatalf("there are %d queries", len(all))
	}
	without := prepare(t, c, "a query without an index", "SELECT seq FROM messages WHERE data = $1")
	if !slices.Contains(wholes(without.plan("force_generic_plan")), "messages") {
		t.Fatal("among so few rows a query that reads all of a table is not found")
	}
	for name, text := range all {
		p := prepare(t, c, name, text)
		generic := wholes(p.plan("force_generic_plan"))
		for _, step := range wholes(p.plan("force_custom_plan")) {
			if !fineWholes.MatchString(step) && !fineQueries.MatchString(name) && slices.Contains(generic, step) {
				t.Errorf("%s reads all of %s\n%s", name, step, text)
			}
		}
	}
}

// fineWholes are those that are small, or have no other rows than those that are asked for.
var fineWholes = regexp.MustCompile(`^(meta|streams_unswept|announcement_clock|publications_announced|publication_checks_pkey)$`)

// fineQueries look through all that waits, for who is erased or for whoever operates it, and through nothing else.
var fineQueries = regexp.MustCompile(`^(CountDead|DeadOfUser|LinesOfUser|WaitingFor|StepBack)$`)

// crowds fills the tables.
func crowds() []string {
	return []string{
		`INSERT INTO streams (room, a, b, head, swept, first, place)
			SELECT 'room' || n, '', '', 100, 1, CASE WHEN n % 100 = 0 THEN 2 ELSE 1 END, n FROM generate_series(1, 7500) AS n`,
		`INSERT INTO streams (room, a, b, head, due, age, place)
			SELECT '', 'a' || n % 1000, 'b' || n, 100, n, 1, n FROM generate_series(1, 7500) AS n`,
		`INSERT INTO messages SELECT n % 3, n, n, n, 1, 'u' || n % 100, 'd', 'id' || n, '', '', NULL, '1' FROM generate_series(1, 25000) AS n`,
		`INSERT INTO senders SELECT 'u' || n, n FROM generate_series(1, 5000) AS n`,
		`INSERT INTO keys SELECT n % 100, ('k' || n)::bytea, n, 'c', 'id', n, n, n FROM generate_series(1, 25000) AS n`,
		`INSERT INTO takers SELECT 'u' || n % 10000, n, 1 FROM generate_series(1, 25000) AS n`,
		`INSERT INTO members SELECT 'room' || n % 1000, 'u' || n, 'member', n FROM generate_series(1, 25000) AS n`,
		`INSERT INTO outbox (time, due, claimer, state, target, id, line, payload)
			SELECT n, CASE n % 10 WHEN 1 THEN n ELSE 0 END, n % 10 / 2, CASE n % 10 WHEN 0 THEN 1 WHEN 1 THEN 2 WHEN 2 THEN 3 WHEN 8 THEN 4 WHEN 9 THEN 5 ELSE 0 END,
				't' || n % 2, n, 'user u' || n / 10, 'p' FROM generate_series(1, 25000) AS n`,
		`INSERT INTO outbox_lines SELECT 't' || n % 2, 'user u' || n / 2 FROM generate_series(1, 10000) AS n`,
		`INSERT INTO users SELECT 'u' || n, NULL, '', 0, n, 0, n % 2 = 0, '', 0, n % 4 = 0 FROM generate_series(1, 5000) AS n`,
		`INSERT INTO sessions SELECT 's' || n, 'u' || n, 'node' || n % 20, n, '{}', n % 3 / 2 * n FROM generate_series(1, 25000) AS n`,
		`INSERT INTO publications (id, category, collapse, time, expires, status, remove, room, reached, audience, seq, content)
			SELECT 'p' || n, 'c', '', n, 0, n % 2, n, '', '', '', CASE WHEN n < 50 THEN n ELSE 0 END, '{}' FROM generate_series(1, 5000) AS n`,
		`INSERT INTO publication_keys SELECT 'a' || n % 10, 'k' || n, 'p' || n, '', n FROM generate_series(1, 5000) AS n`,
		`INSERT INTO inboxes SELECT 'u' || n FROM generate_series(1, 5000) AS n`,
		`INSERT INTO notices SELECT 'p' || n / 4, 'u' || n % 20000, n % 4, n, 'c' || n % 3, CASE WHEN n % 5 = 0 THEN 'x' || n ELSE '' END
			FROM generate_series(1, 25000) AS n`,
		`INSERT INTO announcement_states SELECT 'u' || n, n % 50, 'p' || n % 50, 1 FROM generate_series(1, 5000) AS n`,
		`INSERT INTO revocations (who, device, token, before, until) SELECT 'u' || n % 1000, '', 't' || n, 0, n FROM generate_series(1, 5000) AS n`,
		`INSERT INTO occupied_rooms SELECT 'r' || n FROM generate_series(1, 5000) AS n`,
		`INSERT INTO publication_users SELECT 'p' || n % 100, n, '{u1}' FROM generate_series(1, 5000) AS n`,
		`INSERT INTO publication_checks (id) SELECT 'p' || n FROM generate_series(1, 5000) AS n`,
		`INSERT INTO notice_counts SELECT 'u' || n, 'c', 1, 1 FROM generate_series(1, 5000) AS n`,
		`INSERT INTO announcement_marks SELECT 'u' || n, 'c', 1, 1 FROM generate_series(1, 5000) AS n`,
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

// prepared is a query with arguments.
type prepared struct {
	t    *testing.T
	c    *pgx.Conn
	name string
	args string
}

// samples are arguments by their types, such as are for few rows.
var samples = map[string]string{
	"bigint": "200", "integer": "200", "smallint": "1", "boolean": "true", "text": "'u200'", "bytea": "'k1'", "text[]": "'{u200,u201}'",
	"bigint[]": "'{200,201}'", "bytea[]": "'{k1,k2}'", "smallint[]": "'{1}'", "boolean[]": "'{t,f}'",
}

func prepare(t *testing.T, c *pgx.Conn, name, text string) prepared {
	t.Helper()
	if _, err := c.Exec(t.Context(), "DEALLOCATE ALL; PREPARE one AS "+text, pgx.QueryExecModeSimpleProtocol); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	var types []string
	err := c.QueryRow(t.Context(), "SELECT parameter_types::text[] FROM pg_prepared_statements WHERE name = 'one'", pgx.QueryExecModeExec).Scan(&types)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	p := prepared{t: t, c: c, name: name}
	for i, kind := range types {
		if samples[kind] == "" {
			t.Fatalf("%s has an argument of the type %s", name, kind)
		}
		types[i] = samples[kind]
	}
	if len(types) > 0 {
		p.args = "(" + strings.Join(types, ", ") + ")"
	}
	return p
}

// plan returns how the database goes about the query: for whichever arguments, or for these. It takes what it thinks is cheaper.
func (p prepared) plan(mode string) node {
	p.t.Helper()
	if _, err := p.c.Exec(p.t.Context(), "SET plan_cache_mode = "+mode, pgx.QueryExecModeSimpleProtocol); err != nil {
		p.t.Fatal(err)
	}
	var raw string
	err := p.c.QueryRow(p.t.Context(), "EXPLAIN (FORMAT JSON) EXECUTE one"+p.args, pgx.QueryExecModeSimpleProtocol).Scan(&raw)
	if err != nil {
		p.t.Fatalf("%s: %v", p.name, err)
	}
	var plans []struct{ Plan node }
	if err := json.Unmarshal([]byte(raw), &plans); err != nil || len(plans) != 1 {
		p.t.Fatal(raw, err)
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
