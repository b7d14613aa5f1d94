package ws

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// The words of RFC 7692, section 7.1.
const (
	deflateName      = "permessage-deflate"
	serverNoTakeover = "server_no_context_takeover"
	clientNoTakeover = "client_no_context_takeover"
	serverWindowBits = "server_max_window_bits"
	clientWindowBits = "client_max_window_bits"

	maxWindowBits = 15
)

// deflateParams is what both ends agreed on, seen from our end. The zero value is a conn without compression.
type deflateParams struct {
	enabled         bool
	sendTakeover    bool  // our messages may refer to our earlier ones: a deflater of the conn's own
	receiveTakeover bool  // the peer's messages may refer to its earlier ones: an inflater of the conn's own
	sendBits        uint8 // 8 to 15: the window of our messages is 1<<sendBits bytes
	receiveBits     uint8 // the same for the peer's
}

// private reports whether messages have to be compressed for this conn alone, by its deflater. Otherwise the result of
// deflateMessage, which may be shared with other conns, is good.
func (p deflateParams) private() bool { return p.sendTakeover || p.sendBits < maxWindowBits }

// acceptDeflate is the server's side of the negotiation. It takes the first of the client's offers (the values of its
// Sec-WebSocket-Extensions headers) that is valid and that c can satisfy, and returns the value of the response's header.
func acceptDeflate(offers []string, c Compression) (p deflateParams, response string, ok bool) {
	if c.Mode == CompressionOff {
		return deflateParams{}, "", false
	}
	extensions, err := parseExtensions(offers)
	if err != nil {
		return deflateParams{}, "", false
	}
	for _, e := range extensions {
		offer, err := parseDeflate(e)
		if err != nil {
			continue
		}
		if p, response, ok := acceptOffer(offer, c.Mode); ok {
			return p, response, true
		}
	}
	return deflateParams{}, "", false
}

func acceptOffer(offer deflateOffer, mode CompressionMode) (p deflateParams, response string, ok bool) {
	takeover := mode == CompressionTakeover
	if !takeover && offer.serverBits != 0 && offer.serverBits < maxWindowBits {
		// What is shared by all conns cannot be limited to the window of one, and compressing again for each conn that
		// asks would let clients make a broadcast as expensive as they like.
		return deflateParams{}, "", false
	}
	p = deflateParams{
		enabled:         true,
		sendTakeover:    takeover && !offer.serverNoTakeover,
		receiveTakeover: takeover && !offer.clientNoTakeover,
		sendBits:        bitsOr15(offer.serverBits),
		receiveBits:     bitsOr15(offer.clientBits),
	}
	answer := deflateOffer{
		serverNoTakeover: !p.sendTakeover,
		clientNoTakeover: !p.receiveTakeover,
		serverBits:       offer.serverBits,
		clientBits:       offer.clientBits,
	}
	return p, answer.String(), true
}

// offerDeflate is the client's offer, the value of its Sec-WebSocket-Extensions header, or "" without compression.
func offerDeflate(c Compression) string {
	switch c.Mode {
	case CompressionShared:
		return deflateOffer{serverNoTakeover: true, clientNoTakeover: true}.String()
	case CompressionTakeover:
		return deflateOffer{clientBitsAllowed: true}.String()
	}
	return ""
}

// confirmDeflate is the client's reading of the response's Sec-WebSocket-Extensions headers. The server may decline, which
// is the zero deflateParams; an answer to something that offerDeflate(c) did not offer is an error, and fails the handshake.
func confirmDeflate(response []string, c Compression) (deflateParams, error) {
	extensions, err := parseExtensions(response)
	if err != nil || len(extensions) == 0 {
		return deflateParams{}, err
	}
	if c.Mode == CompressionOff {
		return deflateParams{}, fmt.Errorf("server selected the extension %q, but none was offered", extensions[0].name)
	}
	if len(extensions) > 1 {
		return deflateParams{}, errors.New("server selected more than the one extension that was offered")
	}
	answer, err := parseDeflate(extensions[0])
	if err != nil {
		return deflateParams{}, err
	}
	takeover := c.Mode == CompressionTakeover
	if answer.clientBitsAllowed || answer.clientBits != 0 && !takeover {
		return deflateParams{}, fmt.Errorf("server's %s is not an answer to the offer", clientWindowBits)
	}
	return deflateParams{
		enabled:         true,
		sendTakeover:    takeover && !answer.clientNoTakeover,
		receiveTakeover: !answer.serverNoTakeover, // also if we asked for none: it costs us a window, but nothing is lost
		sendBits:        bitsOr15(answer.clientBits),
		receiveBits:     bitsOr15(answer.serverBits),
	}, nil
}

func bitsOr15(bits uint8) uint8 {
	if bits == 0 {
		return maxWindowBits
	}
	return bits
}

// deflateOffer is one offer of permessage-deflate, or the answer to it. Bits are 0 where they are not mentioned.
type deflateOffer struct {
	serverNoTakeover  bool
	clientNoTakeover  bool
	serverBits        uint8
	clientBits        uint8
	clientBitsAllowed bool // client_max_window_bits without a value
}

func (o deflateOffer) String() string {
	text := deflateName
	if o.serverNoTakeover {
		text += "; " + serverNoTakeover
	}
	if o.clientNoTakeover {
		text += "; " + clientNoTakeover
	}
	if o.serverBits != 0 {
		text += "; " + serverWindowBits + "=" + strconv.Itoa(int(o.serverBits))
	}
	if o.clientBits != 0 {
		text += "; " + clientWindowBits + "=" + strconv.Itoa(int(o.clientBits))
	}
	if o.clientBitsAllowed {
		text += "; " + clientWindowBits
	}
	return text
}

// parseDeflate refuses another extension, and parameters that are unknown, repeated or have a wrong value.
func parseDeflate(e extension) (deflateOffer, error) {
	if e.name != deflateName {
		return deflateOffer{}, fmt.Errorf("unknown extension %q", e.name)
	}
	var o deflateOffer
	for i, param := range e.params {
		repeated := slices.ContainsFunc(e.params[:i], func(q extensionParam) bool { return q.name == param.name })
		if repeated || !o.set(param) {
			return deflateOffer{}, fmt.Errorf("%s with a wrong parameter %s", deflateName, param)
		}
	}
	return o, nil
}

func (o *deflateOffer) set(param extensionParam) (ok bool) {
	switch param.name {
	case serverNoTakeover:
		o.serverNoTakeover = true
		return !param.hasValue
	case clientNoTakeover:
		o.clientNoTakeover = true
		return !param.hasValue
	case serverWindowBits:
		o.serverBits, ok = parseBits(param.value)
		return ok
	case clientWindowBits:
		if !param.hasValue {
			o.clientBitsAllowed = true
			return true
		}
		o.clientBits, ok = parseBits(param.value)
		return ok
	}
	return false
}

// parseBits reads 8 to 15, without leading zeros.
func parseBits(text string) (uint8, bool) {
	i := slices.Index([]string{"8", "9", "10", "11", "12", "13", "14", "15"}, text)
	return uint8(8 + i), i >= 0
}

// extension is one element of a Sec-WebSocket-Extensions header (RFC 6455, section 9.1).
type extension struct {
	name   string
	params []extensionParam
}

type extensionParam struct {
	name     string
	value    string
	hasValue bool
}

func (p extensionParam) String() string {
	if p.hasValue {
		return fmt.Sprintf("%s=%q", p.name, p.value)
	}
	return p.name
}

// maxExtensions is how many offers are read; whoever sends more gets none of them.
const maxExtensions = 32

// parseExtensions reads all the extensions in the values of the headers, in their order.
func parseExtensions(headers []string) ([]extension, error) {
	var all []extension
	for _, header := range headers {
		s := &headerScanner{rest: header}
		for s.skipEmpty(); s.rest != ""; s.skipEmpty() {
			e, ok := s.extension()
			if !ok || s.rest != "" && s.rest[0] != ',' {
				return nil, fmt.Errorf("malformed Sec-WebSocket-Extensions header %q", header)
			}
			if all = append(all, e); len(all) > maxExtensions {
				return nil, fmt.Errorf("Sec-WebSocket-Extensions headers with more than %d extensions", maxExtensions)
			}
		}
	}
	return all, nil
}

// headerScanner reads the grammar of RFC 6455, section 9.1, with the optional white space and the empty list elements that
// HTTP allows. Each method removes what it has read from rest.
type headerScanner struct{ rest string }

func (s *headerScanner) skipEmpty() { s.rest = strings.TrimLeft(s.rest, ", \t") }
func (s *headerScanner) skipSpace() { s.rest = strings.TrimLeft(s.rest, " \t") }

// take reads c with the white space around it, if it is next.
func (s *headerScanner) take(c byte) bool {
	s.skipSpace()
	if s.rest == "" || s.rest[0] != c {
		return false
	}
	s.rest = s.rest[1:]
	s.skipSpace()
	return true
}

func (s *headerScanner) extension() (e extension, ok bool) {
	if e.name, ok = s.token(); !ok {
		return e, false
	}
	for s.take(';') {
		var param extensionParam
		if param.name, ok = s.token(); !ok {
			return e, false
		}
		if param.hasValue = s.take('='); param.hasValue {
			if param.value, ok = s.value(); !ok {
				return e, false
			}
		}
		e.params = append(e.params, param)
	}
	return e, true
}

func (s *headerScanner) token() (string, bool) {
	n := 0
	for n < len(s.rest) && isTokenByte(s.rest[n]) {
		n++
	}
	token := s.rest[:n]
	s.rest = s.rest[n:]
	return token, n > 0
}

// value reads a token or a quoted string, whose content has to be a token too.
func (s *headerScanner) value() (string, bool) {
	if !strings.HasPrefix(s.rest, `"`) {
		return s.token()
	}
	var value []byte
	for i := 1; i < len(s.rest); i++ {
		c := s.rest[i]
		if c == '"' {
			s.rest = s.rest[i+1:]
			return string(value), len(value) > 0
		}
		if c == '\\' && i+1 < len(s.rest) {
			i++
			c = s.rest[i]
		}
		if !isTokenByte(c) {
			return "", false
		}
		value = append(value, c)
	}
	return "", false
}
