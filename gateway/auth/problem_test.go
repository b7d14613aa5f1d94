package auth_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/auth"
)

func TestProblem(t *testing.T) {
	a := start(t, auth.Config{Keys: []auth.Key{{Secret: secret}}, Basic: auth.Basic{File: htpasswd(t, "ann:"+hashOf(t, "x"))}})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := a.Authenticate(r)
		auth.WriteProblem(w, r, err)
	}))
	defer srv.Close()
	defer srv.Client().CloseIdleConnections()
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		req, err := http.NewRequestWithContext(t.Context(), method, srv.URL+"/ws", nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := srv.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || res.StatusCode != 401 || res.Header.Get("Content-Type") != "application/problem+json" ||
			res.Header.Get("Cache-Control") != "no-store" || res.Header.Get("Retry-After") != "" {
			t.Errorf("%s: %v %v %v", method, res.Status, res.Header, err)
		}
		want := []string{`Bearer realm="hubbub"`, `Basic realm="hubbub", charset="UTF-8"`}
		if got := res.Header.Values("WWW-Authenticate"); strings.Join(got, ";") != strings.Join(want, ";") {
			t.Errorf("%s: challenges %q", method, got)
		}
		if method == http.MethodHead {
			continue
		}
		var members map[string]any
		if err := json.Unmarshal(body, &members); err != nil {
			t.Fatal(err)
		}
		if members["type"] != "about:blank" || members["title"] != "Unauthorized" || members["status"] != 401.0 ||
			members["reason"] != "unauthorized" || !strings.Contains(members["detail"].(string), "hubbub.token.") || len(members) != 5 {
			t.Errorf("%s", body)
		}
	}
}

func TestProblemOfEachReason(t *testing.T) {
	for reason, status := range map[hubbub.Reason]int{hubbub.Invalid: 422, hubbub.Unauthorized: 401, hubbub.Forbidden: 403, hubbub.NotFound: 404,
		hubbub.RateLimited: 429, hubbub.TooLarge: 413, hubbub.Unavailable: 503, hubbub.Conflict: 409} {
		w := httptest.NewRecorder()
		auth.WriteProblem(w, get(""), &hubbub.Error{Reason: reason, Message: "m", RetryAfter: 1500 * time.Millisecond,
			Err: errors.New("cause")})
		var p auth.Problem
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
			t.Fatal(err)
		}
		want := auth.Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: "m", Reason: reason, RetryAfter: 1500}
		if p != want || w.Code != status || w.Header().Get("Retry-After") != "2" || strings.Contains(w.Body.String(), "cause") {
			t.Errorf("%s: %d %v %s", reason, w.Code, w.Header(), w.Body)
		}
	}
	w := httptest.NewRecorder()
	auth.WriteProblem(w, get(""), errors.New("cause"))
	if w.Code != 503 || strings.Contains(w.Body.String(), "cause") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// TestChallengeOfABadToken shows that what a token says cannot break out of the header.
func TestChallengeOfABadToken(t *testing.T) {
	a := start(t, auth.Config{Keys: []auth.Key{{Secret: secret}}, Issuer: "https://login.example.org"})
	body := claims(time.Now(), map[string]any{"iss": "x\", error=\"none\\\r\nSet-Cookie: a=b ü"})
	r := get("token=" + forged(`{"alg":"HS256"}`, body, []byte(secret)))
	p, h := refused(t, a, r, 401)
	got := h.Get("WWW-Authenticate")
	if !strings.HasPrefix(got, `Bearer realm="hubbub", error="invalid_token", error_description="the token's iss `) ||
		strings.Count(got, `"`) != 6 || strings.ContainsAny(got, "\r\n\\ü") {
		t.Errorf("%s", got)
	}
	if !strings.Contains(p.Detail, "ü") {
		t.Errorf("%+v", p)
	}
	body["iss"] = strings.Repeat("ü", 2000)
	_, h = refused(t, a, get("token="+forged(`{"alg":"HS256"}`, body, []byte(secret))), 401)
	if got := h.Get("WWW-Authenticate"); len(got) > 400 || !strings.HasSuffix(got, `..."`) {
		t.Errorf("%d bytes: %s", len(got), got)
	}
}

func TestSafeURL(t *testing.T) {
	for text, want := range map[string]string{
		"/ws?user=ann&device=d1":                   "/ws?user=ann&device=d1",
		"/ws?token=s3cret&device=d1":               "/ws?token=-&device=d1",
		"/ws?a=1&ticket=s3cret":                    "/ws?a=1&ticket=-",
		"/ws?Token=s3cret&access_token=s3cret":     "/ws?Token=-&access_token=-",
		"/ws?%74oken=s3cret":                       "/ws?%74oken=-",
		"/ws?token=s3%zzcret":                      "/ws?token=-",
		"/ws?%zz=s3cret&x=1":                       "/ws?%zz=-&x=1",
		"/ws?a=1;token=s3cret":                     "/ws?a=1&token=-",
		"/ws?t=eyJhbGciOiJIUzI1NiJ9.s3cret.x":      "/ws?t=-",
		"/ws?token=s3cret=s3cret&token=s3cret":     "/ws?token=-&token=-",
		"https://ann:s3cret@example.org/ws?token":  "https://example.org/ws?token=-",
		"https://example.org/ws?password=s3cret#f": "https://example.org/ws?password=-#f",
		"/ws?eyJhbGciOiJIUzI1NiJ9.s3cret.x&a=1":    "/ws?-&a=1",
		"/ws/eyJhbGciOiJIUzI1NiJ9.s3cret.x/a%2Fb":  "/ws/-/a%2Fb",
		"/api/v1/hub_s3cret?key=hub_s3cret":        "/api/v1/-?key=-",
		"/ws":                                      "/ws",
	} {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		before := u.String()
		if got := auth.SafeURL(u); got != want || u.String() != before {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}
