package testkit_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/hubbub-dev/hubbub/internal/testkit"
)

func TestProcess(t *testing.T) {
	p := testkit.Start(t, exec.Command(testkit.Program(t, "sh"), "-c", "echo ready: now; read line; echo not reached; exec cat"))
	if got := p.Line(t, "ready: "); got != "now" {
		t.Errorf("got line %q", got)
	}
	testkit.Start(t, exec.Command("true")).Succeed(t)
	p.Kill()
	if !p.Ended() {
		t.Error("killed and not ended")
	}
}

func TestPython(t *testing.T) {
	cmd := exec.Command(testkit.Program(t, "/usr/bin/python3"), "-c", "import websockets; print('version', websockets.__version__)")
	if got := testkit.Start(t, cmd).Line(t, "version "); got == "" {
		t.Error("no version")
	}
}

func TestNginxWithCertificate(t *testing.T) {
	cert, addr := testkit.SelfSigned(t), testkit.FreeAddr(t)
	testkit.Nginx(t, addr, fmt.Sprintf(`
		server {
			listen %s ssl;
			ssl_certificate %s;
			ssl_certificate_key %s;
			location / { return 200 "hello\n"; }
		}`, addr, cert.CertFile, cert.KeyFile))
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: cert.Roots}}
	defer transport.CloseIdleConnections()
	res, err := (&http.Client{Transport: transport}).Get("https://" + addr)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, _ := io.ReadAll(res.Body); string(body) != "hello\n" {
		t.Errorf("got %q", body)
	}
}

func TestChromium(t *testing.T) {
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "<!doctype html><title>page of "+r.URL.Path+"</title>")
	}))
	defer page.Close()
	first := testkit.Chromium(t)
	second := testkit.Tab(t, first)
	testkit.Do(t, first, chromedp.Navigate(page.URL+"/one"))
	testkit.Do(t, second, chromedp.Navigate(page.URL+"/two"))
	title := `new Promise(done => setTimeout(() => done(document.title), 1))`
	got := testkit.Evaluate[string](t, first, title) + ", " + testkit.Evaluate[string](t, second, title)
	if want := "page of /one, page of /two"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if agent := testkit.Evaluate[string](t, first, "navigator.userAgent"); !strings.Contains(agent, "Chrome") {
		t.Errorf("got browser %q", agent)
	}
}
