package ws

import (
	"bufio"
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

const sampleKey = "dGhlIHNhbXBsZSBub25jZQ==" // RFC 6455, section 1.3

// request parses a request as net/http's server would.
func request(t testing.TB, raw string) *http.Request {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(strings.ReplaceAll(raw, "\n", "\r\n") + "\r\n\r\n")))
	if err != nil {
		t.Fatalf("ReadRequest: %v", err)
	}
	return r
}

const goodRequest = `GET /chat?x=1 HTTP/1.1
Host: example.com
Upgrade: websocket
Connection: Upgrade
Sec-WebSocket-Key: ` + sampleKey + `
Sec-WebSocket-Version: 13`

func TestCheckUpgradeAccepts(t *testing.T) {
	for name, raw := range map[string]string{
		"plain":         goodRequest,
		"case":          strings.NewReplacer("websocket\n", "WebSocket\n", ": Upgrade", ": upgrade").Replace(goodRequest),
		"token lists":   strings.NewReplacer("Upgrade: websocket", "Upgrade: h2c,\t websocket", ": Upgrade", ": keep-alive, Upgrade").Replace(goodRequest),
		"several lines": strings.Replace(goodRequest, "Connection: Upgrade", "Connection: keep-alive\nConnection: , upgrade", 1),
		"zero body":     goodRequest + "\nContent-Length: 0",
	} {
		t.Run(name, func(t *testing.T) {
			r := request(t, raw)
			key, ref := checkUpgrade(r)
			if ref != nil || key != sampleKey {
				t.Fatalf("checkUpgrade = %q, %v", key, ref)
			}
			if !isUpgrade(r) {
				t.Fatal("isUpgrade = false")
			}
		})
	}
}

func TestCheckUpgradeRefuses(t *testing.T) {
	swap := func(old, new string) string { return strings.Replace(goodRequest, old, new, 1) }
	for name, c := range map[string]struct {
		raw    string
		status int
		header string // one that must be there, as "Name: value"
		text   string
	}{
		"POST":            {swap("GET", "POST"), 405, "Allow: GET", "GET"},
		"HEAD":            {swap("GET", "HEAD"), 405, "Allow: GET", "GET"},
		"HTTP/1.0":        {swap("HTTP/1.1", "HTTP/1.0"), 426, "Upgrade: websocket", "proxy_http_version 1.1"},
		"HTTP/2":          {swap("HTTP/1.1", "HTTP/2.0"), 426, "", "RFC 8441"},
		"no upgrade":      {swap("Upgrade: websocket\n", ""), 426, "Upgrade: websocket", "proxy_set_header Upgrade"},
		"other upgrade":   {swap("websocket", "h2c"), 426, "Connection: Upgrade", "Upgrade: websocket"},
		"not a token":     {swap("websocket", "websockets"), 426, "Upgrade: websocket", ""},
		"connection":      {swap("Connection: Upgrade", "Connection: close"), 426, "Upgrade: websocket", "Connection"},
		"no connection":   {swap("Connection: Upgrade\n", ""), 426, "Upgrade: websocket", "Connection"},
		"version 8":       {swap(": 13", ": 8"), 426, "Sec-Websocket-Version: 13", `"8"`},
		"two versions":    {goodRequest + "\nSec-WebSocket-Version: 8", 426, "Sec-Websocket-Version: 13", ""},
		"no version":      {swap("\nSec-WebSocket-Version: 13", ""), 426, "Sec-Websocket-Version: 13", ""},
		"no key":          {swap("Sec-WebSocket-Key: "+sampleKey+"\n", ""), 400, "", "Sec-WebSocket-Key"},
		"two keys":        {goodRequest + "\nSec-WebSocket-Key: " + sampleKey, 400, "", "this request has 2"},
		"key of 15 bytes": {swap(sampleKey, "MTIzNDU2Nzg5MDEyMzQ1"), 400, "", "16 random bytes"},
		"key of 17 bytes": {swap(sampleKey, "MTIzNDU2Nzg5MDEyMzQ1Njc="), 400, "", "16 random bytes"},
		"key of 18 bytes": {swap(sampleKey, "MTIzNDU2Nzg5MDEyMzQ1Njc4"), 400, "", "16 random bytes"},
		"key not base64":  {swap(sampleKey, "dGhlIHNhbXBsZSBub25jZ-=="), 400, "", "base64"},
		"length":          {goodRequest + "\nContent-Length: 5", 400, "", "no body"},
		"chunked":         {goodRequest + "\nTransfer-Encoding: chunked", 400, "", "no body"},
	} {
		t.Run(name, func(t *testing.T) {
			_, ref := checkUpgrade(request(t, c.raw))
			if ref == nil {
				t.Fatal("accepted")
			}
			w := httptest.NewRecorder()
			ref.write(w)
			if w.Code != c.status || !strings.Contains(w.Body.String(), c.text) || !strings.Contains(ref.Error(), c.text) {
				t.Errorf("answered %d %q, want %d with %q", w.Code, w.Body, c.status, c.text)
			}
			if ct := w.Header().Get("Content-Type"); ct != "text/plain; charset=utf-8" {
				t.Errorf("Content-Type is %q", ct)
			}
			if name, value, ok := strings.Cut(c.header, ": "); ok && w.Header().Get(name) != value {
				t.Errorf("header %s is %q, want %q", name, w.Header()[name], value)
			}
			if strings.HasPrefix(name, "HTTP/2") && w.Header().Get("Upgrade") != "" {
				t.Error("an Upgrade header is forbidden in HTTP/2")
			}
		})
	}
}

func TestIsUpgrade(t *testing.T) {
	for raw, want := range map[string]bool{
		"GET / HTTP/1.1\nHost: a":                                          false,
		"GET / HTTP/1.1\nHost: a\nUpgrade: h2c\nConnection: Upgrade":       false,
		"GET / HTTP/1.1\nHost: a\nUpgrade: WebSocket":                      true,
		"GET / HTTP/1.0\nHost: a\nSec-WebSocket-Key: " + sampleKey:         true, // what nginx passes on without its two lines
		"POST / HTTP/1.1\nHost: a\nUpgrade: websocket\nContent-Length: 10": true,
	} {
		if got := isUpgrade(request(t, raw)); got != want {
			t.Errorf("isUpgrade(%q) = %v", raw, got)
		}
	}
	r := httptest.NewRequest("CONNECT", "/ws", nil)
	r.Header[":protocol"] = []string{"websocket"}
	if !isUpgrade(r) {
		t.Error("extended CONNECT is not seen")
	}
}

func TestAcceptKey(t *testing.T) {
	if got := acceptKey(sampleKey); got != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		t.Errorf("acceptKey = %q", got)
	}
}

func TestSelectSubprotocol(t *testing.T) {
	r := request(t, goodRequest+"\nSec-WebSocket-Protocol: Chat, v2\nSec-WebSocket-Protocol:  v1 ,,")
	for _, c := range []struct {
		wanted []string
		want   string
	}{
		{nil, ""},
		{[]string{"chat"}, ""},
		{[]string{"v1", "v2"}, "v1"},
		{[]string{"v3", "v2", "v1"}, "v2"},
		{[]string{""}, ""},
	} {
		if got := selectSubprotocol(r, c.wanted); got != c.want {
			t.Errorf("selectSubprotocol(%q) = %q, want %q", c.wanted, got, c.want)
		}
	}
	if got := selectSubprotocol(request(t, goodRequest), []string{"v1"}); got != "" {
		t.Errorf("without an offer: %q", got)
	}
}

func TestAppendResponse(t *testing.T) {
	extra := http.Header{
		"Set-Cookie":                 {"a=1", "b=2\r\nEvil: 1"},
		"X-Id":                       {"7"},
		"Bad Name":                   {"x"},
		"Bad\r\nName":                {"x"},
		"Connection":                 {"close"},
		"sec-websocket-accept":       {"x"},
		"Content-Length":             {"12"},
		http.TrailerPrefix + "X-Sum": {"1"},
	}
	got := appendResponse([]byte("…"), "accept=", "v1", "permessage-deflate", extra)
	want := "…HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: accept=\r\n" +
		"Sec-WebSocket-Protocol: v1\r\nSec-WebSocket-Extensions: permessage-deflate\r\n" +
		"Set-Cookie: a=1\r\nSet-Cookie: b=2  Evil: 1\r\nX-Id: 7\r\n\r\n"
	if string(got) != want {
		t.Errorf("got\n%q, want\n%q", got, want)
	}
	res, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(appendResponse(nil, "a", "", "", nil))), nil)
	if err != nil || res.StatusCode != 101 || len(res.Header) != 3 {
		t.Errorf("bare response: %v, %v", res, err)
	}
}
