package web_test

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hubbub-dev/hubbub/gateway/web"
)

func request(t *testing.T, method, path, etag string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, nil)
	if etag != "" {
		r.Header.Set("If-None-Match", etag)
	}
	w := httptest.NewRecorder()
	web.Demo().ServeHTTP(w, r)
	return w
}

func TestPageIsServedWithItsPolicy(t *testing.T) {
	w := request(t, "GET", "/", "")
	if w.Code != 200 || w.Header().Get("Content-Type") != "text/html; charset=utf-8" {
		t.Fatalf("%d %v", w.Code, w.Header())
	}
	policy := w.Header().Get("Content-Security-Policy")
	if !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
		t.Errorf("policy is %q", policy)
	}
	if again := request(t, "GET", "/", w.Header().Get("ETag")); again.Code != http.StatusNotModified {
		t.Errorf("the unchanged page is sent again: %d", again.Code)
	}
}

func TestEverythingThatThePageNamesIsServed(t *testing.T) {
	page := request(t, "GET", "/", "").Body.String()
	names := regexp.MustCompile(`(?:src|href)="([^"#]+)"`).FindAllStringSubmatch(page, -1)
	if len(names) < 3 {
		t.Fatalf("found only %v", names)
	}
	for _, name := range names {
		if w := request(t, "GET", "/"+name[1], ""); w.Code != 200 {
			t.Errorf("%s answers %d", name[1], w.Code)
		}
	}
	scripts := []string{"main.js"}
	for seen := map[string]bool{}; len(scripts) > 0; scripts = scripts[1:] {
		if seen[scripts[0]] {
			continue
		}
		seen[scripts[0]] = true
		script := request(t, "GET", "/demo/"+scripts[0], "")
		if kind := script.Header().Get("Content-Type"); script.Code != 200 || !strings.HasPrefix(kind, "text/javascript") {
			t.Errorf("%s answers %d as %q", scripts[0], script.Code, kind)
		}
		for _, name := range regexp.MustCompile(`from "\./([^"]+)"`).FindAllStringSubmatch(script.Body.String(), -1) {
			scripts = append(scripts, name[1])
		}
	}
}

// TestScriptsMakeNoMarkup keeps to what makes hostile names and messages harmless: nothing turns text into elements.
func TestScriptsMakeNoMarkup(t *testing.T) {
	scripts, err := filepath.Glob("demo/*.js")
	if err != nil || len(scripts) < 5 {
		t.Fatalf("found only %v, %v", scripts, err)
	}
	for _, name := range scripts {
		script := request(t, "GET", "/"+name, "").Body.String()
		for _, sink := range []string{"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "DOMParser", "eval("} {
			if strings.Contains(script, sink) {
				t.Errorf("%s uses %s", name, sink)
			}
		}
	}
}

func TestNothingElseIsServed(t *testing.T) {
	for _, path := range []string{"/demo", "/demo/", "/demo/index.html/", "/other", "/web.go", "/demo/../web.go"} {
		if w := request(t, "GET", path, ""); w.Code != 404 {
			t.Errorf("%s answers %d", path, w.Code)
		}
	}
	if w := request(t, "POST", "/", ""); w.Code != 405 || w.Header().Get("Allow") == "" {
		t.Errorf("POST answers %d", w.Code)
	}
}
