package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/httpapi"
	"github.com/hubbub-dev/hubbub/internal/testkit"
)

// titles are those of a user's notices.
func (s *stand) titles(user string) string {
	s.t.Helper()
	var all []string
	for _, n := range ok[httpapi.NoticePage](s, "GET", "/users/"+user+"/inbox", "").Notices {
		all = append(all, n.Title)
	}
	return strings.Join(all, " ")
}

// notice publishes one.
func (s *stand) notice(body string, header ...string) httpapi.PublishedNotice {
	s.t.Helper()
	a := s.call("POST", "/notices", body, header...)
	var done httpapi.PublishedNotice
	if err := json.Unmarshal(a.body, &done); err != nil || a.StatusCode != http.StatusAccepted || done.ID == "" || done.Time == 0 {
		s.t.Fatalf("POST /notices %s answers %d %s", body, a.StatusCode, a.body)
	}
	return done
}

func TestNotice(t *testing.T) {
	s := start(t, set{hub: hubbub.Options{Store: openStore(t)}})
	ann := s.sit(hubbub.Identity{User: "ann"})
	expires := in(time.Hour)
	done := s.notice(fmt.Sprintf(`{"to": {"user": "ann"}, "category": "orders", "title": "Shipped", "body": "<b>On</b> Friday", "link": "/orders/17",
		"actions": [{"label": "Track", "link": "https://example.com/", "data": 1}], "data": {"order": 17}, "collapse": "order-17",
		"expires": %d}`, expires))
	if done.Repeated || done.Scheduled || *done.Recipients != 1 {
		t.Errorf("answers %+v", done)
	}
	if got := ann.gets(t); got != "notice Shipped" {
		t.Errorf("ann is told %s", got)
	}
	page := ok[httpapi.NoticePage](s, "GET", "/users/ann/inbox?state=unseen&category=orders&limit=1", "")
	told, err := json.Marshal(page.Notices)
	want := fmt.Sprintf(`[{"id":%q,"category":"orders","title":"Shipped","body":"\u003cb\u003eOn\u003c/b\u003e Friday","link":"/orders/17",`+
		`"actions":[{"label":"Track","link":"https://example.com/","data":1}],"data":{"order":17},"state":"unseen","time":%d,"expires":%d,`+
		`"collapse":"order-17"}]`, done.ID, done.Time, expires)
	if err != nil || string(told) != want {
		t.Errorf("the inbox has\n%s, want\n%s", told, want)
	}
	s.counts("ann", `{"unread":1,"unseen":1,"categories":{"orders":{"unread":1,"unseen":1}}}`)
	s.counts("nobody", `{"unread":0,"unseen":0,"categories":{}}`)

	marked := ok[httpapi.Marked](s, "POST", "/users/ann/inbox/marks", `{"state": "seen", "ids": ["`+done.ID+`", "other"]}`)
	if marked.Changed != 1 || marked.Counts.Unseen != 0 || marked.Counts.Unread != 1 {
		t.Errorf("marking answers %+v", marked)
	}
	ok[httpapi.Marked](s, "POST", "/users/ann/inbox/marks", fmt.Sprintf(`{"state": "read", "category": "orders", "until": %d}`, done.Time-1))
	s.counts("ann", `{"unread":1,"unseen":0,"categories":{"orders":{"unread":1,"unseen":0}}}`)
	ok[httpapi.Marked](s, "POST", "/users/ann/inbox/marks", `{"state": "archived", "all": true}`)
	s.counts("ann", `{"unread":0,"unseen":0,"categories":{}}`)
	if got := s.titles("ann"); got != "" {
		t.Errorf("the inbox has %s", got)
	}
	ok[struct{}](s, "DELETE", "/notices/"+done.ID, "")
	s.refuse(refused{404, hubbub.NotFound, ""}, "DELETE", "/notices/"+done.ID, "")
	if page := ok[httpapi.NoticePage](s, "GET", "/users/ann/inbox?state=archived", ""); len(page.Notices) != 0 {
		t.Errorf("what was withdrawn is still there: %+v", page)
	}
}

// counts expects what a user has not dealt with, as it is on the wire.
func (s *stand) counts(user, want string) {
	s.t.Helper()
	if a := s.call("GET", "/users/"+user+"/inbox/counts", ""); a.StatusCode != 200 || strings.TrimSpace(string(a.body)) != want {
		s.t.Errorf("the counts of %s are %d %s, want %s", user, a.StatusCode, a.body, want)
	}
}

func TestPagesOfNotices(t *testing.T) {
	s := start(t, set{hub: hubbub.Options{Store: openStore(t)}})
	for i := range 5 {
		s.notice(fmt.Sprintf(`{"to": {"users": ["ann", "bob"]}, "title": "%d"}`, i))
	}
	var got []string
	next := ""
	for {
		page := ok[httpapi.NoticePage](s, "GET", "/users/bob/inbox?limit=2&before="+next, "")
		for _, n := range page.Notices {
			got = append(got, n.Title)
		}
		if next = page.Next; next == "" {
			break
		}
	}
	if len(got) != 5 {
		t.Errorf("the pages have %v", got)
	}
	s.refuse(refused{422, hubbub.Invalid, ""}, "GET", "/users/ann/inbox?before=nonsense", "")
	s.refuse(refused{422, hubbub.Invalid, "state"}, "GET", "/users/ann/inbox?state=new", "")
	s.refuse(refused{422, hubbub.Invalid, "limit"}, "GET", "/users/ann/inbox?limit=1001", "")
	s.refuse(refused{422, hubbub.Invalid, "unread"}, "GET", "/users/ann/inbox?unread=1", "")
	s.refuse(refused{422, hubbub.Invalid, "user"}, "GET", "/users/a%20b/inbox", "")
	s.refuse(refused{422, hubbub.Invalid, "user"}, "GET", "/users/a%20b/inbox/counts", "")
}

func TestRecipients(t *testing.T) {
	s := start(t, set{hub: hubbub.Options{Store: openStore(t)}})
	s.sit(hubbub.Identity{User: "ann", Attrs: map[string]string{"plan": "pro"}})
	s.sit(hubbub.Identity{User: "bob"})
	ok[httpapi.MemberSet](s, "PUT", "/rooms/team/members/bob", "")
	if done := s.notice(`{"to": {"users": ["ann", "ann", "cid"]}, "title": "users"}`); *done.Recipients != 2 {
		t.Errorf("two users are %d recipients", *done.Recipients)
	}
	if done := s.notice(`{"to": {"room": "team"}, "title": "room"}`); *done.Recipients != 1 {
		t.Errorf("the members are %d recipients", *done.Recipients)
	}
	if done := s.notice(`{"to": {"room": "nobodys"}, "title": "room"}`); done.Recipients == nil || *done.Recipients != 0 {
		t.Errorf("that a room has no members is said as %v", done.Recipients)
	}
	s.notice(`{"to": {"all": true, "attrs": {"plan": "pro"}}, "title": "pro"}`)
	all := s.notice(`{"to": {"all": true, "newcomers": true}, "title": "all", "link": "?welcome"}`)
	s.sit(hubbub.Identity{User: "new", Attrs: map[string]string{"plan": "pro"}})
	for user, want := range map[string]string{"ann": "all pro users", "bob": "all room", "new": "all"} {
		testkit.Eventually(t, "the inbox of "+user, func() bool { return s.titles(user) == want })
	}
	found := ok[httpapi.Announcements](s, "GET", "/announcements", "").Announcements
	if len(found) != 2 || found[0].Title != "pro" || found[0].Attrs["plan"] != "pro" || found[0].Newcomers || found[1].ID != all.ID ||
		found[1].Attrs != nil || !found[1].Newcomers || found[1].Link != "?welcome" || found[1].Time != all.Time || found[1].Expires == 0 {
		t.Errorf("the announcements are %+v", found)
	}
	ok[struct{}](s, "DELETE", "/notices/"+all.ID, "")
	if got := s.titles("new"); got != "" {
		t.Errorf("after it was withdrawn the inbox has %s", got)
	}
}

func TestScheduledNotices(t *testing.T) {
	s := start(t, set{hub: hubbub.Options{Store: openStore(t)}})
	past := s.notice(`{"to": {"user": "ann"}, "title": "past", "at": 1}`)
	if past.Scheduled || time.Since(time.UnixMilli(past.Time)) > time.Hour {
		t.Errorf("what should have been published is answered with %+v", past)
	}
	at := in(time.Hour)
	later := s.notice(fmt.Sprintf(`{"to": {"user": "ann"}, "title": "later", "at": %d}`, at))
	if !later.Scheduled || later.Time != at || s.titles("ann") != "past" {
		t.Errorf("in an hour is answered with %+v, and the inbox has %s", later, s.titles("ann"))
	}
	soon := s.notice(fmt.Sprintf(`{"to": {"user": "ann"}, "title": "soon", "at": %d}`, in(500*time.Millisecond)))
	testkit.Eventually(t, "it is published", func() bool { return s.titles("ann") == "soon past" })
	for _, id := range []string{later.ID, soon.ID} {
		ok[struct{}](s, "DELETE", "/notices/"+id, "")
	}
}

func TestNoticeKeys(t *testing.T) {
	secret, other := newKey(t, "other", httpapi.Publish)
	s := start(t, set{hub: hubbub.Options{Store: openStore(t)}, api: httpapi.Options{Keys: []httpapi.Key{other}}})
	const body = `{"to": {"user": "ann"}, "title": "one", "data": {"a": 1}%s}`
	first := s.notice(fmt.Sprintf(body, `, "key": "k"`))
	again := s.notice(fmt.Sprintf(body, ``), "Idempotency-Key", `"k"`)
	if again.ID != first.ID || !again.Repeated || again.Time != first.Time {
		t.Errorf("the same key is answered with %+v, then %+v", first, again)
	}
	s.refuse(refused{409, hubbub.Conflict, ""}, "POST", "/notices", `{"to": {"user": "ann"}, "title": "two", "key": "k"}`)
	s.refuse(refused{409, hubbub.Conflict, ""}, "POST", "/notices", `{"to": {"user": "bob"}, "title": "one", "data": {"a": 1}, "key": "k"}`)
	s.refuse(refused{422, hubbub.Invalid, "differ"}, "POST", "/notices", fmt.Sprintf(body, `, "key": "k"`), "Idempotency-Key", "k2")
	if theirs := s.notice(fmt.Sprintf(body, `, "key": "k"`), "Authorization", "Bearer "+secret); theirs.ID == first.ID || theirs.Repeated {
		t.Errorf("another API key's idempotency key is taken for this one's: %+v", theirs)
	}
	if got := s.titles("ann"); got != "one one" {
		t.Errorf("the inbox has %s", got)
	}
}

func TestHostileNotices(t *testing.T) {
	s := start(t, set{hub: hubbub.Options{Store: openStore(t)}})
	users := func(n int, name string) string {
		return `{"to": {"users": [` + strings.TrimSuffix(strings.Repeat(`"`+name+`",`, n), ",") + `]}, "title": "x"}`
	}
	with := func(fields string) string { return `{"to": {"user": "ann"}, "title": "x", ` + fields + `}` }
	to := func(fields string) string { return `{"to": {` + fields + `}, "title": "x"}` }
	tooLarge, invalid := refused{413, hubbub.TooLarge, ""}, refused{422, hubbub.Invalid, ""}
	for body, want := range map[string]refused{
		users(10_001, "ann"):                                                       tooLarge,
		users(9_000, strings.Repeat("n", hubbub.MaxName)):                          tooLarge,
		with(`"body": "` + strings.Repeat("x", 17<<10) + `"`):                      tooLarge,
		with(`"data": "` + strings.Repeat("x", 17<<10) + `"`):                      tooLarge,
		`{"to": {"user": "ann"}, "title": "` + strings.Repeat("x", 100_000) + `"}`: invalid,
		`{"to": {"user": "ann"}, "title": ""}`:                                     invalid,
		`{"to": {"user": "ann"}, "title": "a\nb"}`:                                 invalid,
		`{"to": {"user": "ann"}}`:                                                  invalid,
		`{"title": "x"}`:                                                           invalid,
		to(``):                                                                     {422, hubbub.Invalid, "exactly one"},
		to(`"users": []`):                                                          {422, hubbub.Invalid, "exactly one"},
		to(`"all": false`):                                                         {422, hubbub.Invalid, "exactly one"},
		to(`"user": "ann", "users": ["bob"]`):                                      {422, hubbub.Invalid, "exactly one"},
		to(`"user": "ann", "all": true`):                                           {422, hubbub.Invalid, "exactly one"},
		to(`"room": "team", "user": "ann"`):                                        {422, hubbub.Invalid, "exactly one"},
		to(`"user": "ann", "attrs": {"plan": "pro"}`):                              {422, hubbub.Invalid, "all: true"},
		to(`"room": "team", "newcomers": true`):                                    {422, hubbub.Invalid, "all: true"},
		to(`"user": "a b"`):                                                        {422, hubbub.Invalid, "user"},
		to(`"users": ["ann", "*"]`):                                                {422, hubbub.Invalid, "user"},
		to(`"users": [7]`):                                                         {422, hubbub.Invalid, "body.to.users[0]"},
		to(`"users": null`):                                                        invalid,
		to(`"room": "{x}"`):                                                        {422, hubbub.Invalid, "room"},
		to(`"all": true, "attrs": {"": "x"}`):                                      invalid,
		to(`"all": true, "attrs": {"plan": 7}`):                                    invalid,
		to(`"everybody": true`):                                                    {422, hubbub.Invalid, "body.to.everybody"},
		with(`"titel": "x"`):                                                       {422, hubbub.Invalid, "body.titel"},
		with(`"actions": [{"label": "x", "href": "/"}]`):                           {422, hubbub.Invalid, "body.actions[0].href"},
		with(`"actions": [{"link": "/"}]`):                                         {422, hubbub.Invalid, "body.actions[0]"},
		with(`"actions": [{"label": "x", "link": "data:text/html,x"}]`):            {422, hubbub.Invalid, "link"},
		with(`"link": "javascript:alert(1)"`):                                      {422, hubbub.Invalid, "link"},
		with(`"link": "JAVASCRIPT:alert(1)"`):                                      {422, hubbub.Invalid, "link"},
		with(`"link": "java\tscript:alert(1)"`):                                    {422, hubbub.Invalid, "link"},
		with(`"link": "//evil.example"`):                                           {422, hubbub.Invalid, "link"},
		with(`"category": "a b"`):                                                  {422, hubbub.Invalid, "category"},
		with(`"key": "` + strings.Repeat("k", 65) + `"`):                           {422, hubbub.Invalid, "key"},
		with(`"collapse": "` + strings.Repeat("k", 65) + `"`):                      {422, hubbub.Invalid, "collapse"},
		with(`"at": 0`):                                                            {422, hubbub.Invalid, "body.at"},
		with(`"at": -5`):                                                           {422, hubbub.Invalid, "body.at"},
		with(`"at": 1.5`):                                                          {422, hubbub.Invalid, "body.at"},
		with(`"at": "tomorrow"`):                                                   {422, hubbub.Invalid, "body.at"},
		with(`"at": 253402300799999`):                                              {422, hubbub.Invalid, "year"},
		with(`"at": 9223372036854775807`):                                          {422, hubbub.Invalid, "body.at"},
		with(`"at": 1e300`):                                                        {422, hubbub.Invalid, "body.at"},
		with(`"expires": 1000`):                                                    {422, hubbub.Invalid, "expires"},
		with(fmt.Sprintf(`"at": %d, "expires": %d`, in(time.Hour), in(time.Minute))): {422, hubbub.Invalid, "expires"},
	} {
		a := s.refuse(want, "POST", "/notices", body)
		if len(a.body) > 4096 {
			t.Errorf("%.100s is answered with %d bytes", body, len(a.body))
		}
	}
	for body, want := range map[string]refused{
		`{}`:                               {422, hubbub.Invalid, "state"},
		`{"state": "read"}`:                invalid,
		`{"state": "read", "ids": []}`:     invalid,
		`{"state": "read", "all": false}`:  invalid,
		`{"state": "unseen", "all": true}`: {422, hubbub.Invalid, "state"},
		`{"state": "read", "all": true, "category": "x"}`:                     invalid,
		`{"state": "read", "ids": ["x"], "until": 1}`:                         invalid,
		`{"state": "read", "ids": [` + strings.Repeat(`"x",`, 1000) + `"x"]}`: {413, hubbub.TooLarge, "1000"},
		`{"state": "read", "all": true, "user": "bob"}`:                       {422, hubbub.Invalid, "body.user"},
	} {
		s.refuse(want, "POST", "/users/ann/inbox/marks", body)
	}
	s.refuse(invalid, "POST", "/users/a%20b/inbox/marks", `{"state": "read", "all": true}`)
	s.refuse(refused{404, hubbub.NotFound, ""}, "DELETE", "/notices/"+strings.Repeat("x", 1000), "")
	if got := s.titles("ann"); got != "" {
		t.Errorf("what was refused is in the inbox: %s", got)
	}
}

func TestNoStore(t *testing.T) {
	s := start(t, set{})
	for call, body := range map[string]string{
		"POST /notices":               `{"to": {"user": "ann"}, "title": "x"}`,
		"DELETE /notices/x":           "",
		"GET /announcements":          "",
		"GET /users/ann/inbox":        "",
		"GET /users/ann/inbox/counts": "",
		"POST /users/ann/inbox/marks": `{"state": "read", "all": true}`,
	} {
		method, path, _ := strings.Cut(call, " ")
		s.refuse(refused{404, hubbub.NotFound, "store.path"}, method, path, body)
	}
	for _, call := range []string{"GET /rooms/team/members", "PUT /rooms/team/members/ann", "DELETE /rooms/team/members/ann", "GET /users/ann/rooms"} {
		method, path, _ := strings.Cut(call, " ")
		s.refuse(refused{404, hubbub.NotFound, "store"}, method, path, "")
	}
}
