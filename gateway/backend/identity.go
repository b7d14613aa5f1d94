package backend

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/hubbub-dev/hubbub"
)

const (
	tokenLife = time.Minute
	// tokenUse is for how long a token is used again: what a backend gets is good for at least the rest of its life.
	tokenUse = tokenLife / 2
	// maxTokens is how many tokens one half of the cache holds. When it is full it becomes the older half and the older half is
	// forgotten, so that those who call remain.
	maxTokens = 2048
)

// signer makes the signed identities of one backend. A user who calls once calls again: the token is kept, since signing costs
// several times as much as the rest of a call's preparation.
type signer struct {
	// Immutable.
	name string
	jose jose.Signer
	now  func() time.Time
	// Guarded by mu.
	mu         sync.Mutex
	young, old map[tokenKey]*signed
}

// tokenKey finds a token; whether it still says the same is compared.
type tokenKey struct{ user, device, platform, session string }

type signed struct {
	token string
	until time.Time // when it is made anew
	info  []byte
	attrs map[string]string
}

// claims are what a token says besides the registered claims.
type claims struct {
	jwt.Claims
	Device   string            `json:"device,omitempty"`
	Platform string            `json:"platform,omitempty"`
	Session  string            `json:"sid,omitempty"`
	Info     json.RawMessage   `json:"info,omitempty"`
	Attrs    map[string]string `json:"attrs,omitempty"`
}

func newSigner(c *Config) (*signer, error) {
	key := jose.SigningKey{Algorithm: jose.HS256, Key: []byte(c.Secret)}
	by, err := jose.NewSigner(key, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return nil, fmt.Errorf("sign identities: %w", err)
	}
	return &signer{name: c.Name, jose: by, now: c.Now, young: map[tokenKey]*signed{}}, nil
}

func (s *signer) sign(id *hubbub.Identity, session string) (string, error) {
	key := tokenKey{user: id.User, device: id.Device, platform: id.Platform, session: session}
	now := s.now()
	if found := s.find(key); found.says(id, now) {
		return found.token, nil
	}
	all := claims{Device: id.Device, Platform: id.Platform, Session: session, Info: id.Info, Attrs: id.Attrs,
		Claims: jwt.Claims{Issuer: "hubbub", Subject: id.User, Audience: jwt.Audience{s.name},
			IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(tokenLife))}}
	token, err := jwt.Signed(s.jose).Claims(all).Serialize()
	if err != nil {
		return "", &hubbub.Error{Reason: hubbub.Invalid, Message: "the identity cannot be signed", Err: err}
	}
	s.keep(key, &signed{token: token, until: now.Add(tokenUse), info: bytes.Clone(id.Info), attrs: maps.Clone(id.Attrs)})
	return token, nil
}

// says tells whether the token is good for what an identity says now.
func (t *signed) says(id *hubbub.Identity, now time.Time) bool {
	return t != nil && now.Before(t.until) && bytes.Equal(t.info, id.Info) && maps.Equal(t.attrs, id.Attrs)
}

func (s *signer) find(key tokenKey) *signed {
	s.mu.Lock()
	defer s.mu.Unlock()
	if found := s.young[key]; found != nil {
		return found
	}
	found := s.old[key]
	if found != nil {
		s.put(key, found)
	}
	return found
}

func (s *signer) keep(key tokenKey, made *signed) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.put(key, made)
}

// put needs mu.
func (s *signer) put(key tokenKey, made *signed) {
	if len(s.young) >= maxTokens {
		s.old, s.young = s.young, make(map[tokenKey]*signed)
	}
	s.young[key] = made
}
