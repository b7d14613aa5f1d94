package gateway

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/hubbub-dev/hubbub/ws"
)

// request is what a client sends: one JSON-RPC 2.0 object per text frame. Without an id it is a notification and gets no
// reply.
type request struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
}

// parseRequest returns a request whose ID is a string or a number of at most maxID bytes, or empty for a notification.
func parseRequest(data []byte) (request, *rpcError) {
	var r request
	data = bytes.TrimSpace(data)
	if !json.Valid(data) {
		return r, &rpcError{Code: codeParse, Message: "this is not JSON; send one object like " +
			`{"id": 1, "method": "room.join", "params": {"room": "lobby"}}`}
	}
	if data[0] == '[' {
		return r, &rpcError{Code: codeInvalidRequest, Message: "no batches: send one request per frame"}
	}
	if err := json.Unmarshal(data, &r); err != nil || r.Method == "" {
		return request{}, &rpcError{Code: codeInvalidRequest, Message: `a request is an object with "method", a string`}
	}
	if len(r.ID) > maxID || bytes.ContainsAny(r.ID[:min(1, len(r.ID))], "{[tfn") {
		return request{}, &rpcError{Code: codeInvalidRequest, Message: `"id" is a string or a number of at most 64 bytes`}
	}
	return r, nil
}

// response answers the request with the same id.
type response struct {
	Version string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id"` // null when the request was too broken to have one
	Result  any             `json:"result,omitempty"`
	Error   *rpcError       `json:"error,omitempty"`
}

// notification is what the server tells of itself.
type notification struct {
	Version string `json:"jsonrpc"`
	Method  string `json:"method"`
	Params  any    `json:"params"`
}

// rpcError is a refusal with a message that says what to do.
type rpcError struct {
	Code    int       `json:"code"`
	Message string    `json:"message"`
	Data    *rpcCause `json:"data,omitempty"`
}

// rpcCause is the machine-readable half of an error of ours.
type rpcCause struct {
	Reason       string `json:"reason"` // a stable word
	RetryAfterMS int64  `json:"retry_after_ms,omitempty"`
}

// JSON-RPC's own error codes, and ours from 1000 up.
const (
	codeParse          = -32700
	codeInvalidRequest = -32600
	codeUnknownMethod  = -32601
	codeInvalidParams  = -32602

	codeForbidden   = 1001
	codeNotFound    = 1002
	codeRateLimited = 1003
	codeTooLarge    = 1004
)

func refusal(code int, reason, message string) *rpcError {
	return &rpcError{Code: code, Message: message, Data: &rpcCause{Reason: reason}}
}

func refuseRate(wait time.Duration) *rpcError {
	e := refusal(codeRateLimited, "rate_limited", "you are sending too fast; wait a moment")
	e.Data.RetryAfterMS = max(1, wait.Milliseconds())
	return e
}

// invalidParams names what the params should have been.
func invalidParams(message string) *rpcError {
	return &rpcError{Code: codeInvalidParams, Message: message}
}

// person is a user with the info that others may see. Two conns with one user are one person.
type person struct {
	User string `json:"user"`
	Info info   `json:"info"`
}

type info struct {
	Name string `json:"name"`
}

// welcome is the first notification on every conn.
type welcome struct {
	Session string `json:"session"`
	person
	Time int64 `json:"time"` // Unix milliseconds
}

// position is where a message stands in its room. A new epoch means that the room began anew: offsets start again.
type position struct {
	Epoch  string `json:"epoch"`
	Offset uint64 `json:"offset"` // rises by one per message, from 1
}

type message struct {
	ID       string   `json:"id"`
	Room     string   `json:"room"`
	From     person   `json:"from"`
	Data     chatData `json:"data"`
	Time     int64    `json:"time"` // Unix milliseconds
	Position position `json:"position"`
}

// size is about the most bytes that the text takes as JSON, where one byte may need six.
func (m message) size() int { return 6*len(m.Data.Text) + 256 }

// chatData is what the demo's messages carry.
type chatData struct {
	Text string `json:"text"`
}

// presence tells that a person came or went, or came again under another name.
type presence struct {
	Room string `json:"room"`
	person
	Present int `json:"present"` // people in the room now
}

type joinResult struct {
	Position position  `json:"position"`
	Messages []message `json:"messages"` // the latest, oldest first
	More     bool      `json:"more"`     // earlier ones are no longer kept
}

type presentResult struct {
	Users   []person `json:"users"` // at most maxListed
	Present int      `json:"present"`
}

type sendResult struct {
	ID       string   `json:"id"`
	Position position `json:"position"`
}

// encode makes the text frame of a response or notification. The types above can always be encoded.
func encode(v any) ws.Message {
	b, err := json.Marshal(v)
	if err != nil {
		panic("gateway: " + err.Error())
	}
	return ws.Message{Data: b}
}

func notify(method string, params any) ws.Message { return encode(notification{"2.0", method, params}) }
