package ws

import (
	"encoding/binary"
	"fmt"
	"math"
)

// sink receives what a parser finds. It may not call the parser.
type sink interface {
	// message delivers a whole message. data is a fresh slice that the receiver owns. It is as the peer sent it:
	// a compressed message is still to be inflated, and its text to be checked (see checkWholeText).
	message(binary, compressed bool, data []byte)
	// control delivers a close, ping or pong frame. data is valid only during the call. A close payload has been checked.
	control(op opcode, data []byte)
}

// parseLimits is what a parser needs to know of its conn. Many conns share one.
type parseLimits struct {
	client     bool // we are the client: frames must not be masked
	deflate    bool // permessage-deflate was negotiated: RSV1 is allowed
	maxMessage int  // bytes, more than 0; see limit for compressed messages
	maxFrames  int  // frames per message, more than 0
}

// limit is the largest payload of a message. A compressed one may be somewhat larger than what it inflates to; whether that
// is within maxMessage is for inflateMessage to say.
func (l *parseLimits) limit(compressed bool) int {
	if !compressed {
		return l.maxMessage
	}
	return l.maxMessage + min(l.maxMessage/8+64, math.MaxInt-l.maxMessage)
}

// parser turns the bytes of one direction of a conn into messages and control frames, however the bytes are cut. It is a
// part of each conn, so it is small, and between messages it holds no buffer. Its zero value is ready.
type parser struct {
	data    []byte          // payload of the unfinished message, nil if there is none
	control *partialControl // payload of the unfinished control frame, nil if there is none
	remain  int             // bytes of the current frame's payload still to come
	frames  int32           // frames of the unfinished message
	mask    [4]byte         // of the current frame
	header  [maxHeader]byte // start of a header that is cut
	have    uint8           // bytes in header
	frame   byte            // first byte of the current frame
	message byte            // first byte of the unfinished message's first frame, 0 if there is no message
	phase   uint8           // of the mask: position in the payload, modulo 4
	rest    uint8           // bytes at the end of data that begin an unfinished rune
	state   parseState
}

type parseState uint8

const (
	inHeader parseState = iota
	inPayload
	deaf // after an error or a close frame: whatever follows is ignored
)

type partialControl struct {
	n       int
	payload [maxControl]byte
}

// feed consumes all of b, which it may change. The error, if any, is a *protocolError and the last one.
func (p *parser) feed(b []byte, lim *parseLimits, s sink) error {
	for len(b) > 0 && p.state != deaf {
		if p.state == inHeader {
			n, err := p.takeHeader(b, lim)
			if err != nil {
				return p.fail(err)
			}
			if p.state == inHeader {
				return nil
			}
			b = b[n:]
		}
		chunk := b[:min(len(b), p.remain)]
		b = b[len(chunk):]
		if len(chunk) == 0 && p.remain > 0 {
			return nil
		}
		if err := p.takePayload(chunk, lim, s); err != nil {
			return p.fail(err)
		}
	}
	return nil
}

func (p *parser) fail(err *protocolError) error {
	*p = parser{state: deaf}
	return err
}

// takeHeader reads a frame's header from b and returns the number of bytes taken. It stays inHeader and takes all of b if
// the header goes on after it.
func (p *parser) takeHeader(b []byte, lim *parseLimits) (int, *protocolError) {
	if p.have == 0 {
		n, err := p.readHeader(b, lim)
		if n > 0 || err != nil {
			return n, err
		}
	}
	before := int(p.have)
	p.have += uint8(copy(p.header[before:], b))
	n, err := p.readHeader(p.header[:p.have], lim)
	if n == 0 || err != nil {
		return 0, err
	}
	p.have = 0
	return n - before, nil
}

// readHeader reads the header at the beginning of b, or returns 0 if it is not complete there. What is wrong is found as soon
// as the byte that says it is there.
func (p *parser) readHeader(b []byte, lim *parseLimits) (int, *protocolError) {
	if len(b) < 2 {
		return 0, nil
	}
	if err := p.checkStart(b[0], b[1], lim); err != nil {
		return 0, err
	}
	n, length := 2, uint64(b[1]&^maskBit)
	switch length {
	case length16:
		if n += 2; len(b) < n {
			return 0, nil
		}
		if length = uint64(binary.BigEndian.Uint16(b[2:])); length < length16 {
			return 0, &protocolError{CodeProtocolError, "frame length that is not in its shortest form"}
		}
	case length64:
		if n += 8; len(b) < n {
			return 0, nil
		}
		if length = binary.BigEndian.Uint64(b[2:]); length>>63 != 0 || length <= math.MaxUint16 {
			return 0, &protocolError{CodeProtocolError, "frame length that is too long or not in its shortest form"}
		}
	}
	if err := p.checkLength(b[0], length, lim); err != nil {
		return 0, err
	}
	if b[1]&maskBit != 0 {
		if n += 4; len(b) < n {
			return 0, nil
		}
		p.mask = [4]byte(b[n-4:])
	}
	p.begin(b[0], int(length))
	return n, nil
}

// checkStart judges the two bytes that every header has.
func (p *parser) checkStart(first, second byte, lim *parseLimits) *protocolError {
	op, fin, masked := opcode(first&opBits), first&finBit != 0, second&maskBit != 0
	text := ""
	switch rsv := first & rsvBits; {
	case rsv != 0 && (rsv != rsv1Bit || !lim.deflate || (op != opText && op != opBinary)):
		text = "frame with reserved bits that were not negotiated"
	case op.reserved():
		text = fmt.Sprintf("frame with the reserved opcode %#x", byte(op))
	case masked && lim.client:
		text = "masked frame from the server"
	case !masked && !lim.client:
		text = "frame from the client that is not masked"
	case op.control() && !fin:
		text = "control frame in fragments"
	case op.control() && second&^maskBit > maxControl:
		text = "control frame with more than 125 bytes"
	case op == opContinuation && p.message == 0:
		text = "continuation frame without a message to continue"
	case !op.control() && op != opContinuation && p.message != 0:
		text = "new message inside a fragmented one"
	default:
		return nil
	}
	return &protocolError{CodeProtocolError, text}
}

// checkLength judges the length that a frame announces, before any of it arrives.
func (p *parser) checkLength(first byte, length uint64, lim *parseLimits) *protocolError {
	if opcode(first & opBits).control() {
		return nil
	}
	if int(p.frames) >= lim.maxFrames {
		return &protocolError{CodeTooBig, fmt.Sprintf("message in more than %d frames", lim.maxFrames)}
	}
	if length > uint64(lim.limit((first|p.message)&rsv1Bit != 0)-len(p.data)) {
		return &protocolError{CodeTooBig, fmt.Sprintf("message of more than %d bytes", lim.maxMessage)}
	}
	return nil
}

// begin starts the payload of a frame whose header is good.
func (p *parser) begin(first byte, length int) {
	p.state, p.frame, p.remain, p.phase = inPayload, first, length, 0
	op := opcode(first & opBits)
	if op.control() {
		return
	}
	p.frames++
	if op != opContinuation {
		p.message = first
	}
}

// takePayload takes the next piece of the current frame's payload, which may be empty, and ends the frame if it is the last.
func (p *parser) takePayload(chunk []byte, lim *parseLimits, s sink) *protocolError {
	if !lim.client {
		applyMask(chunk, p.mask, int(p.phase))
		p.phase += uint8(len(chunk) & 3)
	}
	p.remain -= len(chunk)
	if p.remain == 0 {
		p.state = inHeader
	}
	if op := opcode(p.frame & opBits); op.control() {
		return p.takeControl(op, chunk, s)
	}
	return p.takeData(chunk, s)
}

func (p *parser) takeControl(op opcode, chunk []byte, s sink) *protocolError {
	if p.remain > 0 || p.control != nil {
		if p.control == nil {
			p.control = new(partialControl)
		}
		p.control.n += copy(p.control.payload[p.control.n:], chunk)
		chunk = p.control.payload[:p.control.n]
	}
	if p.remain > 0 {
		return nil
	}
	p.control = nil
	if op == opClose {
		if err := checkClosePayload(chunk); err != nil {
			return err
		}
		*p = parser{state: deaf}
	}
	s.control(op, chunk)
	return nil
}

func (p *parser) takeData(chunk []byte, s sink) *protocolError {
	last := p.frame&finBit != 0 && p.remain == 0
	whole := last && len(p.data) == 0 // the message is in chunk
	data := chunk
	if !whole {
		p.store(chunk)
		data = p.data
	}
	if p.message&(opBits|rsv1Bit) == byte(opText) {
		rest, ok := checkText(data[len(data)-len(chunk)-int(p.rest):])
		if !ok || last && rest > 0 {
			return errNotUTF8
		}
		p.rest = uint8(rest)
	}
	if !last {
		return nil
	}
	if whole {
		data = append(make([]byte, 0, len(chunk)+p.spare()), chunk...)
	}
	message := p.message
	p.data, p.message, p.frames, p.rest = nil, 0, 0, 0
	s.message(opcode(message&opBits) == opBinary, message&rsv1Bit != 0, data)
	return nil
}

// firstBuffer is what a partly received frame is given at least, if it is going to be that long.
const firstBuffer = 512

// store appends chunk to the message. The buffer grows with what has arrived and ends at what the frame has announced, so
// a frame that comes whole costs one allocation of its length, and a length that is only announced costs nothing.
func (p *parser) store(chunk []byte) {
	need := len(p.data) + len(chunk)
	if need > cap(p.data) || p.data == nil {
		announced := need + p.remain
		size := min(announced, max(need, 2*cap(p.data), firstBuffer))
		grown := make([]byte, len(p.data), size+p.spare())
		copy(grown, p.data)
		p.data = grown
	}
	p.data = append(p.data, chunk...)
}

// spare is what a buffer has beyond the message: room for what inflating appends to a compressed one.
func (p *parser) spare() int {
	if p.message&rsv1Bit != 0 {
		return len(inflateTail)
	}
	return 0
}
