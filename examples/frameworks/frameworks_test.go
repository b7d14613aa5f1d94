package frameworks_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hubbub-dev/hubbub/examples/internal/run"
	"github.com/hubbub-dev/hubbub/ws"
)

// TestFrameworks runs the same small program in each web framework and expects the same of all.
func TestFrameworks(t *testing.T) {
	names := []string{"servemux", "chi", "gin", "echo"}
	programs := run.Build(t, names...)
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			p := run.Start(t, filepath.Join(programs, name))
			t.Run("conns", func(t *testing.T) { testConns(t, "ws://"+p.Addr) })
			t.Run("refusals", func(t *testing.T) { testRefusals(t, "ws://"+p.Addr) })
			t.Run("pages", func(t *testing.T) { testPages(t, "http://"+p.Addr) })
		})
	}
}

func testConns(t *testing.T, url string) {
	id := ws.DialOptions{Header: http.Header{"X-Request-Id": {"r1"}}}
	echo := run.Dial(t, url+"/echo", id)
	echo.Say(t, "hello")
	echo.Want(t, "hello")
	run.Dial(t, url+"/chat/kitchen?token=secret", id).Want(t, "room kitchen, request r1")
	run.Dial(t, url+"/users/ann", id).Want(t, "user ann")
	if err := echo.Context().Err(); err != nil {
		t.Errorf("a conn ended beside others: %v", err)
	}
	echo.Say(t, "still there?")
	echo.Want(t, "still there?")
	echo.Close(ws.CodeNormal, "")
	if why := echo.Closed(t); why.Code != ws.CodeNormal {
		t.Errorf("closed with %d, want 1000", why.Code)
	}
}

func testRefusals(t *testing.T, url string) {
	for path, want := range map[string]int{
		"/chat/kitchen":                   http.StatusUnauthorized,
		"/chat/kitchen?token=bad":         http.StatusUnauthorized,
		"/chat/kitchen/more?token=secret": http.StatusNotFound,
		"/nowhere":                        http.StatusNotFound,
	} {
		refused := run.Refused(t, url+path, ws.DialOptions{})
		if refused.Status != want {
			t.Errorf("%s: %d %s, want %d", path, refused.Status, refused.Body, want)
		}
		if want == http.StatusUnauthorized && refused.Header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: the challenge was lost: %v", path, refused.Header)
		}
	}
	foreign := ws.DialOptions{Header: http.Header{"Origin": {"https://elsewhere.example"}}}
	if refused := run.Refused(t, url+"/echo", foreign); refused.Status != http.StatusForbidden {
		t.Errorf("a page from elsewhere: %d, want 403", refused.Status)
	}
}

func testPages(t *testing.T, url string) {
	for _, page := range []struct {
		path   string
		status int
		text   string
	}{
		{"/", http.StatusOK, "the first page"},
		{"/echo", http.StatusOK, "the echo page"},
		{"/users/ann", http.StatusUpgradeRequired, ""},
		{"/chat/kitchen", http.StatusUnauthorized, "a token is needed"},
		{"/chat/kitchen?token=secret", http.StatusNotFound, ""}, // the Fallback's, behind the middleware
		{"/nowhere", http.StatusNotFound, ""},
	} {
		status, body := run.Get(t, url+page.path)
		if status != page.status || !strings.Contains(body, page.text) {
			t.Errorf("GET %s: %d %q, want %d and %q", page.path, status, body, page.status, page.text)
		}
	}
}
