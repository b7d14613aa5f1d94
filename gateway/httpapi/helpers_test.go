package httpapi_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/memory"
	"github.com/hubbub-dev/hubbub/driver/sqlite"
	"github.com/hubbub-dev/hubbub/gateway/httpapi"
	"github.com/hubbub-dev/hubbub/inbox"
	"github.com/hubbub-dev/hubbub/internal/testkit"
)

// stand is an API on a real HTTP server before a hub with the memory driver.
type stand struct {
	t        testing.TB
	hub      *hubbub.Hub
	api      *httpapi.API
	url      string
	key      string // with the scope admin
	document validator.Validator
	log      *journal // of the API
}

// set is what a test wants to be different.
type set struct {
	hub    hubbub.Options
	api    httpapi.Options
	broken func(hubbub.Driver) hubbub.Driver // wraps the driver
}

func start(t testing.TB, s set) *stand {
	t.Helper()
	s.hub.Driver = memory.New(memory.Options{Grace: -1})
	if s.broken != nil {
		s.hub.Driver = s.broken(s.hub.Driver)
	}
	if s.hub.Store != nil {
		box := inbox.New(inbox.Options{Store: s.hub.Store, Bus: s.hub.Driver})
		box.Start()
		t.Cleanup(func() {
			if err := box.Close(context.WithoutCancel(t.Context())); err != nil {
				t.Error(err)
			}
		})
		s.hub.Counts, s.api.Inbox = box.Counts, box
	}
	hub, err := hubbub.New(t.Context(), s.hub)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := hub.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	secret, key, err := httpapi.NewKey("tests", httpapi.Admin)
	if err != nil {
		t.Fatal(err)
	}
	log := &journal{}
	s.api.Hub, s.api.Logger = hub, slog.New(slog.NewTextHandler(log, nil))
	s.api.Keys = append(s.api.Keys, key)
	api, err := httpapi.New(s.api)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(api)
	t.Cleanup(server.Close)
	return &stand{t: t, hub: hub, api: api, url: server.URL, key: secret, document: documentOf(t, api), log: log}
}

// openStore opens a new store.
func openStore(t testing.TB) hubbub.Store {
	t.Helper()
	store, err := sqlite.Open(t.Context(), sqlite.Options{Path: filepath.Join(t.TempDir(), "hubbub.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}

// documentOf reads the OpenAPI document of an API.
func documentOf(t testing.TB, api *httpapi.API) validator.Validator {
	t.Helper()
	parsed, err := libopenapi.NewDocument(api.Document())
	if err != nil {
		t.Fatal(err)
	}
	v, faults := validator.NewValidator(parsed)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	t.Cleanup(v.Release)
	return v
}

// answer is a response that was read.
type answer struct {
	*http.Response
	body []byte
}

// call makes a call below /api/v1 with the admin key, or with the header that is given in pairs. A body that is "" is none.
// Every answer must be as the OpenAPI document says.
func (s *stand) call(method, path, body string, header ...string) answer {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.url+httpapi.Prefix+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+s.key)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		if header[i+1] == "" {
			req.Header.Del(header[i])
			continue
		}
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	read, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	s.check(req, res, read)
	return answer{res, read}
}

// check holds an answer against the OpenAPI document.
func (s *stand) check(req *http.Request, res *http.Response, body []byte) {
	s.t.Helper()
	if strings.Contains(string(body), "no such call") || res.StatusCode == http.StatusMethodNotAllowed ||
		strings.HasSuffix(req.URL.Path, "/no/such/call") || res.Header.Get("Content-Security-Policy") != "" {
		return // the document does not describe what is not there
	}
	held := *res
	held.Body = io.NopCloser(bytes.NewReader(body))
	if ok, faults := s.document.ValidateHttpResponse(req, &held); !ok {
		for _, f := range faults {
			s.t.Errorf("%s %s answers %d %s, which is not as described: %s: %s %v", req.Method, req.URL.Path, res.StatusCode, body,
				f.Message, f.Reason, f.SchemaValidationErrors)
		}
	}
}

// ok makes a call that must succeed, and decodes its reply.
func ok[T any](s *stand, method, path, body string, header ...string) T {
	s.t.Helper()
	var v T
	a := s.call(method, path, body, header...)
	if a.StatusCode != http.StatusOK && a.StatusCode != http.StatusAccepted {
		s.t.Fatalf("%s %s answers %d %s", method, path, a.StatusCode, a.body)
	}
	if err := json.Unmarshal(a.body, &v); err != nil {
		s.t.Fatalf("%s %s answers %s: %v", method, path, a.body, err)
	}
	return v
}

// refused says what must be in a problem.
type refused struct {
	status int
	reason hubbub.Reason
	says   string // a part of the detail
}

// refuse makes a call that must fail.
func (s *stand) refuse(want refused, method, path, body string, header ...string) answer {
	s.t.Helper()
	a := s.call(method, path, body, header...)
	var p httpapi.Problem
	err := json.Unmarshal(a.body, &p)
	if err != nil || a.StatusCode != want.status || p.Status != want.status || p.Reason != want.reason ||
		!strings.Contains(p.Detail, want.says) || p.Title == "" {
		s.t.Errorf("%s %s answers %d %s, want %+v", method, path, a.StatusCode, a.body, want)
	}
	if got := a.Header.Get("Content-Type"); got != "application/problem+json" {
		s.t.Errorf("%s %s answers %d as %q", method, path, a.StatusCode, got)
	}
	if strings.Contains(string(a.body), s.key) {
		s.t.Errorf("%s %s shows the key: %s", method, path, a.body)
	}
	return a
}

// seat is the conn of a session.
type seat struct {
	session *hubbub.Session
	events  chan hubbub.Event // all but joins and leaves
	closed  chan hubbub.EndReason
}

// sit signs somebody in.
func (s *stand) sit(id hubbub.Identity, rooms ...string) *seat {
	s.t.Helper()
	c := &seat{events: make(chan hubbub.Event, 64), closed: make(chan hubbub.EndReason, 1)}
	var err error
	c.session, err = s.hub.Open(s.t.Context(), hubbub.Arrival{Identity: id, Conn: c, Transport: transport{}, Address: "192.0.2.7"})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(c.session.Closed)
	for _, room := range rooms {
		if err := c.session.Join(s.t.Context(), room, hubbub.JoinOptions{}, func(hubbub.JoinResult) {}); err != nil {
			s.t.Fatal(err)
		}
	}
	return c
}

// Send keeps an event.
func (c *seat) Send(e hubbub.Event) {
	switch e.(type) {
	case hubbub.Posted, hubbub.Direct, hubbub.Broadcast, hubbub.Noticed, hubbub.MemberChanged:
		c.events <- e
	}
}

// Close keeps the reason.
func (c *seat) Close(why hubbub.EndReason, _ hubbub.Retry) { c.closed <- why }

// gets waits for the next event and says what it is and its data.
func (c *seat) gets(t testing.TB) string {
	t.Helper()
	switch e := testkit.Receive(t, "an event", c.events).(type) {
	case hubbub.Posted:
		return "room " + e.Message.Stream.Room + " " + string(e.Message.Data)
	case hubbub.Direct:
		return "direct " + string(e.Data)
	case hubbub.Broadcast:
		return "broadcast " + string(e.Data)
	case hubbub.Noticed:
		return "notice " + e.Notice.Title
	case hubbub.MemberChanged:
		return "member " + e.Room + " " + e.User + " " + string(e.Role)
	default:
		t.Fatalf("got %T", e)
		return ""
	}
}

// transport delivers to seats.
type transport struct{}

func (transport) Audience(string, hubbub.SlowPolicy) hubbub.Audience { return audience{} }

type audience map[hubbub.Conn]bool

func (a audience) Add(c hubbub.Conn)    { a[c] = true }
func (a audience) Remove(c hubbub.Conn) { delete(a, c) }

func (a audience) Deliver(e hubbub.Event, except []hubbub.Conn) {
	for c := range a {
		if !contains(except, c) {
			c.Send(e)
		}
	}
}

func contains(all []hubbub.Conn, c hubbub.Conn) bool {
	for _, other := range all {
		if other == c {
			return true
		}
	}
	return false
}

// in is a time from now in Unix milliseconds.
func in(d time.Duration) int64 { return time.Now().Add(d).UnixMilli() }

// dial opens a connection on which a test writes HTTP by hand.
func dial(t testing.TB, url string) *net.TCPConn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn.(*net.TCPConn)
}

// readResponse reads what the server answers there.
func readResponse(t testing.TB, conn net.Conn) *http.Response {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(testkit.Patience)); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// journal is a log that may be read while it is written.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(b)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}
