package auth

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/go-jose/go-jose/v4"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/internal/watch"
)

// loadedKey is a key together with the algorithms that it is good for.
type loadedKey struct {
	id         string // "" fits every token
	algorithms []jose.SignatureAlgorithm
	public     any // []byte, *rsa.PublicKey, *ecdsa.PublicKey or ed25519.PublicKey
	private    any // what signs; nil when there is only a public key
}

// fits tells whether the key may verify a token whose header says kid and algorithm.
func (k *loadedKey) fits(kid string, algorithm jose.SignatureAlgorithm) bool {
	return (kid == "" || k.id == "" || kid == k.id) && slices.Contains(k.algorithms, algorithm)
}

// source is where keys come from. keys may be called concurrently.
type source interface{ keys() []loadedKey }

// fixed are keys that never change.
type fixed []loadedKey

func (f fixed) keys() []loadedKey { return f }

// keyring is all keys of a Config.
type keyring struct {
	sources []source
	remotes []*remote // those of sources that can be asked again
}

func newKeyring(c Config) (*keyring, error) {
	ring := &keyring{}
	for i, k := range c.Keys {
		s, err := ring.open(k, c)
		if err != nil {
			ring.close()
			return nil, fmt.Errorf("auth.keys[%d]: %w", i, err)
		}
		ring.sources = append(ring.sources, s)
	}
	return ring, nil
}

// open makes the source of one configured key.
func (ring *keyring) open(k Key, c Config) (source, error) {
	if err := k.check(); err != nil {
		return nil, err
	}
	switch {
	case k.URL != "":
		r, err := newRemote(k, c)
		if err == nil {
			ring.remotes = append(ring.remotes, r)
		}
		return r, err
	case k.File != "":
		w, err := watch.New(k.File, c.Now, c.Logger, k.parseFile)
		return keyFile{w}, err
	}
	secret, err := k.secret()
	if err != nil {
		return nil, err
	}
	loaded, err := k.load(jose.JSONWebKey{Key: secret, KeyID: k.ID})
	return fixed{loaded}, err
}

func (ring *keyring) close() {
	for _, r := range ring.remotes {
		r.close()
	}
}

// verify returns the payload of a token that one of the keys has signed. When none has, and none is the one that the token
// names, the JWK sets are asked again: the key may be new.
func (ring *keyring) verify(ctx context.Context, token *jose.JSONWebSignature) ([]byte, error) {
	header := token.Signatures[0].Header
	algorithm := jose.SignatureAlgorithm(header.Algorithm)
	fitting := ring.find(header.KeyID, algorithm)
	payload, ok := try(fitting, token)
	if !ok && len(ring.remotes) > 0 && !named(fitting, header.KeyID) {
		if err := ring.refresh(ctx); err != nil {
			return nil, err
		}
		fitting = ring.find(header.KeyID, algorithm)
		payload, ok = try(fitting, token)
	}
	switch {
	case ok:
		return payload, nil
	case len(fitting) > 0:
		return nil, hubbub.Errorf(hubbub.Unauthorized, "the token's signature is not one of this server's keys")
	case header.KeyID != "":
		return nil, hubbub.Errorf(hubbub.Unauthorized, "no key with the kid %.64q is good for %s", header.KeyID, algorithm)
	}
	return nil, hubbub.Errorf(hubbub.Unauthorized, "no key of this server is good for %s", algorithm)
}

// try returns the payload of a token that one of the keys has signed.
func try(keys []loadedKey, token *jose.JSONWebSignature) (payload []byte, ok bool) {
	for _, k := range keys {
		if payload, err := token.Verify(k.public); err == nil {
			return payload, true
		}
	}
	return nil, false
}

// named tells whether one of the keys is the very one that a token names.
func named(keys []loadedKey, kid string) bool {
	return kid != "" && slices.ContainsFunc(keys, func(k loadedKey) bool { return k.id == kid })
}

// find returns the keys that fit.
func (ring *keyring) find(kid string, algorithm jose.SignatureAlgorithm) []loadedKey {
	var found []loadedKey
	for _, s := range ring.sources {
		for _, k := range s.keys() {
			if k.fits(kid, algorithm) {
				found = append(found, k)
			}
		}
	}
	return found
}

// refresh asks the URLs again, all of them, as often as each permits. It fails when one of them does: the key might be there.
func (ring *keyring) refresh(ctx context.Context) error {
	var errs []error
	for _, r := range ring.remotes {
		errs = append(errs, r.refresh(ctx))
	}
	if err := errors.Join(errs...); err != nil {
		return &hubbub.Error{Reason: hubbub.Unavailable, RetryAfter: retryFetch, Err: err,
			Message: "the keys to check the token with cannot be fetched right now; try again"}
	}
	return nil
}

// keyFile is a file of keys.
type keyFile struct{ *watch.File[[]loadedKey] }

func (f keyFile) keys() []loadedKey { return f.Get() }
