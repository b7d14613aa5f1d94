package rpc_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/rpc"
)

func typeName(v any) string { return fmt.Sprintf("%T", v) }

// TestDocumentsNameEverything checks that docs/asyncapi.yaml and docs/protocol.md have what the code has, and nothing else.
func TestDocumentsNameEverything(t *testing.T) {
	doc, err := document()
	if err != nil {
		t.Fatal(err)
	}
	equal := func(what string, got, want []string) {
		t.Helper()
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s:\n%s\nthe code has\n%s", what, strings.Join(got, " "), strings.Join(want, " "))
		}
	}
	equal("methods of asyncapi.yaml", doc.names("request"), rpc.Methods())
	equal("replies of asyncapi.yaml", doc.names("reply"), rpc.Methods())
	equal("notifications of asyncapi.yaml", doc.names("notification"), notifications())

	text := protocol(t)
	equal("methods of protocol.md", headings(text, "Methods"), rpc.Methods())
	equal("notifications of protocol.md", headings(text, "Notifications"), notifications())

	_, order, _ := strings.Cut(text, "\n## Order\n")
	order = strings.Join(strings.Fields(order), " ")
	_, order, _ = strings.Cut(order, "effect in the order in which they were sent.")
	order, _, _ = strings.Cut(order, "and `bff.*` run beside them")
	var beside []string
	for _, m := range regexp.MustCompile("`(\\w+\\.\\w+)`").FindAllStringSubmatch(order, -1) {
		beside = append(beside, m[1])
	}
	equal("what runs beside, in protocol.md", beside, rpc.Beside())

	var errors []string
	for _, e := range doc.Channels.Hubbub.Errors {
		errors = append(errors, fmt.Sprint(e.Code, " ", e.Reason, " ", e.Status))
	}
	equal("errors of asyncapi.yaml", errors, errorLines())
	row := regexp.MustCompile("(?m)^\\| (-?\\d+) \\| `(\\w+)` \\| .* \\| (\\d+) \\|$")
	equal("errors of protocol.md", rows(row, text), errorLines())

	var codes []string
	for _, c := range doc.Channels.Hubbub.CloseCodes {
		codes = append(codes, fmt.Sprint(c.Code, " ", c.Reason))
		if c.Reconnect != (c.Code < 4500) {
			t.Errorf("asyncapi.yaml: whether to come back after %d", c.Code)
		}
	}
	equal("close codes of asyncapi.yaml", codes, rpc.CloseCodes())
	row = regexp.MustCompile("(?m)^\\| (4\\d{3}) \\| `(\\w+)(?: retry=MIN-MAX)?` \\| .* \\|$")
	equal("close codes of protocol.md", rows(row, text), rpc.CloseCodes())
}

func protocol(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// headings returns the names in the headings below a section, sorted. Those of methods and notifications have no spaces.
func headings(text, section string) []string {
	_, text, _ = strings.Cut(text, "\n## "+section+"\n")
	text, _, _ = strings.Cut(text, "\n## ")
	var names []string
	for _, m := range regexp.MustCompile(`(?m)^### (.*)$`).FindAllStringSubmatch(text, -1) {
		if m[1] == "Other methods" {
			continue
		}
		names = append(names, strings.Split(m[1], ", ")...)
	}
	slices.Sort(names)
	return names
}

func rows(row *regexp.Regexp, text string) []string {
	var all []string
	for _, m := range row.FindAllStringSubmatch(text, -1) {
		all = append(all, strings.Join(m[1:], " "))
	}
	return all
}

// errorLines has code, reason and HTTP status of each error, sorted.
func errorLines() []string {
	reasons := map[int]hubbub.Reason{-32700: hubbub.Invalid, -32600: hubbub.Invalid, -32601: hubbub.NotFound}
	status := map[int]int{-32700: 400, -32600: 400, -32601: 404}
	for _, r := range []hubbub.Reason{hubbub.Invalid, hubbub.Unauthorized, hubbub.Forbidden, hubbub.NotFound, hubbub.RateLimited,
		hubbub.TooLarge, hubbub.Unavailable, hubbub.Conflict} {
		reasons[r.Code()], status[r.Code()] = r, r.Status()
	}
	var lines []string
	for code, reason := range reasons {
		lines = append(lines, fmt.Sprint(code, " ", reason, " ", status[code]))
	}
	slices.Sort(lines)
	return lines
}
