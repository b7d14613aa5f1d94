package rpc

import (
	"encoding/json"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/ws"
)

// skip tells a client what the slow policy of a room has kept from it.
func (p *peer) skip(s ws.Skipped) {
	p.server.opts.Skipped(s.Messages)
	first, last := peek(s.First), peek(s.Last)
	if first.Room == "" {
		return // not of a room: whoever is told of other things misses nothing that could be fetched
	}
	p.Send(hubbub.Skipped{Room: first.Room, Messages: s.Messages, From: first.Position, To: last.Position})
}

// skippedFrame is what is interesting in a notification of a room.
type skippedFrame struct {
	Room     string          `json:"room"`
	Position hubbub.Position `json:"position"`
}

// peek looks into a frame that was encoded for many. It is not done often: only for a client that is told what it has missed.
func peek(m ws.Message) skippedFrame {
	var f struct {
		Params skippedFrame `json:"params"`
	}
	if err := json.Unmarshal(m.Data, &f); err != nil {
		return skippedFrame{}
	}
	return f.Params
}
