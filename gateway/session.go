package gateway

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/hubbub-dev/hubbub/ws"
)

// session is one conn of one person. Its fields belong to the conn's handlers, of which one runs at a time.
type session struct {
	conn *ws.Conn
	person
	chat    *chat
	limit   bucket
	refused int  // requests refused since the last good one
	joined  bool // guarded by chat.mu
}

// connect greets a new conn and answers its requests until it closes.
func (c *chat) connect(conn *ws.Conn) {
	who, ok := conn.Context().Value(personKey{}).(person)
	if !ok {
		_ = conn.Close(ws.CodeInternal, "nobody identified")
		return
	}
	s := &session{conn: conn, person: who, chat: c, limit: bucket{burst: sendBurst, rate: sendRate}}
	conn.OnMessage(s.receive)
	conn.OnClose(func(ws.CloseInfo) { c.leave(s) })
	s.push(notify("welcome", welcome{strconv.FormatUint(conn.ID(), 36), who, c.now().UnixMilli()}))
}

// push gives the conn a message. Its errors say that the conn is closing, which OnClose tells too.
func (s *session) push(m ws.Message) { _ = s.conn.Send(m) }

func (s *session) receive(m ws.Message) {
	if m.Binary {
		_ = s.conn.Close(ws.CodeUnsupported, "text frames only")
		return
	}
	r, err := parseRequest(m.Data)
	if err == nil {
		err = s.handle(r)
	}
	if err == nil {
		s.refused = 0
		return
	}
	s.refuse(r, err)
}

// refuse answers with the error, and closes the conn when it does not learn from errors. A broken request is answered with
// the id null; a notification, which has no id, is not answered.
func (s *session) refuse(r request, err *rpcError) {
	s.refused++
	if s.refused >= maxRefused {
		_ = s.conn.Close(codeBadRequests, "too_many_bad_requests")
		return
	}
	if len(r.ID) == 0 && r.Method != "" {
		return
	}
	s.push(encode(response{Version: "2.0", ID: r.ID, Error: err}))
}

func (s *session) handle(r request) *rpcError {
	if wait := s.limit.take(s.chat.now()); wait > 0 {
		return refuseRate(wait)
	}
	reply := func(result any) {
		if len(r.ID) > 0 {
			s.push(encode(response{Version: "2.0", ID: r.ID, Result: result}))
		}
	}
	switch r.Method {
	case "room.join":
		return s.join(r.Params, reply)
	case "room.present":
		return s.present(r.Params, reply)
	case "room.send":
		return s.send(r.Params, reply)
	}
	return &rpcError{Code: codeUnknownMethod, Message: fmt.Sprintf("there is no method %.40q here; there are "+
		"room.join, room.present and room.send", r.Method)}
}

type roomParams struct {
	Room string   `json:"room"`
	Data chatData `json:"data"`
}

// params decodes what all methods take: a room, which must be the lobby.
func (s *session) params(raw json.RawMessage) (roomParams, *rpcError) {
	var p roomParams
	if err := json.Unmarshal(raw, &p); err != nil {
		return p, invalidParams(`params are {"room": "lobby"}, and for room.send also "data": {"text": "…"}`)
	}
	if p.Room != lobby {
		return p, refusal(codeNotFound, "not_found", `the demo has one room, "lobby"`)
	}
	return p, nil
}

func (s *session) join(raw json.RawMessage, reply func(any)) *rpcError {
	if _, err := s.params(raw); err != nil {
		return err
	}
	s.chat.join(s, reply)
	return nil
}

func (s *session) present(raw json.RawMessage, reply func(any)) *rpcError {
	if _, err := s.params(raw); err != nil {
		return err
	}
	s.chat.present(reply)
	return nil
}

func (s *session) send(raw json.RawMessage, reply func(any)) *rpcError {
	p, err := s.params(raw)
	if err != nil {
		return err
	}
	text := strings.TrimSpace(p.Data.Text)
	switch {
	case text == "":
		return invalidParams(`a message needs "data": {"text": "…"} with something in it`)
	case len(text) > maxText:
		return refusal(codeTooLarge, "too_large", fmt.Sprintf("a message has at most %d bytes; this one has %d", maxText,
			len(text)))
	case !s.joined:
		return refusal(codeForbidden, "forbidden", "join the room before you send to it: room.join")
	}
	s.chat.send(s.person, text, reply)
	return nil
}
