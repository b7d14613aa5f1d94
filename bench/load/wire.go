package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// messageSize is what every message of every scenario carries, in bytes. A Socket.IO event adds its own framing around it.
const messageSize = 128

// The opcodes of RFC 6455, section 5.2.
const (
	opText  = 1
	opClose = 8
	opPing  = 9
	opPong  = 10
)

// appendFrame appends one masked frame with FIN set, as RFC 6455 asks of a client. The payload is at most 65,535 bytes. The
// masking key is always the same, which a server cannot know: it unmasks as it always does.
func appendFrame(b []byte, op byte, payload []byte) []byte {
	mask := [4]byte{0x37, 0xfa, 0x21, 0x3d}
	b = append(b, 0x80|op)
	if len(payload) < 126 {
		b = append(b, 0x80|byte(len(payload)))
	} else {
		b = append(b, 0x80|126)
		b = binary.BigEndian.AppendUint16(b, uint16(len(payload)))
	}
	b = append(b, mask[:]...)
	for i, x := range payload {
		b = append(b, x^mask[i&3])
	}
	return b
}

// nextFrame cuts one frame off b. It returns size 0 while b does not hold a whole frame. Servers do not mask, and the
// messages here are never fragmented: anything else is an error.
func nextFrame(b []byte) (op byte, payload []byte, size int, err error) {
	if len(b) < 2 {
		return 0, nil, 0, nil
	}
	header, n := 2, int(b[1])
	switch {
	case n == 126:
		if len(b) < 4 {
			return 0, nil, 0, nil
		}
		header, n = 4, int(binary.BigEndian.Uint16(b[2:]))
	case n > 126 || b[0]&0xf0 != 0x80:
		return 0, nil, 0, fmt.Errorf("frame header % x: only whole, plain, unmasked frames below 64 KiB are expected", b[:2])
	}
	if len(b) < header+n {
		return 0, nil, 0, nil
	}
	return b[0] & 0x0f, b[header : header+n], header + n, nil
}

// dialect is what differs between plain WebSocket and Socket.IO v4 over WebSocket.
type dialect struct {
	path   func(route string) string // the path of the upgrade request
	prefix string                    // before the 128 bytes of a message, within one text frame
	suffix string                    // after them
	greet  bool                      // the peer has an opening of its own after the upgrade (see conn.greet)
	raw    bool                      // receivers get every text frame as it is
	route  string
	buffer []byte // where all conns of the dialect read; a full read is followed by another, epoll being level-triggered
}

func newDialect(proto, route string) (dialect, error) {
	buffer := make([]byte, 256<<10)
	switch proto {
	case "ws":
		return dialect{path: func(r string) string { return r }, buffer: buffer}, nil
	case "socketio":
		return dialect{
			path:   func(string) string { return "/socket.io/?EIO=4&transport=websocket" },
			prefix: `42` + route + `,["message","`,
			suffix: `"]`,
			greet:  true,
			route:  route,
			buffer: buffer,
		}, nil
	}
	return dialect{}, fmt.Errorf("-proto %q: use ws or socketio", proto)
}

// message appends a frame with one 128-byte message.
func (d *dialect) message(b []byte, sender, seq int) []byte {
	text := make([]byte, 0, 256)
	text = append(text, d.prefix...)
	text = appendData(text, sender, seq)
	text = append(text, d.suffix...)
	return appendFrame(b, opText, text)
}

// appendData appends 128 bytes: the sender's number, a sequence number, and padding.
func appendData(b []byte, sender, seq int) []byte {
	end := len(b) + messageSize
	b = fmt.Appendf(b, "%08d %012d ", sender, seq)
	for len(b) < end {
		b = append(b, 'x')
	}
	return b
}

var errPayload = errors.New("a message came back changed")

// check tells whether payload is a message of ours, by its length and framing, and false for what the peer's protocol says
// besides.
func (d *dialect) check(payload []byte) (bool, error) {
	if len(payload) == len(d.prefix)+messageSize+len(d.suffix) {
		return true, nil
	}
	if d.greet && len(payload) > 0 && payload[0] != '4' {
		return false, nil
	}
	return false, fmt.Errorf("%w: %d bytes: %.60q", errPayload, len(payload), payload)
}

// read returns the sender's number and the sequence number of a message.
func (d *dialect) read(payload []byte) (sender, seq int, err error) {
	p := bytes.TrimPrefix(payload, []byte(d.prefix))
	if len(p) != messageSize+len(d.suffix) || p[8] != ' ' || p[21] != ' ' || p[messageSize-1] != 'x' {
		return 0, 0, fmt.Errorf("%w: %.60q", errPayload, payload)
	}
	return digits(p[:8]), digits(p[9:21]), nil
}

func digits(b []byte) (n int) {
	for _, x := range b {
		n = n*10 + int(x-'0')
	}
	return n
}
