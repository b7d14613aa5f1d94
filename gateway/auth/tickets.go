package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"sync"
	"time"

	"github.com/hubbub-dev/hubbub"
)

// The times that a ticket is good for.
const (
	DefaultTicketTTL = 30 * time.Second
	MaxTicketTTL     = 5 * time.Minute
)

// TicketKey is what a ticket is stored by: its SHA-256. Who reads the store cannot sign in with it.
type TicketKey [sha256.Size]byte

// TicketStore keeps tickets until they are redeemed. Its methods may be called concurrently, may take a network round trip and
// may fail; their errors are best a *[hubbub.Error].
type TicketStore interface {
	// Put keeps the identity under the key until expires. A store that is full says so with the reason Unavailable.
	Put(ctx context.Context, key TicketKey, id hubbub.Identity, expires time.Time) error
	// Take returns the identity and forgets it, in one step: of several that take at once, on all nodes, one gets it.
	// ok is false when there is none, or none any more.
	Take(ctx context.Context, key TicketKey) (id hubbub.Identity, ok bool, err error)
}

// Tickets are good for one sign-in each, within seconds. A backend takes one out for a user that it knows, and the user's page
// connects with ?ticket=. What a log keeps of it is worthless. Its methods may be called concurrently.
type Tickets struct {
	store TicketStore
	now   func() time.Time
}

// NewTickets makes tickets that are kept in store. now is the clock; nil means time.Now.
func NewTickets(store TicketStore, now func() time.Time) *Tickets {
	if now == nil {
		now = time.Now
	}
	return &Tickets{store: store, now: now}
}

// Issue makes a ticket for an identity and says until when it is good. ttl 0 means [DefaultTicketTTL]; more than
// [MaxTicketTTL] is Invalid, as is an identity that does not pass its Check. If the identity does not say when it was
// issued, that is now.
func (t *Tickets) Issue(ctx context.Context, id hubbub.Identity, ttl time.Duration) (ticket string, expires time.Time, err error) {
	if ttl == 0 {
		ttl = DefaultTicketTTL
	}
	if ttl < 0 || ttl > MaxTicketTTL {
		return "", time.Time{}, hubbub.Errorf(hubbub.Invalid, "a ticket can be good for at most %s, not %s", MaxTicketTTL, ttl)
	}
	if err := id.Check(); err != nil {
		return "", time.Time{}, err
	}
	now := t.now()
	if id.Issued.IsZero() {
		id.Issued = now
	}
	ticket = rand.Text() // 130 bits
	expires = now.Add(ttl)
	if err := t.store.Put(ctx, keyOf(ticket), id, expires); err != nil {
		return "", time.Time{}, hubbub.AsError(err)
	}
	return ticket, expires, nil
}

// Redeem returns whose ticket it is. A second time it is Unauthorized, as is one that expired or never was.
func (t *Tickets) Redeem(ctx context.Context, ticket string) (hubbub.Identity, error) {
	id, ok, err := t.store.Take(ctx, keyOf(ticket))
	if err != nil {
		return hubbub.Identity{}, hubbub.AsError(err)
	}
	if !ok {
		return hubbub.Identity{}, hubbub.Errorf(hubbub.Unauthorized, "the ticket was used already, has expired or never was; get a new one")
	}
	return id, nil
}

func keyOf(ticket string) TicketKey { return sha256.Sum256([]byte(ticket)) }

// MemoryTickets keeps tickets in this process.
type MemoryTickets struct {
	// Immutable.
	most int
	now  func() time.Time
	// Guarded by mu.
	mu    sync.Mutex
	kept  map[TicketKey]keptTicket
	swept time.Time
}

type keptTicket struct {
	id      hubbub.Identity
	expires time.Time
}

// NewMemoryTickets makes a store for most tickets at a time; 0 means 100,000. now is the clock; nil means time.Now.
func NewMemoryTickets(most int, now func() time.Time) *MemoryTickets {
	if most <= 0 {
		most = 100_000
	}
	if now == nil {
		now = time.Now
	}
	return &MemoryTickets{most: most, now: now, kept: map[TicketKey]keptTicket{}, swept: now()}
}

// Put is [TicketStore]'s. Unavailable means that the store is full of tickets that are still good.
func (m *MemoryTickets) Put(_ context.Context, key TicketKey, id hubbub.Identity, expires time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sweep()
	if len(m.kept) >= m.most {
		return &hubbub.Error{Reason: hubbub.Unavailable, RetryAfter: DefaultTicketTTL, Message: "too many tickets wait to be used; try again"}
	}
	m.kept[key] = keptTicket{id, expires}
	return nil
}

// Take is [TicketStore]'s.
func (m *MemoryTickets) Take(_ context.Context, key TicketKey) (hubbub.Identity, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k, ok := m.kept[key]
	delete(m.kept, key)
	if !ok || !m.now().Before(k.expires) {
		return hubbub.Identity{}, false, nil
	}
	return k.id, true, nil
}

// sweep forgets what has expired, every ten seconds, or every second while the store is full. The caller holds mu.
func (m *MemoryTickets) sweep() {
	now, every := m.now(), 10*time.Second
	if len(m.kept) >= m.most {
		every = time.Second
	}
	if now.Sub(m.swept) < every {
		return
	}
	m.swept = now
	for key, k := range m.kept {
		if !now.Before(k.expires) {
			delete(m.kept, key)
		}
	}
}
