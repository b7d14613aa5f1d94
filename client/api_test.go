package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/client"
	"github.com/hubbub-dev/hubbub/gateway/httpapi"
)

// apiCalls makes each call of the HTTP API, by its operation in the OpenAPI document.
func apiCalls(ctx context.Context, a client.API) map[string]func() {
	return map[string]func(){
		"broadcast":          func() { a.Broadcast(ctx, 1) },
		"send-to-room":       func() { a.SendToRoom(ctx, "..", 1, client.SendOptions{Key: "k"}) },
		"send-to-user":       func() { a.SendToUser(ctx, "ann", "phone", 1) },
		"send-to-users":      func() { a.SendToUsers(ctx, []string{"ann"}, 1) },
		"batch":              func() { a.Batch(ctx, client.BatchCall{Method: "GET", Path: client.Path("online")}) },
		"event":              func() { a.Event(ctx, "listed", 1) },
		"count-online":       func() { a.Count(ctx) },
		"list-online-users":  func() { a.Online(ctx, hubbub.Filter{Room: "a b", Attr: "plan", Value: "pro"}, "ann", 7) },
		"get-user":           func() { a.User(ctx, "a/b") },
		"get-presences":      func() { a.Presence(ctx, "ann", "bob") },
		"stream-presence":    func() { a.WatchPresence(ctx, []string{"ann", "a,b"}, client.PresenceHandler{}) },
		"list-rooms":         func() { a.Rooms(ctx, "a", 7) },
		"get-room":           func() { a.Room(ctx, ".", "ann", 7) },
		"publish-notice":     func() { a.PublishNotice(ctx, client.NewNotice{To: client.NoticeFor{All: true}}) },
		"withdraw-notice":    func() { a.WithdrawNotice(ctx, "id") },
		"list-announcements": func() { a.Announcements(ctx) },
		"get-inbox":          func() { a.InboxOf(ctx, "ann", client.InboxQuery{State: "unread", Limit: 7}) },
		"get-inbox-counts":   func() { a.CountsOf(ctx, "ann") },
		"mark-inbox":         func() { a.MarkOf(ctx, "ann", client.InboxMark{State: client.MarkRead, All: true}) },
		"list-members":       func() { a.Members(ctx, "team", "ann", 7) },
		"set-member":         func() { a.SetMember(ctx, "team", "ann", hubbub.RoleAdmin) },
		"remove-member":      func() { a.RemoveMember(ctx, "team", "ann") },
		"list-memberships":   func() { a.Memberships(ctx, "ann", "a", 7) },
		"end-sessions":       func() { a.EndUser(ctx, "ann", "s1") },
		"end-session":        func() { a.EndSession(ctx, "ann", "s1") },
		"end-device":         func() { a.EndDevice(ctx, "ann", "phone") },
		"revoke":             func() { a.Revoke(ctx, "ann", client.Revocation{Device: "phone"}) },
		"issue-ticket":       func() { a.Ticket(ctx, client.TicketFor{User: "ann", TTL: time.Second}) },
		"block-user":         func() { a.Block(ctx, "ann", time.Now().Add(time.Hour)) },
		"unblock-user":       func() { a.Unblock(ctx, "ann") },
		"get-block":          func() { a.Blocked(ctx, "ann") },
		"erase-user":         func() { a.Erase(ctx, "ann") },
		"list-webhooks":      func() { a.Webhooks(ctx) },
		"list-nodes":         func() { a.Nodes(ctx) },
		"list-dead-webhooks": func() { a.DeadWebhooks(ctx, "billing", "17", 7) },
		"replay-webhooks":    func() { a.ReplayWebhooks(ctx, "billing", "id") },
		"test-webhook":       func() { a.TestWebhook(ctx, "billing") },
	}
}

// operations are the calls of the OpenAPI document: their methods, and what their paths look like.
func operations(t *testing.T) map[string]*regexp.Regexp {
	t.Helper()
	api, err := httpapi.New(httpapi.Options{IssueTicket: func(context.Context, hubbub.Identity, time.Duration) (string, time.Time, error) {
		return "", time.Time{}, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	var document struct {
		Paths map[string]map[string]struct{ OperationID string }
	}
	if err := json.Unmarshal(api.Document(), &document); err != nil {
		t.Fatal(err)
	}
	found := map[string]*regexp.Regexp{}
	for path, methods := range document.Paths {
		for method, op := range methods {
			path := regexp.MustCompile(`\{[a-z]+\}`).ReplaceAllString(path, "[^/]+")
			found[op.OperationID] = regexp.MustCompile("^" + strings.ToUpper(method) + " /api/v1" + path + "$")
		}
	}
	return found
}

// TestAPIHasAllCalls holds the methods against the OpenAPI document.
func TestAPIHasAllCalls(t *testing.T) {
	var asked, query string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked, query = r.Method+" "+r.URL.EscapedPath(), r.URL.RawQuery
		if (r.Header.Get("Idempotency-Key") == `"once"`) != (r.Method == http.MethodPost) || r.Header.Get("Authorization") != "Bearer key" {
			t.Errorf("%s has the header %v", asked, r.Header)
		}
		w.WriteHeader(http.StatusForbidden)
	}))
	defer server.Close()
	calls := apiCalls(t.Context(), client.API{URL: server.URL, Key: "key"}.Once("once"))
	described := operations(t)
	if got, want := slices.Sorted(maps.Keys(calls)), slices.Sorted(maps.Keys(described)); !slices.Equal(got, want) {
		t.Fatalf("the client has\n%v\nand the document\n%v", got, want)
	}
	for id, call := range calls {
		asked = ""
		call()
		if !described[id].MatchString(asked) {
			t.Errorf("%s asks %s?%s, want %s", id, asked, query, described[id])
		}
	}
}

// TestAPITimeout asks a gateway that does not answer.
func TestAPITimeout(t *testing.T) {
	hang := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}))
	defer hang.Close()
	_, err := client.API{URL: hang.URL, Timeout: time.Millisecond}.Broadcast(t.Context(), 1)
	if e, ok := errors.AsType[*hubbub.Error](err); !ok || e.Reason != hubbub.Unavailable {
		t.Errorf("answers %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := (client.API{URL: hang.URL}).Broadcast(ctx, 1); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("answers %v", err)
	}
}

// TestWatchPresence follows a user over a lost stream, until the key is taken away.
func TestWatchPresence(t *testing.T) {
	g := newGateway(t, hubbub.Options{})
	secret, key, err := httpapi.NewKey("tests", httpapi.Read)
	if err != nil {
		t.Fatal(err)
	}
	newAPI := func() *httpapi.API {
		api, err := httpapi.New(httpapi.Options{Hub: g.hub, Keys: []httpapi.Key{key}})
		if err != nil {
			t.Fatal(err)
		}
		return api
	}
	g.api.Store(newAPI())
	server := httptest.NewServer(g)
	defer server.Close()
	step, told := 0, ""
	err = client.API{URL: server.URL, Key: secret}.WatchPresence(t.Context(), []string{"ann"}, client.PresenceHandler{
		Ready: func() { told += "ready " },
		Lost:  func(error, time.Duration) { told += "lost " },
		Presence: func(p client.Presence) {
			told += p.User + " "
			old := g.api.Load()
			if step++; step == 1 {
				g.api.Store(newAPI())
				old.Close()
				return
			}
			if err := old.SetKeys(nil); err != nil {
				t.Error(err)
			}
		},
	})
	e, ok := errors.AsType[*hubbub.Error](err)
	if want := "ready ann lost ready ann lost "; told != want || !ok || e.Reason != hubbub.Unauthorized {
		t.Errorf("told %q, want %q, and ends with %v", told, want, err)
	}
}

func TestResult(t *testing.T) {
	var v struct{ ID string }
	if err := (client.Result{Status: 202, Body: json.RawMessage(`{"id": "x"}`)}).Decode(&v); err != nil || v.ID != "x" {
		t.Error(v, err)
	}
	err := client.Result{Status: 429, Body: json.RawMessage(`{"detail": "slow down", "reason": "rate_limited", "retry_after_ms": 1500}`)}.Decode(&v)
	if e, ok := errors.AsType[*hubbub.Error](err); !ok || e.Reason != hubbub.RateLimited || e.RetryAfter != 1500*time.Millisecond {
		t.Error(err)
	}
}
