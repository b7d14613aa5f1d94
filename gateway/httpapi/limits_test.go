package httpapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/httpapi"
)

func TestBodies(t *testing.T) {
	s := start(t, set{})
	const path = "/rooms/lobby/messages"
	for body, want := range map[string]refused{
		``:                           {400, hubbub.Invalid, "body"},
		`{"data": 1`:                 {400, hubbub.Invalid, "body"},
		`{"data": 1} {}`:             {400, hubbub.Invalid, "body"},
		"{\"data\": \"\xff\"}":       {400, hubbub.Invalid, "UTF-8"},
		`{"data": ` + nested(20_000): {400, hubbub.Invalid, "body"},
		`[1]`:                        {422, hubbub.Invalid, "object"},
		`null`:                       {422, hubbub.Invalid, "object"},
		`"data"`:                     {422, hubbub.Invalid, "object"},
		`{}`:                         {422, hubbub.Invalid, "data"},
		`{"data": 1, "dta": 2}`:      {422, hubbub.Invalid, "body.dta"},
		`{"data": 1, "key": 7}`:      {422, hubbub.Invalid, "body.key"},
		`{"data": "` + strings.Repeat("x", 1<<20) + `"}`:     {413, hubbub.TooLarge, "1048576"},
		`{"data": "` + strings.Repeat("x", 20<<10) + `"}`:    {413, hubbub.TooLarge, "16384"},
		strings.Repeat(" ", 1<<20-20) + `{"dat": 1}`:         {422, hubbub.Invalid, "body.dat"},
		`{"data": 1, "` + strings.Repeat("x", 1000) + `":1}`: {422, hubbub.Invalid, "unexpected"},
	} {
		s.refuse(want, "POST", path, body, "Content-Type", "application/json")
	}
	for _, media := range []string{"application/x-www-form-urlencoded", "text/plain", "application/json-seq", ";"} {
		s.refuse(refused{415, hubbub.Invalid, "Content-Type: application/json"}, "POST", path, `{"data": 1}`, "Content-Type", media)
	}
	ok[httpapi.Sent](s, "POST", path, `{"data": 1}`, "Content-Type", "")
	ok[httpapi.Sent](s, "POST", path, `{"data": 1}`, "Content-Type", "application/json; charset=utf-8")
}

func nested(depth int) string { return strings.Repeat("[", depth) + strings.Repeat("]", depth) + "}" }

// TestWrongValuesAreNotRepeated, since what somebody has sent to the wrong place may be a secret.
func TestWrongValuesAreNotRepeated(t *testing.T) {
	s := start(t, set{})
	for _, body := range []string{`{"data": 1, "key": ["s3cret"]}`, `{"s3cret"`, `{"data": s3cret}`} {
		if a := s.call("POST", "/rooms/lobby/messages", body); a.StatusCode < 400 || strings.Contains(string(a.body), "s3cret") {
			t.Errorf("%s answers %d %s", body, a.StatusCode, a.body)
		}
	}
}

func TestNoSuchCall(t *testing.T) {
	s := start(t, set{})
	for _, path := range []string{"", "/page", "/page/", "/page/page.go", "/broadcasts", "/users/ann/friends", "/openapi.yaml", "/docs", "/schemas/Sent.json"} {
		s.refuse(refused{404, hubbub.NotFound, "/api/v1/openapi.json"}, "GET", path, "")
	}
	for call, allow := range map[string]string{
		"GET /broadcast":            "POST",
		"DELETE /users":             "GET, HEAD",
		"PUT /rooms/lobby/messages": "POST",
	} {
		method, path, _ := strings.Cut(call, " ")
		a := s.refuse(refused{405, hubbub.Invalid, allow}, method, path, "")
		if got := a.Header.Get("Allow"); got != allow {
			t.Errorf("%s allows %s, want %s", call, got, allow)
		}
	}
}

// brokenDriver fails as if what it needs were gone.
type brokenDriver struct {
	hubbub.Driver
	count func(context.Context) (hubbub.Counts, error)
}

func (b brokenDriver) Count(ctx context.Context) (hubbub.Counts, error) { return b.count(ctx) }

func (b brokenDriver) Append(context.Context, hubbub.Draft) (hubbub.Appended, error) {
	return hubbub.Appended{}, &hubbub.Error{Reason: hubbub.RateLimited, Message: "too fast", RetryAfter: 1500 * time.Millisecond}
}

func TestFailures(t *testing.T) {
	fail := func(ctx context.Context) (hubbub.Counts, error) {
		return hubbub.Counts{}, errors.New("dial 192.0.2.1: refused")
	}
	broken := func(d hubbub.Driver) hubbub.Driver { return brokenDriver{d, fail} }
	s := start(t, set{broken: broken})
	a := s.refuse(refused{503, hubbub.Unavailable, "try again"}, "GET", "/online", "")
	if strings.Contains(string(a.body), "192.0.2.1") || !strings.Contains(s.log.String(), "192.0.2.1") {
		t.Errorf("the cause belongs into the log alone: answered %s, logged %s", a.body, s.log)
	}
	if !strings.Contains(s.log.String(), "count-online") || !strings.Contains(s.log.String(), "key=tests") {
		t.Errorf("the log does not say which call of whom failed: %s", s.log)
	}
	a = s.refuse(refused{429, hubbub.RateLimited, "too fast"}, "POST", "/rooms/lobby/messages", `{"data": 1}`)
	if got := a.Header.Get("Retry-After"); got != "2" || !strings.Contains(string(a.body), `"retry_after_ms":1500`) {
		t.Errorf("come back after %s: %s", got, a.body)
	}
}

func TestTimeout(t *testing.T) {
	hang := func(ctx context.Context) (hubbub.Counts, error) {
		<-ctx.Done()
		return hubbub.Counts{}, ctx.Err()
	}
	s := start(t, set{broken: func(d hubbub.Driver) hubbub.Driver { return brokenDriver{d, hang} },
		api: httpapi.Options{Timeout: time.Millisecond}})
	s.refuse(refused{503, hubbub.Unavailable, "try again"}, "GET", "/online", "")
	if !strings.Contains(s.log.String(), "deadline") {
		t.Errorf("logged %s", s.log)
	}
}

// TestUnfinishedBodies sends less than it promises.
func TestUnfinishedBodies(t *testing.T) {
	for ended, want := range map[bool]refused{true: {400, hubbub.Invalid, "ended early"}, false: {408, hubbub.Unavailable, "in time"}} {
		s := start(t, set{api: httpapi.Options{BodyTimeout: map[bool]time.Duration{true: time.Hour, false: time.Millisecond}[ended]}})
		raw := dial(t, s.url)
		if _, err := raw.Write([]byte("POST /api/v1/broadcast HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + s.key +
			"\r\nContent-Length: 100\r\n\r\n{\"data\"")); err != nil {
			t.Fatal(err)
		}
		if ended {
			if err := raw.CloseWrite(); err != nil {
				t.Fatal(err)
			}
		}
		res := readResponse(t, raw)
		var p httpapi.Problem
		err := json.NewDecoder(res.Body).Decode(&p)
		res.Body.Close()
		if err != nil || !strings.Contains(p.Detail, want.says) || res.StatusCode != want.status || p.Reason != want.reason || !res.Close {
			t.Errorf("answers %d %+v, %v", res.StatusCode, p, err)
		}
	}
}

// TestSlowCall takes longer than a body may: the body's time does not end it.
func TestSlowCall(t *testing.T) {
	wait := func(ctx context.Context) (hubbub.Presence, error) {
		timer := time.NewTimer(1500 * time.Millisecond)
		defer timer.Stop()
		select {
		case <-timer.C:
			return hubbub.Presence{User: "ann"}, nil
		case <-ctx.Done():
			return hubbub.Presence{}, ctx.Err()
		}
	}
	s := start(t, set{broken: func(d hubbub.Driver) hubbub.Driver { return slowDriver{d, wait} },
		api: httpapi.Options{BodyTimeout: time.Second}})
	ok[httpapi.Presences](s, "POST", "/presence", `{"users": ["ann"]}`)
}

// slowDriver takes its time to say who is online.
type slowDriver struct {
	hubbub.Driver
	presence func(context.Context) (hubbub.Presence, error)
}

func (d slowDriver) Presences(ctx context.Context, _ []string) ([]hubbub.Presence, error) {
	p, err := d.presence(ctx)
	return []hubbub.Presence{p}, err
}

// TestBodiesOfOtherMethods sends less than it promises with DELETE, and too much.
func TestBodiesOfOtherMethods(t *testing.T) {
	s := start(t, set{api: httpapi.Options{BodyTimeout: time.Millisecond}})
	raw := dial(t, s.url)
	if _, err := raw.Write([]byte("DELETE /api/v1/users/ann/sessions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + s.key +
		"\r\nContent-Length: 100\r\n\r\n{")); err != nil {
		t.Fatal(err)
	}
	res := readResponse(t, raw)
	res.Body.Close()
	if res.StatusCode != 408 || !res.Close {
		t.Errorf("a body that does not come is answered with %d", res.StatusCode)
	}
	s = start(t, set{})
	s.refuse(refused{413, hubbub.TooLarge, "1048576"}, "DELETE", "/users/ann/sessions", strings.Repeat(" ", 1<<20+1))
	s.refuse(refused{415, hubbub.Invalid, "JSON"}, "DELETE", "/users/ann/sessions", "x=y", "Content-Type", "text/plain")
	ok[httpapi.Ended](s, "DELETE", "/users/ann/sessions", "", "Content-Type", "text/plain")
}
