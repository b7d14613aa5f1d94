package ws

// Code is a WebSocket close code (RFC 6455, section 7.4).
type Code uint16

// The codes of RFC 6455 and its registry that a program meets, and the two that this package uses itself from the private
// range.
const (
	CodeNormal        Code = 1000 // the purpose of the conn is fulfilled
	CodeGoingAway     Code = 1001 // the server shuts down, or the page was left
	CodeProtocolError Code = 1002
	CodeUnsupported   Code = 1003 // a kind of data that the endpoint cannot accept
	CodeNoStatus      Code = 1005 // the peer's close frame had no code; never sent
	CodeAbnormal      Code = 1006 // the conn ended without a close frame; never sent
	CodeInvalidData   Code = 1007 // text that is not UTF-8, or compressed data that cannot be inflated
	CodePolicy        Code = 1008
	CodeTooBig        Code = 1009 // a message over the receiver's limit
	CodeMissingExt    Code = 1010
	CodeInternal      Code = 1011 // a handler panicked
	CodeRestart       Code = 1012
	CodeTryLater      Code = 1013
	CodeSlow          Code = 4002 // the peer reads too slowly: its pending bytes went over the limit
	CodeHeartbeat     Code = 4004 // the peer was silent for longer than Ping + PongTimeout
)

// CloseInfo says how a conn ended. It is what OnClose gets, and, as an error, the cause of the conn's context.
type CloseInfo struct {
	Code   Code   // the peer's code, or ours when we closed first; CodeAbnormal when the socket just ended
	Reason string // the reason that came with the code, at most 123 bytes
	Err    error  // what made the conn end, nil after a clean closing handshake
}

// State is where a conn is in its life, with the browser's numbers for WebSocket.readyState.
type State uint8

const (
	Connecting State = iota
	Open
	Closing // a close frame was sent or received, or the socket is failing
	Closed
)
