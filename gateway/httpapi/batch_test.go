package httpapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/httpapi"
)

// statuses are those of a batch.
func statuses(r httpapi.Results) string {
	var all []string
	for _, one := range r.Results {
		all = append(all, fmt.Sprint(one.Status))
	}
	return strings.Join(all, " ")
}

// shown is what a failing test shows of them.
func shown(r httpapi.Results) string {
	var all []string
	for _, one := range r.Results {
		all = append(all, string(one.Body))
	}
	return strings.Join(all, "\n")
}

func TestBatch(t *testing.T) {
	s := start(t, set{hub: hubbub.Options{Store: openStore(t)}, api: httpapi.Options{IssueTicket: noTickets}})
	ann := s.sit(hubbub.Identity{User: "ann", Device: "phone"}, "eu/lobby")
	got := ok[httpapi.Results](s, "POST", "/batch", `{"calls": [
		{"method": "POST", "path": "/rooms/eu%2Flobby/messages", "body": {"data": 1}, "key": "a\"b"},
		{"method": "POST", "path": "/rooms/eu%2Flobby/messages", "body": {"data": 2}, "key": "a\"b"},
		{"method": "POST", "path": "/messages", "body": {"users": ["ann", "bob"], "data": 3}},
		{"method": "GET", "path": "/users?limit=1"},
		{"method": "GET", "path": "/users?limt=1"},
		{"method": "PUT", "path": "/rooms/team/members/ann", "body": {"role": "owner"}},
		{"method": "PUT", "path": "/users/cat/block"},
		{"method": "DELETE", "path": "/users/cat/block"},
		{"method": "POST", "path": "/notices", "body": {"to": {"user": "ann"}, "title": "hi"}},
		{"method": "POST", "path": "/users/ann/messages", "body": {"dta": 3}},
		{"method": "POST", "path": "/users/nobody/messages", "body": {"data": 3}},
		{"method": "POST", "path": "/tickets", "body": {"user": "ann"}}
	]}`)
	if want := "200 409 200 200 422 200 200 200 202 422 404 503"; statuses(got) != want {
		t.Errorf("the statuses are %s, want %s: %s", statuses(got), want, shown(got))
	}
	var sent httpapi.SentToUsers
	if err := json.Unmarshal(got.Results[2].Body, &sent); err != nil || len(sent.Offline) != 1 || sent.Offline[0] != "bob" {
		t.Errorf("sent to users: %s, %v", got.Results[2].Body, err)
	}
	for _, want := range []string{"room eu/lobby 1", "direct 3", "member team ann owner", "notice hi"} {
		if got := ann.gets(t); got != want {
			t.Errorf("ann gets %s, want %s", got, want)
		}
	}
}

func TestBatchRefuses(t *testing.T) {
	s := start(t, set{})
	for path, status := range map[string]int{
		"/batch": 422, "/events": 422, "/presence/stream": 422, "/presence/stream?user=a": 422, "/nothing": 404, "//online": 404, "/users/../online": 404,
		"online": 422, "http://elsewhere/online": 422, "/on line": 404, "/%zz": 422, "/openapi.json": 404, "/../../metrics": 404, "": 422,
		"/online#x": 404, "?": 422,
	} {
		method := "POST"
		if strings.Contains(path, "stream") || strings.Contains(path, "online") || strings.Contains(path, "openapi") {
			method = "GET"
		}
		call, err := json.Marshal(httpapi.Batch{Calls: []httpapi.BatchCall{{Method: method, Path: path}}})
		if err != nil {
			t.Fatal(err)
		}
		a := s.call("POST", "/batch", string(call))
		if a.StatusCode == http.StatusOK {
			var got httpapi.Results
			if err := json.Unmarshal(a.body, &got); err != nil {
				t.Fatal(err)
			}
			a.StatusCode = got.Results[0].Status
		}
		if a.StatusCode != status {
			t.Errorf("%s %q answers %d, want %d: %s", method, path, a.StatusCode, status, a.body)
		}
	}
	many := strings.Repeat(`{"method": "GET", "path": "/online"},`, 101)
	for body, says := range map[string]string{
		`{"calls": []}`: "body.calls",
		`{"calls": [` + strings.TrimSuffix(many, ",") + `]}`:       "body.calls",
		`{"calls": [{"method": "TRACE", "path": "/online"}]}`:      "body.calls[0].method",
		`{"calls": [{"method": "GET", "path": "/online", "x":1}]}`: "body.calls[0].x",
		`{}`: "body",
	} {
		s.refuse(refused{422, hubbub.Invalid, says}, "POST", "/batch", body)
	}
	got := ok[httpapi.Results](s, "POST", "/batch", `{"calls": [{"method": "DELETE", "path": "/users/ann/sessions", "key": "k"},
		{"method": "POST", "path": "/broadcast", "key": "a\r\nX-Evil: 1", "body": {"data": 1}},
		{"method": "POST", "path": "/rooms/lobby/messages", "key": "a\r\nX-Evil: 1", "body": {"data": 1}},
		{"method": "POST", "path": "/broadcast"}, {"method": "POST", "path": "/broadcast", "body": {"data": 1}}]}`)
	if want := "422 422 422 400 200"; statuses(got) != want {
		t.Errorf("the statuses are %s, want %s: %s", statuses(got), want, shown(got))
	}
}

// TestBatchHasNoMoreRights than its calls would have alone, nor a higher rate.
func TestBatchHasNoMoreRights(t *testing.T) {
	secret, key := newKey(t, "busy", httpapi.Read)
	s := start(t, set{api: httpapi.Options{Keys: []httpapi.Key{key}, Rate: hubbub.Rate{PerSecond: 0.001, Burst: 4}}})
	got := ok[httpapi.Results](s, "POST", "/batch", `{"calls": [{"method": "GET", "path": "/online"}, {"method": "POST", "path": "/broadcast", "body": {"data": 1}},
		{"method": "DELETE", "path": "/users/ann"}, {"method": "GET", "path": "/online"}, {"method": "GET", "path": "/online"}]}`,
		"Authorization", "Bearer "+secret)
	if want := "200 403 403 429 429"; statuses(got) != want {
		t.Errorf("the statuses are %s, want %s: %s", statuses(got), want, shown(got))
	}
}

// TestBatchIsBounded asks for far more than a reply may have.
func TestBatchIsBounded(t *testing.T) {
	s := start(t, set{broken: func(d hubbub.Driver) hubbub.Driver { return largeDriver{d} }})
	calls := strings.TrimSuffix(strings.Repeat(`{"method": "POST", "path": "/presence", "body": {"users": ["ann"]}},`, 100), ",")
	a := s.call("POST", "/batch", `{"calls": [`+calls+`]}`)
	var got httpapi.Results
	if err := json.Unmarshal(a.body, &got); err != nil {
		t.Fatal(err)
	}
	if len(a.body) > 9<<20 || len(got.Results) != 100 || got.Results[0].Status != 200 || got.Results[99].Status != 413 {
		t.Errorf("answers %d bytes, %s", len(a.body), statuses(got))
	}
}

// largeDriver knows much about everybody.
type largeDriver struct{ hubbub.Driver }

func (largeDriver) Presences(_ context.Context, users []string) ([]hubbub.Presence, error) {
	return []hubbub.Presence{{User: users[0], Info: json.RawMessage(`"` + strings.Repeat("x", 1<<20) + `"`)}}, nil
}

// TestBatchAgain sends a batch again of which one call has failed.
func TestBatchAgain(t *testing.T) {
	s := start(t, set{})
	bob := s.sit(hubbub.Identity{User: "bob", Device: "phone"}, "lobby")
	body := `{"calls": [{"method": "POST", "path": "/broadcast", "body": {"data": 1}}, {"method": "POST", "path": "/users/ann/messages", "body": {"data": 2}},
		{"method": "POST", "path": "/rooms/lobby/messages", "body": {"data": 3}}]}`
	first := ok[httpapi.Results](s, "POST", "/batch", body, "Idempotency-Key", "import")
	second := ok[httpapi.Results](s, "POST", "/batch", body, "Idempotency-Key", "import")
	if statuses(first) != "200 404 200" || string(first.Results[0].Body) != string(second.Results[0].Body) ||
		string(first.Results[2].Body) != string(second.Results[2].Body) {
		t.Errorf("answers %s and then %s", shown(first), shown(second))
	}
	other := ok[httpapi.Results](s, "POST", "/batch", strings.ReplaceAll(body, `"data": 1`, `"data": 4`), "Idempotency-Key", "import")
	if statuses(other) != "409 404 200" {
		t.Errorf("other content is answered with %s", statuses(other))
	}
	ok[httpapi.Sent](s, "POST", "/broadcast", `{"data": "end"}`)
	for _, want := range []string{"broadcast 1", "room lobby 3", `broadcast "end"`} {
		if got := bob.gets(t); got != want {
			t.Errorf("bob gets %s, want %s", got, want)
		}
	}
}

func TestEvents(t *testing.T) {
	events := func(_ context.Context, typ string, data json.RawMessage) ([]httpapi.Call, error) {
		switch typ {
		case "bad":
			return nil, hubbub.Errorf(hubbub.Invalid, "data has no room")
		case "listed":
			return []httpapi.Call{{"POST", "/rooms/shop/messages", json.RawMessage(`{"data": ` + string(data) + `}`)},
				{"POST", "/broadcast", json.RawMessage(`{"data": 1}`)}, {"DELETE", "/users/ann/sessions", nil}, {"POST", "/batch", json.RawMessage(`{"calls":[]}`)}}, nil
		}
		return nil, nil
	}
	secret, key := newKey(t, "catalog", httpapi.Publish)
	s := start(t, set{api: httpapi.Options{Keys: []httpapi.Key{key}, Events: events, Rate: hubbub.Rate{PerSecond: 0.001, Burst: 5}}})
	catalog := []string{"Authorization", "Bearer " + secret}
	body := `{"type": "listed", "data": {"id": 7}, "key": "listed-7"}`
	first := ok[httpapi.Steps](s, "POST", "/events", body, catalog...)
	again := ok[httpapi.Steps](s, "POST", "/events", body, catalog...)
	got := ""
	for i, step := range first.Results {
		got += fmt.Sprintf("%s %d, ", step.Call, step.Status)
		if string(step.Body) != string(again.Results[i].Body) {
			t.Errorf("%s answers %s and then %s", step.Call, step.Body, again.Results[i].Body)
		}
	}
	if want := "POST /rooms/shop/messages 200, POST /broadcast 200, DELETE /users/ann/sessions 200, POST /batch 422, "; got != want {
		t.Errorf("led to %s, want %s", got, want)
	}
	s.refuse(refused{404, hubbub.NotFound, `"other"`}, "POST", "/events", `{"type": "other"}`, catalog...)
	s.refuse(refused{422, hubbub.Invalid, "no room"}, "POST", "/events", `{"type": "bad"}`, catalog...)
	s.refuse(refused{422, hubbub.Invalid, "differ"}, "POST", "/events", body, append(catalog, "Idempotency-Key", "x")...)
	s.refuse(refused{429, hubbub.RateLimited, ""}, "POST", "/events", body, catalog...)
	start(t, set{}).refuse(refused{404, hubbub.NotFound, "setting events"}, "POST", "/events", body)
}
