package httpapi_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/httpapi"
	"github.com/hubbub-dev/hubbub/internal/testkit"
)

// follow opens a stream of presence. What it tells comes as "ready" and "USER true"; the channel is closed at its end.
func (s *stand) follow(query, key string) <-chan string {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	s.t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, "GET", s.url+httpapi.Prefix+"/presence/stream"+query, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("X-API-Key", key)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	if res.StatusCode != 200 || res.Header.Get("Content-Type") != "text/event-stream" {
		s.t.Fatalf("the stream is answered with %s %v", res.Status, res.Header)
	}
	told := make(chan string, 64)
	go func() {
		defer close(told)
		defer res.Body.Close()
		for lines := bufio.NewScanner(res.Body); lines.Scan(); {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				var p httpapi.Presence
				if err := json.Unmarshal([]byte(data), &p); err != nil {
					s.t.Error(err)
				}
				if p.User == "" {
					told <- "ready"
					continue
				}
				told <- fmt.Sprint(p.User, " ", p.Online)
			}
		}
	}()
	return told
}

func expect(t *testing.T, told <-chan string, want ...string) {
	t.Helper()
	for _, w := range want {
		if got := testkit.Receive(t, w, told); got != w {
			t.Errorf("told %q, want %q", got, w)
		}
	}
}

func ended(t *testing.T, told <-chan string) {
	t.Helper()
	select {
	case got, more := <-told:
		if more {
			t.Errorf("told %q instead of the end", got)
		}
	case <-time.After(testkit.Patience):
		t.Error("the stream goes on")
	}
}

func TestStream(t *testing.T) {
	s := start(t, set{})
	some := s.follow("?user=ann&user=bob", s.key)
	expect(t, some, "ready", "ann false", "bob false")
	s.sit(hubbub.Identity{User: "cat", Device: "phone"})
	ann := s.sit(hubbub.Identity{User: "ann", Device: "phone"})
	expect(t, some, "ann true")
	all := s.follow("", s.key)
	expect(t, all, "ready")
	ok[httpapi.Ended](s, "DELETE", "/users/ann/sessions", "")
	testkit.Receive(t, "the end", ann.closed)
	expect(t, some, "ann false")
	expect(t, all, "ann false")
	s.api.Close()
	ended(t, all)
	ended(t, some)
	s.refuse(refused{503, hubbub.Unavailable, "shutting down"}, "GET", "/presence/stream", "")
}

func TestStreamRefuses(t *testing.T) {
	s := start(t, set{})
	s.refuse(refused{422, hubbub.Invalid, "user"}, "GET", "/presence/stream?user=a%20b", "")
	s.refuse(refused{422, hubbub.Invalid, "user"}, "GET", "/presence/stream?user=", "")
	s.refuse(refused{422, hubbub.Invalid, "user"}, "GET", "/presence/stream?"+strings.Repeat("user=a&", 1001)+"user=b", "")
	s.refuse(refused{422, hubbub.Invalid, "users"}, "GET", "/presence/stream?users=a", "")
	var open []<-chan string
	for range 16 {
		open = append(open, s.follow("", s.key))
	}
	s.refuse(refused{429, hubbub.RateLimited, "16 streams"}, "GET", "/presence/stream", "")
	if err := s.api.SetKeys(nil); err != nil {
		t.Fatal(err)
	}
	for _, told := range open {
		expect(t, told, "ready")
		ended(t, told)
	}
}

func TestKeyFile(t *testing.T) {
	first, one := newKey(t, "billing", httpapi.Read)
	second, two := newKey(t, "billing", httpapi.Read, httpapi.Publish)
	path := filepath.Join(t.TempDir(), "keys")
	age := time.Now()
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		age = age.Add(time.Second)
		if err := os.Chtimes(path, age, age); err != nil {
			t.Fatal(err)
		}
	}
	write("# keys of backends\n\n" + one.Line() + "\n")
	s := start(t, set{api: httpapi.Options{KeyFile: path}})
	status := func(key string) int { return s.call("GET", "/online", "", "Authorization", "Bearer "+key).StatusCode }
	if status(first) != 200 || status(second) != 401 || status(s.key) != 200 {
		t.Error("the key of the file is not the one that counts")
	}
	told := s.follow("", first)
	expect(t, told, "ready")
	write(one.Line() + "\n" + two.Line())
	testkit.Eventually(t, "the second key", func() bool { return status(second) == 200 })
	write("")
	testkit.Eventually(t, "the complaint", func() bool { status(first); return strings.Contains(s.log.String(), "empty") })
	write("billing " + second + " read\n")
	testkit.Eventually(t, "the complaint", func() bool { status(first); return strings.Contains(s.log.String(), "is a key itself") })
	if status(first) != 200 || status(second) != 200 {
		t.Error("a broken file takes keys away")
	}
	write(two.Line())
	ended(t, told) // by itself
	if status(first) != 401 || status(second) != 200 || status(s.key) != 200 {
		t.Error("the old key is still there, or another has gone")
	}
	if strings.Contains(s.log.String(), first) || strings.Contains(s.log.String(), second) {
		t.Errorf("the log has keys in it: %s", s.log)
	}
	for text, says := range map[string]string{"billing": "line 1 has 1 words", one.Line() + "\n" + one.Line(): "there twice", "a b c d": "4 words",
		one.Line() + ",raed": `"raed"`} {
		write(text)
		if _, err := httpapi.LoadKeys(path); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", text, err)
		}
		if _, err := httpapi.New(httpapi.Options{KeyFile: path}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestSlowReader opens a stream and does not read it, while many come and go: it is cut, and the others are told.
func TestSlowReader(t *testing.T) {
	s := start(t, set{api: httpapi.Options{Timeout: 200 * time.Millisecond}})
	raw := dial(t, s.url)
	if err := raw.SetReadBuffer(1 << 10); err != nil {
		t.Fatal(err)
	}
	if _, err := raw.Write([]byte("GET /api/v1/presence/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + s.key + "\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	good := s.follow("?user=last", s.key)
	expect(t, good, "ready", "last false")
	testkit.Eventually(t, "the other stream", func() bool { return s.api.Streams() == 2 })
	info := json.RawMessage(`{"name": "` + strings.Repeat("x", 2000) + `"}`)
	for i := 0; s.api.Streams() == 2; i++ {
		seat := s.sit(hubbub.Identity{User: fmt.Sprint("user", i%1000), Device: "phone", Info: info})
		seat.session.Closed()
		if i > 100_000 {
			t.Fatal("the slow reader is still there")
		}
	}
	s.sit(hubbub.Identity{User: "last", Device: "phone"})
	expect(t, good, "last true")
}
