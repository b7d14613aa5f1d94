package ws

import (
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// The header fields of the handshake, in the canonical form that net/http uses as map keys.
const (
	headerKey        = "Sec-Websocket-Key"
	headerVersion    = "Sec-Websocket-Version"
	headerProtocol   = "Sec-Websocket-Protocol"
	headerExtensions = "Sec-Websocket-Extensions"
	headerAccept     = "Sec-Websocket-Accept"
)

// acceptGUID is appended to the client's key before hashing (RFC 6455, section 1.3).
const acceptGUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

// nginxHint ends the answers whose usual cause is a proxy that was not told to pass the upgrade on.
const nginxHint = "If the client did ask for a WebSocket, a proxy in between dropped the headers: nginx needs" +
	` "proxy_http_version 1.1;", "proxy_set_header Upgrade $http_upgrade;" and "proxy_set_header Connection upgrade;".`

// refusal is the HTTP answer to an upgrade request that is turned away. Its text tells the person what is wrong and
// what to do about it, and is safe to show to a client.
type refusal struct {
	status int
	header http.Header // set in addition to Content-Type; may be nil
	text   string
}

// Error makes a refusal usable as the error of an upgrade that was answered with it.
func (f *refusal) Error() string {
	return fmt.Sprintf("ws: upgrade refused with %d: %s", f.status, f.text)
}

// write answers a request with the refusal. Headers that middleware has set before are kept, except those of a body.
func (f *refusal) write(w http.ResponseWriter) {
	maps.Copy(w.Header(), f.header)
	http.Error(w, f.text, f.status)
}

// isUpgrade reports whether a request asks for a WebSocket, rightly or not: it counts a handshake whose Upgrade header a
// proxy has dropped too, so that such a client gets [checkUpgrade]'s explanation and not a web page.
func isUpgrade(r *http.Request) bool {
	if hasToken(r.Header["Upgrade"], "websocket") || len(r.Header[headerKey]) > 0 {
		return true
	}
	protocol := r.Header[":protocol"] // extended CONNECT, as net/http's HTTP/2 server shows it
	return len(protocol) > 0 && protocol[0] == "websocket"
}

// checkUpgrade is the server's side of RFC 6455, section 4.2.1. It returns the client's key, or what to answer instead
// of 101.
func checkUpgrade(r *http.Request) (key string, ref *refusal) {
	switch {
	case r.ProtoMajor > 1:
		return "", refuseHTTP2()
	case r.Method != http.MethodGet:
		return "", &refusal{http.StatusMethodNotAllowed, http.Header{"Allow": {http.MethodGet}},
			fmt.Sprintf("A WebSocket is opened with the method GET, not %.32q.", r.Method)}
	case !r.ProtoAtLeast(1, 1):
		return "", refuseUpgrade(fmt.Sprintf("A WebSocket is opened with HTTP/1.1, and this request came with %s.", r.Proto))
	case !hasToken(r.Header["Upgrade"], "websocket"):
		return "", refuseUpgrade(`This address serves WebSockets, and the request has no header "Upgrade: websocket".`)
	case !hasToken(r.Header["Connection"], "upgrade"):
		return "", refuseUpgrade(`The request asks for a WebSocket but has no header "Connection: Upgrade".`)
	case !slices.Equal(r.Header[headerVersion], []string{"13"}):
		return "", refuseVersion(r.Header[headerVersion])
	case r.ContentLength != 0: // -1 is a chunked body
		return "", &refusal{http.StatusBadRequest, nil,
			"A WebSocket handshake has no body: leave out Content-Length and Transfer-Encoding."}
	}
	return checkKey(r.Header[headerKey])
}

// checkKey wants exactly one nonce of 16 bytes in base64.
func checkKey(values []string) (key string, ref *refusal) {
	if len(values) != 1 {
		return "", &refusal{http.StatusBadRequest, nil,
			fmt.Sprintf("A WebSocket handshake has one header Sec-WebSocket-Key; this request has %d.", len(values))}
	}
	var nonce [24]byte
	if len(values[0]) == base64.StdEncoding.EncodedLen(16) {
		if n, err := base64.StdEncoding.Decode(nonce[:], []byte(values[0])); err == nil && n == 16 {
			return values[0], nil
		}
	}
	return "", &refusal{http.StatusBadRequest, nil, "Sec-WebSocket-Key must be 16 random bytes in base64 (24 characters)."}
}

// refuseUpgrade answers 426 with the headers that RFC 9110, section 15.5.22, asks for.
func refuseUpgrade(text string) *refusal {
	header := http.Header{"Upgrade": {"websocket"}, "Connection": {"Upgrade"}}
	return &refusal{http.StatusUpgradeRequired, header, text + " " + nginxHint}
}

// refuseHTTP2 has no Upgrade header: HTTP/2 forbids it (RFC 9113, section 8.2.2).
func refuseHTTP2() *refusal {
	return &refusal{http.StatusUpgradeRequired, nil, "This address serves WebSockets over HTTP/1.1 only; extended CONNECT" +
		" of HTTP/2 (RFC 8441) is not served. Browsers use HTTP/1.1 by themselves; let other clients and proxies offer only" +
		` "http/1.1" in ALPN.`}
}

func refuseVersion(got []string) *refusal {
	header := http.Header{"Upgrade": {"websocket"}, "Connection": {"Upgrade"}, headerVersion: {"13"}}
	return &refusal{http.StatusUpgradeRequired, header, fmt.Sprintf("This server speaks version 13 of the WebSocket protocol"+
		` (RFC 6455); send "Sec-WebSocket-Version: 13" instead of %.32q.`, strings.Join(got, ", "))}
}

// acceptKey is the value of Sec-WebSocket-Accept for a key (RFC 6455, section 4.2.2).
func acceptKey(key string) string {
	sum := sha1.Sum([]byte(key + acceptGUID))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// selectSubprotocol returns the first of wanted that the client offers, or "". Names are compared exactly (RFC 6455,
// section 4.1).
func selectSubprotocol(r *http.Request, wanted []string) string {
	offered := r.Header[headerProtocol]
	if len(offered) == 0 {
		return ""
	}
	for _, name := range wanted {
		for offer := range tokens(offered) {
			if offer == name {
				return name
			}
		}
	}
	return ""
}

// appendResponse appends the 101 response. Empty subprotocol and extensions are left out. From extra, what middleware
// set on the ResponseWriter, everything is written but the fields of the handshake itself and those that describe a
// body; no value can break out of its line.
func appendResponse(dst []byte, accept, subprotocol, extensions string, extra http.Header) []byte {
	dst = append(dst, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"...)
	dst = appendField(dst, "Sec-WebSocket-Accept", accept)
	if subprotocol != "" {
		dst = appendField(dst, "Sec-WebSocket-Protocol", subprotocol)
	}
	if extensions != "" {
		dst = appendField(dst, "Sec-WebSocket-Extensions", extensions)
	}
	if len(extra) == 0 {
		return append(dst, "\r\n"...)
	}
	for _, name := range slices.Sorted(maps.Keys(extra)) {
		if !isToken(name) || isOurs(name) {
			continue
		}
		for _, value := range extra[name] {
			dst = appendField(dst, name, value)
		}
	}
	return append(dst, "\r\n"...)
}

// appendField writes control characters as spaces, since a line break would begin another field.
func appendField(dst []byte, name, value string) []byte {
	dst = append(dst, name...)
	dst = append(dst, ": "...)
	for i := range len(value) {
		c := value[i]
		if c < ' ' && c != '\t' || c == 0x7f {
			c = ' '
		}
		dst = append(dst, c)
	}
	return append(dst, "\r\n"...)
}

// isOurs reports whether a field of the 101 response is not the middleware's to set.
func isOurs(name string) bool {
	switch http.CanonicalHeaderKey(name) {
	case "Upgrade", "Connection", headerAccept, headerProtocol, headerExtensions, headerVersion, headerKey,
		"Content-Length", "Content-Type", "Content-Encoding", "Transfer-Encoding", "Trailer":
		return true
	}
	return strings.HasPrefix(name, http.TrailerPrefix)
}

// hasToken reports whether the values of a header field list a token; case does not matter.
func hasToken(values []string, token string) bool {
	for t := range tokens(values) {
		if strings.EqualFold(t, token) {
			return true
		}
	}
	return false
}

// tokens yields the elements of a comma-separated list that may be spread over several header lines (RFC 9110, section
// 5.6.1). Empty elements are left out. It is not for fields with quoted strings.
func tokens(values []string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, value := range values {
			for element := range strings.SplitSeq(value, ",") {
				element = strings.Trim(element, " \t")
				if element != "" && !yield(element) {
					return
				}
			}
		}
	}
}

// isToken reports whether s is a token of RFC 9110, section 5.6.2, such as the name of a header field.
func isToken(s string) bool {
	for i := range len(s) {
		if !isTokenByte(s[i]) {
			return false
		}
	}
	return s != ""
}

func isTokenByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}
