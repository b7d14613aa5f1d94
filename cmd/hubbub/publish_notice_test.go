package main_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub/client"
)

// notice publishes one from the shell.
func (s *shell) notice(t *testing.T, args ...string) client.PublishedNotice {
	t.Helper()
	out, aside, code := s.run(t, "", append([]string{"publish"}, args...)...)
	var done client.PublishedNotice
	if err := json.Unmarshal([]byte(out), &done); code != 0 || err != nil || done.ID == "" {
		t.Fatalf("publish %q ends with %d and prints\n%s%s", args, code, out, aside)
	}
	return done
}

func TestPublishNotices(t *testing.T) {
	s := newShell(t)
	api := client.API{URL: "http://" + s.addr, Key: s.key}
	args := []string{"--user", "ann,bob", "--user", "cid", "--title", "Your order has shipped", "--body", "It arrives on Friday.",
		"--category", "orders", "--link", "/orders/17", "--data", `{"order":17}`, "--collapse", "order-17", "--key", "k", "--expires", "+24h"}
	first, again := s.notice(t, args...), s.notice(t, args...)
	if first.Recipients != 3 || first.Repeated || !again.Repeated || again.ID != first.ID {
		t.Errorf("publishing twice prints %+v and %+v", first, again)
	}
	page, err := api.InboxOf(t.Context(), "cid", client.InboxQuery{})
	if err != nil || len(page.Notices) != 1 {
		t.Fatalf("the inbox has %+v, %v", page, err)
	}
	n := page.Notices[0]
	if n.ID != first.ID || n.Title != args[5] || n.Body != args[7] || n.Category != "orders" || n.Link != "/orders/17" ||
		string(n.Data) != `{"order":17}` || n.Collapse != "order-17" || n.Expires.Sub(n.Time.Time).Round(time.Minute) != 24*time.Hour {
		t.Errorf("the notice is %+v", n)
	}
	later := s.notice(t, "--all", "--attr", "plan=pro", "--attr", "region=eu;us", "--newcomers", "--title", "later", "--at", "+10m", "--expires", "+1h")
	if left := time.Until(later.Time.Time).Round(time.Minute); !later.Scheduled || left != 10*time.Minute {
		t.Errorf("in ten minutes is %+v, in %v", later, left)
	}
	s.notice(t, "--room", "lobby", "--title", "to its members", "--at", "2020-01-02T03:04:05Z")
	if _, aside, code := s.run(t, "", "publish", "--room", "nobodys", "--title", "x"); code != 0 || !strings.Contains(aside, "no members") {
		t.Errorf("a notice to nobody ends with %d and says %q", code, aside)
	}
	for _, id := range []string{first.ID, later.ID} {
		if out, aside, code := s.run(t, "", "publish", "--withdraw", id); code != 0 || out != "{}\n" {
			t.Errorf("withdrawing ends with %d and prints\n%s%s", code, out, aside)
		}
	}
	if counts, err := api.CountsOf(t.Context(), "ann"); err != nil || counts.Unread != 0 {
		t.Errorf("after it was withdrawn the counts are %+v, %v", counts, err)
	}

	for _, c := range []struct {
		args  []string
		code  int
		aside string
	}{
		{[]string{"--user", "ann", "--title", ""}, 3, "title"},
		{[]string{"--user", "ann", "--title", "x", "--link", "javascript:alert(1)"}, 3, "link"},
		{[]string{"--user", "ann", "--title", "x", "--at", "2999-01-01T00:00:00Z"}, 3, "year"},
		{[]string{"--user", "a b", "--title", "x"}, 3, "user"},
		{[]string{"--withdraw", first.ID}, 3, "not_found"},
		{[]string{"--withdraw", first.ID, "--title", "x"}, 1, "alone"},
		{[]string{"--withdraw", first.ID, "--all"}, 80, "can't be used together"},
		{[]string{"--title", "x"}, 80, "--user"},
		{[]string{"--user", "ann", "--title", "x", "1"}, 1, "--data"},
		{[]string{"--user", "ann", "--title", "x", "--data", "{"}, 1, "not JSON"},
		{[]string{"--user", "ann", "--title", "x", "--device", "d1"}, 1, "--device"},
		{[]string{"--user", "ann", "--title", "x", "--attr", "plan=pro"}, 1, "--all"},
		{[]string{"--room", "team", "--title", "x", "--newcomers"}, 1, "--all"},
		{[]string{"--all", "--title", "x", "--attr", "plan"}, 80, "--attr"},
		{[]string{"--user", "ann", "--title", "x", "--at", "10m"}, 1, "+10m"},
		{[]string{"--user", "ann", "--title", "x", "--at", "+soon"}, 1, "+10m"},
		{[]string{"--user", "ann", "--title", "x", "--expires", "tomorrow"}, 1, "--expires"},
		{[]string{"--user", "ann", "--body", "x", "1"}, 1, "--title"},
		{[]string{"--room", "team", "--expires", "+1h", "1"}, 1, "--title"},
		{[]string{"--user", "ann,bob", "--device", "d1", "1"}, 1, "--device"},
	} {
		if _, aside, code := s.run(t, "", append([]string{"publish"}, c.args...)...); code != c.code || !strings.Contains(aside, c.aside) {
			t.Errorf("publish %q ends with %d, want %d, and says\n%s", c.args, code, c.code, aside)
		}
	}
}
