package ws

import "iter"

// SlowPolicy says what happens to a member that does not read as fast as its group sends.
type SlowPolicy uint8

const (
	SlowClose      SlowPolicy = iota // close with CodeSlow
	SlowDropOldest                   // skip the oldest waiting messages of the group
	SlowLatest                       // as SlowDropOldest; a newer message takes the place of a waiting one with the same Collapse
)

type GroupOptions struct {
	Slow       SlowPolicy
	MaxPending int // bytes of this group waiting for one member; 0 means the conn's MaxPending
	Log        int // bytes of messages not yet given to every member; 0 means 4 MiB; Broadcast waits when it is full
}

// Skipped tells what a slow policy skipped on one conn since the last call.
type Skipped struct {
	Group       *Group
	Messages    int
	Bytes       int
	First, Last Message
}

type GroupStats struct {
	Broadcasts   uint64 // messages broadcast
	Skipped      uint64 // messages that slow members did not get
	SkippedBytes uint64
	SlowClosed   uint64 // members closed by SlowClose
}

// Group is a keyed set of conns that one broadcast reaches.
type Group struct{}

func (g *Group) Key() string                                { panic("skeleton") }
func (g *Group) Add(c *Conn) error                          { panic("skeleton") } // ErrClosed
func (g *Group) Remove(c *Conn)                             { panic("skeleton") }
func (g *Group) Len() int                                   { panic("skeleton") }
func (g *Group) Conns() iter.Seq[*Conn]                     { panic("skeleton") }
func (g *Group) Broadcast(m Message, except ...*Conn) error { panic("skeleton") }
func (g *Group) Stats() GroupStats                          { panic("skeleton") }
