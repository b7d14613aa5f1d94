package httpapi

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"github.com/hubbub-dev/hubbub"
)

// Scope is a part of the API that a key opens.
type Scope string

// The scopes.
const (
	Publish  Scope = "publish"  // send messages
	Read     Scope = "read"     // ask who is online, and where
	Sessions Scope = "sessions" // sign people in and out: tickets, ending sessions, revoking
	Admin    Scope = "admin"    // everything
)

// Scopes are all scopes.
func Scopes() []Scope { return []Scope{Publish, Read, Sessions, Admin} }

const (
	keyPrefix  = "hub_" // lets people and scanners recognize a key that lies where it should not
	hashPrefix = "sha256:"
)

// Key is what the gateway knows of an API key; the key itself is known to its owner alone.
type Key struct {
	// Name says whose key it is, in logs and errors; see [hubbub.CheckName]. No two keys have the same. Idempotency
	// keys belong to it.
	Name   string
	Hash   string // "sha256:" and the SHA-256 of the key in hex
	Scopes []Scope
}

// NewKey makes an API key with 130 random bits. The secret is what the caller sends; it cannot be had again from the Key. The
// error says what is wrong with the name or scopes.
func NewKey(name string, scopes ...Scope) (secret string, k Key, err error) {
	secret = keyPrefix + rand.Text()
	sum := sha256.Sum256([]byte(secret))
	k = Key{Name: name, Hash: hashPrefix + hex.EncodeToString(sum[:]), Scopes: scopes}
	if _, err := k.sum(); err != nil {
		return "", Key{}, err
	}
	return secret, k, nil
}

// sum checks the key and returns its hash. The error never shows what stands in Hash, since it could be the key itself.
func (k Key) sum() ([sha256.Size]byte, error) {
	var sum [sha256.Size]byte
	if err := hubbub.CheckName("name of an API key", k.Name); err != nil {
		return sum, err
	}
	if len(k.Scopes) == 0 {
		return sum, fmt.Errorf("the API key %q opens nothing: give it one of the scopes %s", k.Name, scopeList())
	}
	for _, s := range k.Scopes {
		if !slices.Contains(Scopes(), s) {
			return sum, fmt.Errorf("the API key %q has the scope %q, which does not exist: use some of %s", k.Name, s, scopeList())
		}
	}
	if strings.HasPrefix(k.Hash, keyPrefix) {
		return sum, fmt.Errorf("the hash of the API key %q is a key itself: keep that secret, and write down the hash that "+
			"`hubbub apikey` prints beside it", k.Name)
	}
	digits, ok := strings.CutPrefix(k.Hash, hashPrefix)
	if n, err := hex.Decode(sum[:], []byte(digits[:min(len(digits), 2*len(sum))])); !ok || err != nil || n != len(sum) ||
		len(digits) != 2*len(sum) {
		return sum, fmt.Errorf("the hash of the API key %q must be %q and 64 hexadecimal digits, as `hubbub apikey` prints it",
			k.Name, hashPrefix)
	}
	return sum, nil
}

func scopeList() string {
	var names []string
	for _, s := range Scopes() {
		names = append(names, string(s))
	}
	return strings.Join(names, ", ")
}

// SetKeys replaces all keys, at once for all calls that begin after it. If one is wrong nothing changes, and the error says
// which. A key that keeps its name keeps what it has used of its rate.
func (a *API) SetKeys(keys []Key) error {
	for {
		old := a.keys.Load()
		ring, err := newKeyring(keys, old, a.o.Rate)
		if err != nil {
			return err
		}
		if a.keys.CompareAndSwap(old, ring) {
			return nil
		}
	}
}

// keyring is the keys of one moment. It is immutable.
type keyring struct{ keys []*heldKey }

// heldKey is a key with its hash decoded and what it has used.
type heldKey struct {
	Key
	sum   [sha256.Size]byte
	limit *rate.Limiter
}

func newKeyring(keys []Key, old *keyring, limit hubbub.Rate) (*keyring, error) {
	ring := &keyring{}
	for _, k := range keys {
		sum, err := k.sum()
		if err != nil {
			return nil, err
		}
		if ring.named(k.Name) != nil {
			return nil, fmt.Errorf("two API keys have the name %q: give each its own", k.Name)
		}
		held := &heldKey{Key: k, sum: sum, limit: newLimiter(limit)}
		held.Scopes = slices.Clone(k.Scopes)
		if was := old.named(k.Name); was != nil {
			held.limit = was.limit
		}
		ring.keys = append(ring.keys, held)
	}
	return ring, nil
}

func newLimiter(r hubbub.Rate) *rate.Limiter {
	if r.PerSecond < 0 {
		return rate.NewLimiter(rate.Inf, 0)
	}
	if r.PerSecond == 0 {
		r.PerSecond = 1000
	}
	if r.Burst == 0 {
		r.Burst = 2000
	}
	return rate.NewLimiter(rate.Limit(r.PerSecond), r.Burst)
}

func (ring *keyring) named(name string) *heldKey {
	for _, k := range ring.keys {
		if k.Name == name {
			return k
		}
	}
	return nil
}

// caller returns the key that a request was made with, or what to answer. Authorization comes before X-API-Key, and a bad one
// does not fall through.
func (ring *keyring) caller(r *http.Request) (*heldKey, *Problem) {
	if len(ring.keys) == 0 {
		return nil, unauthorized("", "this gateway has no API keys, so nobody may call it: make one with `hubbub apikey --name NAME`, "+
			"and add the entry that it prints to the setting api.keys")
	}
	presented, refused := presentedKey(r)
	if refused != nil {
		return nil, refused
	}
	sum := sha256.Sum256([]byte(presented))
	var found *heldKey
	for _, k := range ring.keys { // all of them, so that the time tells nothing
		if subtle.ConstantTimeCompare(sum[:], k.sum[:]) == 1 {
			found = k
		}
	}
	if found == nil {
		return nil, unauthorized("invalid_token", "this API key is not known here: it may have been replaced, or belong to another gateway")
	}
	return found, nil
}

func presentedKey(r *http.Request) (string, *Problem) {
	if header := r.Header.Get("Authorization"); header != "" {
		scheme, key, _ := strings.Cut(header, " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return "", unauthorized("", "API keys are sent as `Authorization: Bearer KEY`; this request has another scheme than Bearer")
		}
		return strings.TrimSpace(key), nil
	}
	if key := r.Header.Get("X-API-Key"); key != "" {
		return key, nil
	}
	return "", unauthorized("", "the API key is missing: send it as `Authorization: Bearer KEY` or `X-API-Key: KEY`")
}

// has tells whether the key opens a scope.
func (k *heldKey) has(need Scope) bool {
	return slices.Contains(k.Scopes, need) || slices.Contains(k.Scopes, Admin)
}

// take counts a call at now and returns 0, or how long to wait until one would be allowed.
func (k *heldKey) take(now time.Time) time.Duration {
	next := k.limit.ReserveN(now, 1)
	wait := next.DelayFrom(now)
	if wait > 0 {
		next.CancelAt(now)
	}
	return wait
}
