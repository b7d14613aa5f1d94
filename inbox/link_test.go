package inbox_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/inbox"
)

func TestLinksThatNoticesMayHave(t *testing.T) {
	for _, link := range []string{
		"https://example.com", "http://example.com:8080/a?b=c#d", "HTTPS://EXAMPLE.COM/", "https://[::1]/", "https://münchen.example/ü",
		"mailto:ann@example.com", "mailto:ann@example.com?subject=Hi%20there",
		"/orders/7", "/", "?tab=2", "#top", "orders/7", "../up", "./a:b", "/a:b", "?a:b", "#a:b", "/a//b", "/%5Cexample.com", "a%3Ab",
	} {
		if err := inbox.CheckLink("the link", link); err != nil {
			t.Errorf("%q is refused: %v", link, err)
		}
	}
}

func TestLinksThatNoticesMustNotHave(t *testing.T) {
	for link, words := range map[string]string{
		"javascript:alert(1)": "must begin with https://", "JavaScript:alert(1)": "must begin with https://", "data:text/html,x": "must begin with",
		"vbscript:x": "must begin with", "file:///etc/passwd": "must begin with", "blob:https://example.com/x": "must begin with",
		"x-app://open": "must begin with", "a:b": "must begin with", "mailto:": "must begin with",
		"java\tscript:alert(1)": "control characters", "java\nscript:alert(1)": "control characters", " javascript:alert(1)": "spaces",
		"\x00javascript:alert(1)": "control characters", "\u00a0https://example.com": "spaces", "https://example.com/a b": "%20",
		"\u0085/x": "control characters", "https://example.com/\xff": "control characters",
		"//example.com": "another site", "///example.com": "another site", `\\example.com`: `\`, `/\example.com`: `\`, `https:\\example.com`: `\`,
		`https://example.com/"onclick=`: `"`, "https://example.com/<script>": "<",
		"https:example.com": "names no host", "https:/example.com": "names no host", "https:///example.com": "names no host", "http://:80/": "names no host",
		"https://ann:secret@example.com/": "user name", "https://example.com@evil.example": "user name",
		"%zz": "is not a URL", ":x": "is not a URL", "https://[::1": "is not a URL",
		"/" + strings.Repeat("x", 2048): "at most 2048",
	} {
		wantError(t, inbox.CheckLink("the link", link), hubbub.Invalid, words)
		if strings.Contains(words, "user name") {
			continue
		}
		if err := inbox.CheckLink("the link of action 3", link); err == nil || !strings.HasPrefix(err.Error(), "the link of action 3 ") {
			t.Errorf("the error about %q does not say which link is meant: %v", link, err)
		}
	}
}

// FuzzCheckLink compares with what a browser makes of a link, which forgives much: it drops control characters and spaces, and takes
// backslashes for slashes.
func FuzzCheckLink(f *testing.F) {
	for _, seed := range []string{
		"https://example.com/a?b#c", "mailto:ann@example.com", "/orders/7", "?tab=2", "#top", "a/b:c", "javascript:alert(1)",
		"java\tscript:alert(1)", " javascript:alert(1)", "\x01javascript:alert(1)", "//evil.example", `/\evil.example`, `\/evil.example`, "/\t/evil.example",
		"https:evil.example", "https:/evil.example", "https://good.example@evil.example", "data:text/html,x", "JAVASCRIPT:x", "%2f%2fevil.example", ".//evil.example",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, link string) {
		if inbox.CheckLink("the link", link) != nil {
			return
		}
		scheme, rest := browse(link)
		switch scheme {
		case "mailto":
			return
		case "http", "https":
			if !strings.HasPrefix(rest, "//") || strings.HasPrefix(rest, "///") {
				t.Fatalf("%q is allowed, in which browsers look for a host elsewhere", link)
			}
			if host, _, _ := strings.Cut(rest[2:], "/"); strings.Contains(strings.FieldsFunc(host+"?", func(r rune) bool { return r == '?' || r == '#' })[0], "@") {
				t.Fatalf("%q is allowed, and names a user", link)
			}
			return
		case "":
		default:
			t.Fatalf("%q is allowed, and has the scheme %q", link, scheme)
		}
		if strings.HasPrefix(rest, "//") {
			t.Fatalf("%q is allowed, and leads to another site", link)
		}
		u, err := (&url.URL{Scheme: "https", Host: "app.example", Path: "/x/y"}).Parse(link)
		if err != nil || u.Scheme != "https" || u.Host != "app.example" {
			t.Fatalf("%q is allowed, and leads from app.example to %v (%v)", link, u, err)
		}
	})
}

// browse cuts a link into scheme and rest, as the URL standard has browsers do it.
func browse(link string) (scheme, rest string) {
	link = strings.TrimFunc(link, func(r rune) bool { return r <= ' ' })
	link = strings.NewReplacer("\t", "", "\n", "", "\r", "", `\`, "/").Replace(link)
	for i, c := range []byte(strings.ToLower(link)) {
		switch {
		case c >= 'a' && c <= 'z', i > 0 && (c >= '0' && c <= '9' || c == '+' || c == '-' || c == '.'):
			continue
		case c == ':' && i > 0:
			return strings.ToLower(link[:i]), link[i+1:]
		}
		break
	}
	return "", link
}
