package ws_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// patience is how long a test waits for what has to happen. It only decides how late a broken test fails.
const patience = 20 * time.Second

// The first byte of a frame: the opcode, and the bits that may stand beside it.
const (
	rawContinuation byte = 0x0
	rawText         byte = 0x1
	rawBinary       byte = 0x2
	rawClose        byte = 0x8
	rawPing         byte = 0x9
	rawPong         byte = 0xA
	rawFin          byte = 0x80
	rawRSV1         byte = 0x40
)

// rawConn is a client that speaks the protocol by hand, so that it can also break it.
type rawConn struct {
	net.Conn
	t      testing.TB
	r      *bufio.Reader
	header http.Header // of the 101 response
}

// rawHandshake is the request that opens a WebSocket. Each of extra is one more line, such as "Origin: null".
func rawHandshake(path string, extra ...string) string {
	lines := append([]string{
		"GET " + path + " HTTP/1.1", "Host: raw.example", "Connection: Upgrade", "Upgrade: websocket",
		"Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
	}, extra...)
	return strings.Join(lines, "\r\n") + "\r\n\r\n"
}

// rawConnect opens a TCP connection that ends with the test, and says nothing on it.
func rawConnect(t testing.TB, addr string) net.Conn {
	t.Helper()
	nc, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	t.Cleanup(func() { nc.Close() })
	return nc
}

// rawDial opens a WebSocket at addr, "host:port".
func rawDial(t testing.TB, addr, path string, extra ...string) *rawConn {
	t.Helper()
	return rawUpgrade(t, rawConnect(t, addr), path, extra...)
}

// insecure is TLS with whoever it is.
func insecure(nc net.Conn) net.Conn { return tls.Client(nc, &tls.Config{InsecureSkipVerify: true}) }

// rawUpgrade makes a WebSocket of nc.
func rawUpgrade(t testing.TB, nc net.Conn, path string, extra ...string) *rawConn {
	t.Helper()
	c, err := rawTryUpgrade(nc, path, extra...)
	if err != nil {
		t.Fatalf("handshake: %v", err)
	}
	c.t = t
	return c
}

// rawTryUpgrade is rawUpgrade for those who may be turned away.
func rawTryUpgrade(nc net.Conn, path string, extra ...string) (*rawConn, error) {
	nc.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(nc, rawHandshake(path, extra...)); err != nil {
		return nil, err
	}
	c := &rawConn{Conn: nc, r: bufio.NewReader(nc)}
	return c, c.readResponse()
}

// start sends a handshake, and whatever else, in one piece, and reads the response.
func (c *rawConn) start(b ...[]byte) {
	c.t.Helper()
	c.SetDeadline(time.Now().Add(patience))
	c.r = bufio.NewReader(c.Conn)
	c.write(bytes.Join(b, nil))
	if err := c.readResponse(); err != nil {
		c.t.Fatalf("handshake: %v", err)
	}
}

func (c *rawConn) readResponse() error {
	res, err := http.ReadResponse(c.r, nil)
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusSwitchingProtocols {
		return fmt.Errorf("the server answered %s", res.Status)
	}
	c.header = res.Header
	return nil
}

// rawFrame is what was received.
type rawFrame struct {
	first   byte
	payload []byte
}

func (f rawFrame) opcode() byte { return f.first & 0x0F }

// closeCode is the code of a close frame, 0 if there is none.
func (f rawFrame) closeCode() int {
	if len(f.payload) < 2 {
		return 0
	}
	return int(binary.BigEndian.Uint16(f.payload))
}

// rawHeader is a frame's header that announces length bytes, whether they follow or not.
func rawHeader(first byte, mask *[4]byte, length uint64) []byte {
	second := byte(0)
	if mask != nil {
		second = 0x80
	}
	b := []byte{first, second}
	switch {
	case length > 0xFFFF:
		b[1] |= 127
		b = binary.BigEndian.AppendUint64(b, length)
	case length > 125:
		b[1] |= 126
		b = binary.BigEndian.AppendUint16(b, uint16(length))
	default:
		b[1] |= byte(length)
	}
	if mask != nil {
		b = append(b, mask[:]...)
	}
	return b
}

// masked is a frame as a client has to send it.
func masked(first byte, payload []byte) []byte {
	mask := [4]byte{0x12, 0xA7, 0x05, 0xE3}
	b := rawHeader(first, &mask, uint64(len(payload)))
	for i, p := range payload {
		b = append(b, p^mask[i%4])
	}
	return b
}

// unmasked is a frame as only a server may send it.
func unmasked(first byte, payload []byte) []byte {
	return append(rawHeader(first, nil, uint64(len(payload))), payload...)
}

// maskedClose is a client's close frame.
func maskedClose(code int, reason string) []byte {
	return masked(rawFin|rawClose, append(binary.BigEndian.AppendUint16(nil, uint16(code)), reason...))
}

// write sends bytes as they are.
func (c *rawConn) write(b ...[]byte) {
	c.t.Helper()
	for _, part := range b {
		if _, err := c.Write(part); err != nil {
			c.t.Fatalf("write: %v", err)
		}
	}
}

// text sends a text message.
func (c *rawConn) text(s string) {
	c.t.Helper()
	c.write(masked(rawFin|rawText, []byte(s)))
}

// next reads one frame. It answers no ping.
func (c *rawConn) next() (rawFrame, error) {
	var head [2]byte
	if _, err := io.ReadFull(c.r, head[:]); err != nil {
		return rawFrame{}, err
	}
	if head[1]&0x80 != 0 {
		return rawFrame{}, errors.New("the server sent a masked frame")
	}
	length := uint64(head[1])
	var wide [8]byte
	switch length {
	case 126:
		if _, err := io.ReadFull(c.r, wide[6:]); err != nil {
			return rawFrame{}, err
		}
		length = binary.BigEndian.Uint64(wide[:])
	case 127:
		if _, err := io.ReadFull(c.r, wide[:]); err != nil {
			return rawFrame{}, err
		}
		length = binary.BigEndian.Uint64(wide[:])
	}
	payload := make([]byte, length)
	_, err := io.ReadFull(c.r, payload)
	return rawFrame{head[0], payload}, err
}

// want reads one frame, passing by pings, and checks its first byte.
func (c *rawConn) want(first byte) rawFrame {
	c.t.Helper()
	for {
		f, err := c.next()
		if err != nil {
			c.t.Fatalf("waited for a frame %#x: %v", first, err)
		}
		if f.first == rawFin|rawPing && first != f.first {
			continue
		}
		if f.first != first {
			c.t.Fatalf("received the frame %#x %.100q, want %#x", f.first, f.payload, first)
		}
		return f
	}
}

// wantText reads one text message.
func (c *rawConn) wantText(want string) {
	c.t.Helper()
	if f := c.want(rawFin | rawText); string(f.payload) != want {
		c.t.Fatalf("received %.100q, want %.100q", f.payload, want)
	}
}

// wantEcho sends a text and waits for its return.
func (c *rawConn) wantEcho(s string) {
	c.t.Helper()
	c.text(s)
	c.wantText(s)
}

// wantClose reads a close frame, passing by what else comes before it.
func (c *rawConn) wantClose(code int) {
	c.t.Helper()
	if f := c.untilClose(); f.closeCode() != code {
		c.t.Fatalf("close frame with %d %q, want %d", f.closeCode(), f.payload, code)
	}
}

func (c *rawConn) untilClose() rawFrame {
	c.t.Helper()
	for {
		f, err := c.next()
		if err != nil {
			c.t.Fatalf("waited for a close frame: %v", err)
		}
		if f.opcode() == rawClose {
			return f
		}
	}
}

// wantEnd waits for the end of the socket, which must be in order and not a reset.
func (c *rawConn) wantEnd() {
	c.t.Helper()
	if f, err := c.next(); err != io.EOF {
		c.t.Fatalf("waited for the end of the socket: frame %#x %.100q, %v", f.first, f.payload, err)
	}
}

// tcp is the socket, below TLS if there is some.
func (c *rawConn) tcp() *net.TCPConn {
	nc := c.Conn
	if tc, ok := nc.(*tls.Conn); ok {
		nc = tc.NetConn()
	}
	return nc.(*net.TCPConn)
}

// reset ends the socket without a word, so that the peer sees ECONNRESET.
func (c *rawConn) reset() {
	c.tcp().SetLinger(0)
	c.tcp().Close()
}

// halfClose ends what we send, and leaves open what we receive.
func (c *rawConn) halfClose() { c.Conn.(interface{ CloseWrite() error }).CloseWrite() }
