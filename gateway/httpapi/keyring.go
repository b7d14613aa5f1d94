package httpapi

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/hubbub-dev/hubbub"
)

// SetKeys replaces all keys but those of Options.KeyFile, at once for all calls that begin after it, and ends the streams of those
// that are gone. If one is wrong nothing changes, and the error says which. Two keys may have the same name while one takes the
// place of the other: they are the same caller, which keeps what it has used of its rate.
func (a *API) SetKeys(keys []Key) error {
	given, err := newKeyList(keys)
	if err != nil {
		return err
	}
	a.setting.Lock()
	defer a.setting.Unlock()
	old := a.keys.Load()
	a.replace(old, newKeyring(given, old.file, old, a.o.Rate))
	return nil
}

// ring returns the keys of this moment.
func (a *API) ring() *keyring {
	ring := a.keys.Load()
	if a.file == nil {
		return ring
	}
	list := a.file.Get()
	if ring.file == list {
		return ring
	}
	a.setting.Lock()
	defer a.setting.Unlock()
	old := a.keys.Load()
	if old.file != list {
		a.replace(old, newKeyring(old.given, list, old, a.o.Rate))
	}
	return a.keys.Load()
}

// replace puts a keyring in the place of another. The caller holds setting.
func (a *API) replace(old, ring *keyring) {
	a.keys.Store(ring)
	close(old.replaced)
}

// keyList is a list of keys that were checked. It is immutable.
type keyList struct {
	keys []Key
	sums [][sha256.Size]byte // of each
}

func newKeyList(keys []Key) (*keyList, error) {
	l := &keyList{}
	for _, k := range keys {
		sum, err := k.sum()
		if err != nil {
			return nil, err
		}
		if i := slices.Index(l.sums, sum); i >= 0 {
			return nil, fmt.Errorf("the same API key is there twice, as %q and as %q: make another one with `hubbub apikey`",
				l.keys[i].Name, k.Name)
		}
		k.Scopes = slices.Clone(k.Scopes)
		l.keys, l.sums = append(l.keys, k), append(l.sums, sum)
	}
	return l, nil
}

// keyring is the keys of one moment. It is immutable.
type keyring struct {
	keys     []*heldKey
	given    *keyList      // by SetKeys
	file     *keyList      // of the file; nil if there is none
	replaced chan struct{} // closed when another has taken its place
}

// heldKey is a key with its hash decoded and what its name has used. It is immutable but for that.
type heldKey struct {
	Key
	sum [sha256.Size]byte
	*usage
}

// usage is what the calls in the name of a key have used. Its fields are safe for concurrent use.
type usage struct {
	limit   *rate.Limiter
	streams atomic.Int32 // that are open
	replies replies      // that are remembered
}

// newKeyring joins the keys that were given with those of a file. A key that is in both is as it was given.
func newKeyring(given, file *keyList, old *keyring, limit hubbub.Rate) *keyring {
	ring := &keyring{given: given, file: file, replaced: make(chan struct{})}
	for _, list := range []*keyList{given, file} {
		if list == nil {
			continue
		}
		for i, k := range list.keys {
			if ring.holding(list.sums[i]) == nil {
				ring.keys = append(ring.keys, &heldKey{Key: k, sum: list.sums[i], usage: usageOf(k.Name, limit, ring, old)})
			}
		}
	}
	return ring
}

// usageOf is what a name has used, also in the keyrings before.
func usageOf(name string, limit hubbub.Rate, rings ...*keyring) *usage {
	for _, ring := range rings {
		for _, k := range ring.keys {
			if k.Name == name {
				return k.usage
			}
		}
	}
	return &usage{limit: newLimiter(limit)}
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

// holding returns the key with a hash, nil if there is none. All are compared, so that the time tells nothing.
func (ring *keyring) holding(sum [sha256.Size]byte) *heldKey {
	var found *heldKey
	for _, k := range ring.keys {
		if subtle.ConstantTimeCompare(sum[:], k.sum[:]) == 1 {
			found = k
		}
	}
	return found
}

// opens tells whether a key that was admitted before is still there, and opens the scope.
func (ring *keyring) opens(held *heldKey, need Scope) bool {
	now := ring.holding(held.sum)
	return now != nil && now.Name == held.Name && now.has(need)
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
	found := ring.holding(sha256.Sum256([]byte(presented)))
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
	return need == anyScope || slices.Contains(k.Scopes, need) || slices.Contains(k.Scopes, Admin)
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
