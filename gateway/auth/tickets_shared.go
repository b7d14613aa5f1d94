package auth

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"github.com/hubbub-dev/hubbub"
)

// SharedTickets keeps tickets where all nodes find them, so that a ticket of one node signs in at another.
type SharedTickets struct {
	scratch hubbub.Scratch
	now     func() time.Time
}

// sharedTicket is how a ticket is kept. Fields that a newer version adds are passed over by an older one.
type sharedTicket struct {
	Identity hubbub.Identity
	Expires  time.Time
}

// NewSharedTickets makes a store for tickets. now is the clock; nil means time.Now.
func NewSharedTickets(scratch hubbub.Scratch, now func() time.Time) *SharedTickets {
	if now == nil {
		now = time.Now
	}
	return &SharedTickets{scratch, now}
}

// Put is [TicketStore]'s.
func (s *SharedTickets) Put(ctx context.Context, key TicketKey, id hubbub.Identity, expires time.Time) error {
	life := expires.Sub(s.now())
	if life <= 0 {
		return nil
	}
	value, err := json.Marshal(sharedTicket{id, expires})
	if err != nil {
		return fmt.Errorf("encode a ticket: %w", err)
	}
	return s.scratch.Set(ctx, nameOfTicket(key), value, life)
}

// Take is [TicketStore]'s.
func (s *SharedTickets) Take(ctx context.Context, key TicketKey) (hubbub.Identity, bool, error) {
	value, err := s.scratch.Take(ctx, nameOfTicket(key))
	if err != nil || value == nil {
		return hubbub.Identity{}, false, err
	}
	var kept sharedTicket
	if err := json.Unmarshal(value, &kept); err != nil {
		return hubbub.Identity{}, false, fmt.Errorf("decode a ticket: %w", err)
	}
	if !s.now().Before(kept.Expires) {
		return hubbub.Identity{}, false, nil
	}
	if string(kept.Identity.Info) == "null" { // that is how JSON has none
		kept.Identity.Info = nil
	}
	return kept.Identity, true, nil
}

// nameOfTicket is the name under which a ticket is kept.
func nameOfTicket(key TicketKey) string {
	return "ticket:" + base64.RawURLEncoding.EncodeToString(key[:])
}
