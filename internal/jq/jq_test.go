package jq_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub/internal/jq"
	"github.com/hubbub-dev/hubbub/internal/template"
)

func TestRun(t *testing.T) {
	for _, c := range []struct{ expression, in, want string }{
		{".items | length", `{"items":[1,2,3]}`, "3"},
		{"[.items[] | {id, price}]", `{"items":[{"id":1,"price":2.50,"secret":"x"}]}`, `[{"id":1,"price":2.50}]`},
		{".id", `{"id":12345678901234567890}`, "12345678901234567890"},
		{"empty", "1", "null"},
		{".a", "null", "null"},
		{"[env, $ENV]", "null", "[{},{}]"},
		{"nan, empty", "1", "null"},
		{`"<b>" + .`, `"é\u2028"`, "\"<b>é\u2028\""},
		{".a, .b", `{}`, "error: more than one value"},
		{".a", `"text"`, "error: jq: "},
		{"1, error(.)", `"x"`, "error: jq: "},
		{"reduce range(40) as $i (.; [., .])", "1", "error: more than"},
		{"reduce range(20000) as $i (.; [.])", "1", "error: nested deeper"},
		{`reduce range(18) as $i ("abcdefgh"; . + .)`, "1", "error: more than"},
		{`reduce range(40) as $i ({}; {a: ., b: .})`, "1", "error: more than"},
	} {
		if got := run(t.Context(), t, c.expression, c.in); got != c.want && !(strings.HasPrefix(c.want, "error: ") &&
			strings.HasPrefix(got, "error: ") && strings.Contains(got, c.want[7:])) {
			t.Errorf("%s of %s: got %s, want %s", c.expression, c.in, got, c.want)
		}
	}
}

func run(ctx context.Context, t *testing.T, expression, in string) string {
	t.Helper()
	q, err := jq.Compile(expression)
	if err != nil {
		t.Fatal(err)
	}
	v, err := template.Decode([]byte(in))
	if err != nil {
		t.Fatal(err)
	}
	result, err := q.Run(ctx, v)
	if err != nil {
		return "error: " + err.Error()
	}
	text, err := jq.Encode(result)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestCompileRefuses(t *testing.T) {
	for _, expression := range []string{"", ".a |", "nothing(1)", `import "a" as b; 1`, "$x", "input", `include "a"; 1`} {
		if _, err := jq.Compile(expression); err == nil {
			t.Errorf("%q was taken", expression)
		} else if !strings.Contains(err.Error(), "jq expression") {
			t.Errorf("%q: %v", expression, err)
		}
	}
}

func TestEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	q, err := jq.Compile("last(range(1e18))")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := q.Run(ctx, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestTrue(t *testing.T) {
	for _, c := range []struct {
		v    any
		want bool
	}{{nil, false}, {false, false}, {true, true}, {0, true}, {"", true}} {
		if got := jq.True(c.v); got != c.want {
			t.Errorf("%v: got %v", c.v, got)
		}
	}
}
