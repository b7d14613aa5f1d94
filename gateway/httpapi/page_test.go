package httpapi_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/hubbub-dev/hubbub/gateway/httpapi"
	"github.com/hubbub-dev/hubbub/internal/testkit"
)

func TestPageFiles(t *testing.T) {
	s := start(t, set{})
	for path, kind := range map[string]string{"/": "text/html", "/page/page.js": "text/javascript", "/page/page.css": "text/css",
		"/page/swagger-ui.css": "text/css", "/page/swagger-ui-bundle.js": "text/javascript", "/openapi.json": "application/openapi+json"} {
		res, err := http.Get(s.url + httpapi.Prefix + path) // asks for gzip, and unpacks it
		if err != nil {
			t.Fatal(err)
		}
		packed, err := io.ReadAll(res.Body)
		res.Body.Close()
		plain := s.call("GET", path, "", "Accept-Encoding", "identity", "Authorization", "")
		if err != nil || res.StatusCode != 200 || string(packed) != string(plain.body) || !strings.HasPrefix(res.Header.Get("Content-Type"), kind) {
			t.Errorf("%s is answered with %s %v, %d bytes, %d without compression, %v", path, res.Status, res.Header, len(packed), len(plain.body), err)
		}
		policy := res.Header.Get("Content-Security-Policy")
		if !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") || strings.Contains(policy, "://") {
			t.Errorf("%s has the policy %s", path, policy)
		}
		if again := s.call("GET", path, "", "Accept-Encoding", "gzip", "If-None-Match", res.Header.Get("ETag")); again.StatusCode != 304 {
			t.Errorf("%s is sent again: %s", path, again.Status)
		}
		if path == "/" && strings.Contains(string(plain.body), "://") {
			t.Errorf("the page loads something from elsewhere: %s", plain.body)
		}
	}
}

// TestPage reads the document in a browser, and tries calls there.
func TestPage(t *testing.T) {
	s := start(t, set{})
	tab := testkit.Chromium(t)
	testkit.Do(t, tab, chromedp.EmulateViewport(390, 900), chromedp.Navigate(s.url+httpapi.Prefix+"/"),
		chromedp.WaitVisible(".opblock"))
	calls := described(t, s.api)
	if n := testkit.Evaluate[int](t, tab, `document.querySelectorAll(".opblock").length`); n != len(calls) {
		t.Errorf("the page shows %d calls of %d", n, len(calls))
	}
	if wide := testkit.Evaluate[int](t, tab, `document.documentElement.scrollWidth - innerWidth`); wide > 0 {
		t.Errorf("the page is %d pixels too wide", wide)
	}
	enterKey(t, tab, s.key)
	const at = "#operations-presence-count-online"
	testkit.Do(t, tab, chromedp.Click(at+" .opblock-summary-control"), chromedp.WaitVisible(at+" .execute"), chromedp.Click(at+" .execute"))
	testkit.Eventually(t, "the reply", func() bool {
		return strings.HasPrefix(testkit.Evaluate[string](t, tab,
			`document.querySelector("`+at+` .live-responses-table tbody .response-col_status")?.textContent ?? ""`), "200")
	})
	if kept := testkit.Evaluate[int](t, tab, `Object.values(localStorage).concat(Object.values(sessionStorage), document.cookie || []).length`); kept != 0 {
		t.Error("the page keeps something in the browser")
	}
}

// enterKey gives the page a key, as somebody who reads it would.
func enterKey(t *testing.T, tab context.Context, key string) {
	t.Helper()
	testkit.Do(t, tab, chromedp.Click(".auth-wrapper .authorize"), chromedp.WaitVisible(".auth-container input"),
		chromedp.SendKeys(".auth-container input", key), chromedp.Click(".auth-container .authorize"), chromedp.Click(".modal-ux .close-modal"),
		chromedp.WaitNotPresent(".modal-ux"))
}

// TestPageInTheDark shows that what is typed can be seen where the browser prefers dark pages.
func TestPageInTheDark(t *testing.T) {
	s := start(t, set{})
	tab := testkit.Chromium(t, chromedp.Flag("blink-settings", "preferredColorScheme=0"))
	testkit.Do(t, tab, chromedp.Navigate(s.url+httpapi.Prefix+"/"), chromedp.WaitVisible(".operation-filter-input"))
	if !testkit.Evaluate[bool](t, tab, `matchMedia("(prefers-color-scheme: dark)").matches`) {
		t.Fatal("the browser does not prefer dark pages")
	}
	if style := testkit.Evaluate[[]string](t, tab, `(({color, backgroundColor}) => [color, backgroundColor])(
		getComputedStyle(document.querySelector(".operation-filter-input")))`); style[0] == style[1] {
		t.Errorf("what is typed is %s on %s", style[0], style[1])
	}
}
