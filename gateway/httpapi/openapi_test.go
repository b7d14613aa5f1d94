package httpapi_test

import (
	"context"
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/httpapi"
)

// noTickets is for tests that need the call and no ticket.
func noTickets(context.Context, hubbub.Identity, time.Duration) (string, time.Time, error) {
	return "", time.Time{}, hubbub.Errorf(hubbub.Unavailable, "no tickets today")
}

// described is a call of the OpenAPI document.
type describedCall struct{ method, path, scope string }

// described returns all calls of an API's document, in the order of their paths.
func described(t *testing.T, api *httpapi.API) []describedCall {
	t.Helper()
	var document struct {
		Paths map[string]map[string]struct {
			OperationID, Summary, Description string
			Security                          []map[string][]string
			Responses                         map[string]any
		}
	}
	if err := json.Unmarshal(api.Document(), &document); err != nil {
		t.Fatal(err)
	}
	var calls []describedCall
	for path, methods := range document.Paths {
		for method, op := range methods {
			if len(op.Security) != 2 || op.Security[0]["bearer"] == nil || op.OperationID == "" || op.Summary == "" ||
				op.Responses["200"] == nil && op.Responses["202"] == nil || op.Responses["default"] == nil {
				t.Errorf("%s %s is not described well: %+v", method, path, op)
				continue
			}
			scope := strings.Join(op.Security[0]["bearer"], " ") // "" means that any key will do
			calls = append(calls, describedCall{strings.ToUpper(method), path, scope})
		}
	}
	slices.SortFunc(calls, func(a, b describedCall) int { return strings.Compare(a.path+a.method, b.path+b.method) })
	return calls
}

func TestDocumentIsValid(t *testing.T) {
	api, err := httpapi.New(httpapi.Options{IssueTicket: noTickets})
	if err != nil {
		t.Fatal(err)
	}
	valid, faults := documentOf(t, api).ValidateDocument()
	if !valid || !strings.Contains(string(api.Document()), `"openapi": "3.1.`) {
		t.Errorf("no valid OpenAPI 3.1: %v", faults)
	}
	for _, foreign := range []string{"ErrorModel", "ErrorDetail", "://"} {
		if strings.Contains(string(api.Document()), foreign) {
			t.Errorf("the document has %s in it", foreign)
		}
	}
}

// TestGuideHasAllCalls compares docs/http-api.md with the document.
func TestGuideHasAllCalls(t *testing.T) {
	guide, err := os.ReadFile("../../docs/http-api.md")
	if err != nil {
		t.Fatal(err)
	}
	var told []describedCall
	row := regexp.MustCompile("(?m)^\\| `([A-Z]+) (/[^`]*)` \\| `([a-z]+)` \\|")
	for _, m := range row.FindAllStringSubmatch(string(guide), -1) {
		told = append(told, describedCall{m[1], m[2], m[3]})
	}
	slices.SortFunc(told, func(a, b describedCall) int { return strings.Compare(a.path+a.method, b.path+b.method) })
	api, err := httpapi.New(httpapi.Options{IssueTicket: noTickets})
	if err != nil {
		t.Fatal(err)
	}
	if calls := described(t, api); !slices.Equal(told, calls) {
		t.Errorf("the guide has\n%v\nand the document\n%v", told, calls)
	}
}
