package ws

import (
	"encoding/binary"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Code is a WebSocket close code (RFC 6455, section 7.4).
type Code uint16

// The codes of RFC 6455 and its registry that a program meets, and the two that this package uses itself from the private
// range.
const (
	CodeNormal        Code = 1000 // the purpose of the conn is fulfilled
	CodeGoingAway     Code = 1001 // the server shuts down, or the page was left
	CodeProtocolError Code = 1002 // the peer broke RFC 6455
	CodeUnsupported   Code = 1003 // a kind of data that the endpoint cannot accept
	CodeNoStatus      Code = 1005 // the peer's close frame had no code; never sent
	CodeAbnormal      Code = 1006 // the conn ended without a close frame; never sent
	CodeInvalidData   Code = 1007 // text that is not UTF-8, or compressed data that cannot be inflated
	CodePolicy        Code = 1008 // against a rule of the application, where no other code says more
	CodeTooBig        Code = 1009 // a message over the receiver's limit
	CodeMissingExt    Code = 1010 // a client needs an extension that the server has not agreed to
	CodeInternal      Code = 1011 // a handler panicked
	CodeRestart       Code = 1012 // the server restarts; connect again
	CodeTryLater      Code = 1013 // the server has no room now
	CodeSlow          Code = 4002 // the peer reads too slowly: its pending bytes went over the limit
	CodeHeartbeat     Code = 4004 // the peer was silent for longer than Ping + PongTimeout
)

// String returns the number and, where the code has one, the name: "1001 going away".
func (c Code) String() string {
	number := strconv.Itoa(int(c))
	if name := c.name(); name != "" {
		return number + " " + name
	}
	return number
}

func (c Code) name() string {
	switch c {
	case CodeNormal:
		return "normal"
	case CodeGoingAway:
		return "going away"
	case CodeProtocolError:
		return "protocol error"
	case CodeUnsupported:
		return "unsupported data"
	case CodeNoStatus:
		return "no status"
	case CodeAbnormal:
		return "abnormal"
	case CodeInvalidData:
		return "invalid data"
	case CodePolicy:
		return "policy violation"
	case CodeTooBig:
		return "too big"
	case CodeMissingExt:
		return "missing extension"
	case CodeInternal:
		return "internal error"
	case CodeRestart:
		return "restart"
	case CodeTryLater:
		return "try again later"
	case CodeSlow:
		return "slow reader"
	case CodeHeartbeat:
		return "heartbeat missed"
	}
	return ""
}

// valid reports whether the code may stand in a close frame: the registered ones that are not reserved for local use
// (RFC 6455, section 7.4.1), those of libraries (3000-3999) and those of applications (4000-4999).
func (c Code) valid() bool {
	switch {
	case c >= 1000 && c <= 1003, c >= 1007 && c <= 1014, c >= 3000 && c <= 4999:
		return true
	}
	return false
}

// CloseInfo says how a conn ended. It is what OnClose gets, and, as an error, the cause of the conn's context.
type CloseInfo struct {
	Code   Code   // the peer's code, or ours when we closed first; CodeAbnormal when the socket just ended
	Reason string // the reason that came with the code, at most 123 bytes
	Err    error  // what made the conn end, nil after a clean closing handshake
}

// Error tells the code, the reason and the cause, as far as there are any.
func (i CloseInfo) Error() string {
	text := "ws: conn closed with " + i.Code.String()
	if i.Reason != "" {
		text += ": " + i.Reason
	}
	if i.Err != nil {
		text += " (" + i.Err.Error() + ")"
	}
	return text
}

// Unwrap returns Err, for [errors.Is] and [errors.As].
func (i CloseInfo) Unwrap() error { return i.Err }

// State is where a conn is in its life, with the browser's numbers for WebSocket.readyState.
type State uint8

// The states of a conn. It goes through them in this order and never back.
const (
	Connecting State = iota // in the handshake; a Conn that a program holds is past it
	Open                    // messages can be sent
	Closing                 // a close frame is to be sent or was answered, or the socket is failing; nothing more can be sent
	Closed                  // the socket is gone; OnClose is called next, or was
)

// String returns "connecting", "open", "closing" or "closed".
func (s State) String() string {
	switch s {
	case Connecting:
		return "connecting"
	case Open:
		return "open"
	case Closing:
		return "closing"
	case Closed:
		return "closed"
	}
	return "State(" + strconv.Itoa(int(s)) + ")"
}

// protocolError is a fault of the peer. Its conn is closed with code, and with text as the reason.
type protocolError struct {
	code Code
	text string
}

func (e *protocolError) Error() string { return "ws: " + e.text }

// maxReason is what a control frame's 125 bytes leave for the reason beside the code.
const maxReason = maxControl - 2

// appendClosePayload appends the payload of a close frame. Code 0 and CodeNoStatus give an empty one; any other code must
// be valid. A reason that is too long loses its end, at a rune boundary, and what is not UTF-8 in it is replaced.
func appendClosePayload(dst []byte, code Code, reason string) []byte {
	if code == 0 || code == CodeNoStatus {
		return dst
	}
	dst = binary.BigEndian.AppendUint16(dst, uint16(code))
	return append(dst, truncate(strings.ToValidUTF8(reason, "\uFFFD"), maxReason)...)
}

// truncate returns the longest prefix of valid UTF-8 text that has at most limit bytes and ends with a whole rune.
func truncate(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	for !utf8.RuneStart(text[limit]) {
		limit--
	}
	return text[:limit]
}

// parseClosePayload is the reverse, for a payload that checkClosePayload has passed. An empty one is CodeNoStatus.
func parseClosePayload(payload []byte) (Code, string) {
	if len(payload) < 2 {
		return CodeNoStatus, ""
	}
	return Code(binary.BigEndian.Uint16(payload)), string(payload[2:])
}

// checkClosePayload says what RFC 6455 (sections 5.5.1 and 7.4) forbids in the payload of a received close frame, or nil.
func checkClosePayload(payload []byte) *protocolError {
	if len(payload) == 0 {
		return nil
	}
	if len(payload) == 1 {
		return &protocolError{CodeProtocolError, "close frame with half a code"}
	}
	if code := Code(binary.BigEndian.Uint16(payload)); !code.valid() {
		return &protocolError{CodeProtocolError, "close frame with the forbidden code " + strconv.Itoa(int(code))}
	}
	if !utf8.Valid(payload[2:]) {
		return &protocolError{CodeInvalidData, "close frame with a reason that is not UTF-8"}
	}
	return nil
}
