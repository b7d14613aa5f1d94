package ws

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/hubbub-dev/hubbub/internal/reactor"
)

const (
	maxResponseHeader = 64 << 10 // of all the responses before and including the one that counts
	maxRefusalBody    = 4 << 10
	maxInformational  = 8 // responses with a status of 1xx before the one that counts
)

// HandshakeError is a handshake that the server has answered, but not with a correct 101.
type HandshakeError struct {
	Status int         // 101 if that was right and something else was wrong
	Header http.Header // of the answer
	Body   []byte      // of the answer, at most the first 4 KiB
	Err    error       // what was wrong with a 101; nil for any other status
}

// Error tells the status, and what the server says about it or what is wrong with a 101.
func (e *HandshakeError) Error() string {
	if e.Err != nil {
		return "server's handshake is wrong: " + e.Err.Error()
	}
	text := fmt.Sprintf("server answered the handshake with %d %s", e.Status, http.StatusText(e.Status))
	if to := e.Header.Get("Location"); to != "" && e.Status/100 == 3 {
		return text + fmt.Sprintf(" to %.200q; redirects are not followed, dial that address", to)
	}
	if e.Status == http.StatusOK {
		text += "; the address serves HTTP but no WebSocket, or a proxy in between does not pass the upgrade on"
	}
	if line, _, _ := strings.Cut(strings.TrimSpace(string(e.Body)), "\n"); line != "" {
		text += fmt.Sprintf(": %.200q", line)
	}
	return text
}

// Unwrap returns Err.
func (e *HandshakeError) Unwrap() error { return e.Err }

// clientHandshake is the client's side of RFC 6455, section 4.1.
type clientHandshake struct {
	opts *DialOptions
	url  *url.URL // without user and password, and with the scheme ws or wss
	addr string   // "host:port" to connect to
	key  string   // Sec-WebSocket-Key
	req  *http.Request
}

// clientConn is a conn whose handshake is done.
type clientConn struct {
	*Conn
	over net.Conn // what it talks over
	read []byte   // what came with the handshake
}

// name is the address without what may be a secret.
func (h *clientHandshake) name() string {
	return (&url.URL{Scheme: h.url.Scheme, Host: h.url.Host, Path: h.url.Path}).String()
}

func newClientHandshake(text string, o *DialOptions) (*clientHandshake, error) {
	u, addr, err := parseURL(text)
	if err != nil {
		return nil, err
	}
	user := u.User
	u.User = nil
	var nonce [16]byte
	rand.Read(nonce[:]) // never fails
	h := &clientHandshake{opts: o, url: u, addr: addr, key: base64.StdEncoding.EncodeToString(nonce[:])}
	h.req = &http.Request{Method: http.MethodGet, URL: u, Host: u.Host, Header: make(http.Header)}
	if user != nil {
		password, _ := user.Password()
		h.req.SetBasicAuth(user.Username(), password)
	}
	if err := h.addHeader(o.Header); err != nil {
		return nil, err
	}
	// The spelling of the RFC, for servers that do not know that case does not matter.
	h.req.Header["Upgrade"] = []string{"websocket"}
	h.req.Header["Connection"] = []string{"Upgrade"}
	h.req.Header["Sec-WebSocket-Key"] = []string{h.key}
	h.req.Header["Sec-WebSocket-Version"] = []string{"13"}
	if offer := offerDeflate(o.Compression); offer != "" {
		h.req.Header["Sec-WebSocket-Extensions"] = []string{offer}
	}
	return h, h.offerSubprotocols()
}

// addHeader takes over what the user has set.
func (h *clientHandshake) addHeader(header http.Header) error {
	for name, values := range header {
		name = http.CanonicalHeaderKey(name)
		switch {
		case !isToken(name):
			return fmt.Errorf("DialOptions.Header has the malformed name %q", name)
		case name == headerProtocol:
			return errors.New("set DialOptions.Subprotocols instead of the header Sec-WebSocket-Protocol")
		case name == headerExtensions:
			return errors.New("set DialOptions.Compression instead of the header Sec-WebSocket-Extensions")
		case isOurs(name) && name != "Content-Type" || name == "Te":
			return fmt.Errorf("the header %s is Dial's own; leave it out of DialOptions.Header", name)
		}
		for _, value := range values {
			if strings.ContainsAny(value, "\r\n\x00") {
				return fmt.Errorf("DialOptions.Header has a line break or a zero byte in a value of %s", name)
			}
		}
		if name == "Host" && len(values) > 0 {
			h.req.Host = values[0]
			continue
		}
		h.req.Header[name] = slices.Clone(values)
	}
	return nil
}

func (h *clientHandshake) offerSubprotocols() error {
	names := h.opts.Subprotocols
	for i, name := range names {
		if !isToken(name) {
			return fmt.Errorf("subprotocol %q is not a token of RFC 9110: no spaces, commas or slashes", name)
		}
		if slices.Contains(names[:i], name) {
			return fmt.Errorf("subprotocol %q is offered twice", name)
		}
	}
	if len(names) > 0 {
		h.req.Header["Sec-WebSocket-Protocol"] = []string{strings.Join(names, ", ")}
	}
	return nil
}

// shake encrypts the connection if need be, sends the request and checks the response.
func (h *clientHandshake) shake(ctx context.Context, nc net.Conn) (*clientConn, error) {
	c := &clientConn{Conn: &Conn{set: h.opts.settings()}, over: nc}
	if h.url.Scheme == "wss" {
		c.tls = tls.Client(reactor.Client(nc), h.tlsConfig())
		if err := c.tls.HandshakeContext(ctx); err != nil {
			return nil, fmt.Errorf("TLS handshake: %w", err)
		}
		c.over = c.tls
	}
	if err := h.req.Write(c.over); err != nil {
		return nil, fmt.Errorf("send the handshake: %w", err)
	}
	limited := &io.LimitedReader{R: c.over, N: maxResponseHeader}
	r := bufio.NewReader(limited)
	res, err := h.response(r)
	if err != nil && limited.N <= 0 {
		err = fmt.Errorf("header has more than %d bytes", maxResponseHeader)
	}
	if err != nil {
		return nil, fmt.Errorf("read the server's handshake: %w", err)
	}
	if res.StatusCode != http.StatusSwitchingProtocols {
		limited.N = 2 * maxRefusalBody // enough for the chunks' headers
		body, _ := io.ReadAll(io.LimitReader(res.Body, maxRefusalBody))
		return nil, &HandshakeError{Status: res.StatusCode, Header: res.Header, Body: body}
	}
	if err := h.confirm(c.Conn, res); err != nil {
		return nil, &HandshakeError{Status: res.StatusCode, Header: res.Header, Err: err}
	}
	c.read = leftover(r)
	return c, nil
}

func (h *clientHandshake) tlsConfig() *tls.Config {
	config := &tls.Config{}
	if h.opts.TLS != nil {
		config = h.opts.TLS.Clone()
	}
	if config.ServerName == "" {
		config.ServerName = h.url.Hostname()
	}
	config.NextProtos = []string{"http/1.1"}
	return config
}

// response reads the response, and leaves out those that only announce it (RFC 9110, section 15.2).
func (h *clientHandshake) response(r *bufio.Reader) (*http.Response, error) {
	for range maxInformational {
		res, err := http.ReadResponse(r, h.req)
		if err != nil {
			if errors.Is(err, io.ErrUnexpectedEOF) {
				err = fmt.Errorf("server hung up: %w", err)
			}
			return nil, err
		}
		if res.StatusCode/100 != 1 || res.StatusCode == http.StatusSwitchingProtocols {
			return res, nil
		}
	}
	return nil, fmt.Errorf("more than %d interim responses", maxInformational)
}

// confirm checks a 101 response, and takes over what the server has selected.
func (h *clientHandshake) confirm(c *Conn, res *http.Response) (err error) {
	upgrade := res.Header["Upgrade"]
	switch {
	case !res.ProtoAtLeast(1, 1):
		return fmt.Errorf("it came with %s instead of HTTP/1.1", res.Proto)
	case len(upgrade) != 1 || !strings.EqualFold(upgrade[0], "websocket"):
		return fmt.Errorf(`it has no header "Upgrade: websocket" but %.100q`, upgrade)
	case !hasToken(res.Header["Connection"], "upgrade"):
		return errors.New(`it has no header "Connection: Upgrade"`)
	case !slices.Equal(res.Header[headerAccept], []string{acceptKey(h.key)}):
		return errors.New("its Sec-WebSocket-Accept does not answer this request's key; the server, or a cache before it," +
			" does not speak the protocol")
	}
	if c.subprotocol, err = h.selected(res.Header[headerProtocol]); err != nil {
		return err
	}
	c.deflate, err = confirmDeflate(res.Header[headerExtensions], h.opts.Compression)
	c.extensions = strings.Join(res.Header[headerExtensions], ", ")
	return err
}

// selected is the subprotocol that the server has selected.
func (h *clientHandshake) selected(values []string) (string, error) {
	offered := h.opts.Subprotocols
	switch {
	case len(values) == 0 && len(offered) == 0:
		return "", nil
	case len(values) == 0:
		return "", fmt.Errorf("server speaks none of the offered subprotocols %q", offered)
	case len(values) > 1:
		return "", fmt.Errorf("server selected several subprotocols: %.200q", values)
	case !slices.Contains(offered, values[0]):
		return "", fmt.Errorf("server selected the subprotocol %.100q, which was not offered", values[0])
	}
	return values[0], nil
}
