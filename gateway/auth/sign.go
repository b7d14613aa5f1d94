package auth

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/hubbub-dev/hubbub"
)

// ErrCannotSign is what [Sign] returns when no key of the Config is a secret or a private key.
var ErrCannotSign = errors.New("auth.keys has no key that can sign: name a secret, or a file with the private key")

// Sign makes a token for an identity that ends after ttl, as a login would: signed by the first key of the Config that is a
// secret or a private key, with its Issuer and the first of its Audience, and with a random id if the identity has none. A
// key that allows several algorithms signs by the first of them (RS256). Issued, Expires and Anonymous of the identity are
// not used.
func Sign(c Config, id hubbub.Identity, ttl time.Duration) (string, error) {
	c = c.withDefaults()
	if err := id.Check(); err != nil {
		return "", err
	}
	if ttl <= 0 {
		return "", fmt.Errorf("a token must be good for more than %s", ttl)
	}
	key, err := signingKey(c)
	if err != nil {
		return "", err
	}
	options := (&jose.SignerOptions{}).WithType("JWT")
	if key.id != "" {
		options.WithHeader("kid", key.id)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: key.algorithms[0], Key: key.private}, options)
	if err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	token, err := jwt.Signed(signer).Claims(claimsOf(c, id, ttl)).Serialize()
	if err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	if len(token) > MaxToken {
		return "", hubbub.Errorf(hubbub.TooLarge, "the token has %d bytes; at most %d are allowed", len(token), MaxToken)
	}
	return token, nil
}

func claimsOf(c Config, id hubbub.Identity, ttl time.Duration) claims {
	now := c.Now()
	all := claims{Info: id.Info, Attrs: id.Attrs, Device: id.Device, Platform: id.Platform, Claims: jwt.Claims{Issuer: c.Issuer,
		Subject: id.User, IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(ttl)), ID: id.Token}}
	if len(c.Audience) > 0 {
		all.Audience = jwt.Audience{c.Audience[0]}
	}
	if all.ID == "" {
		all.ID = rand.Text()
	}
	if id.Rooms.Join != nil || id.Rooms.Send != nil {
		all.Rooms = (*roomPermissions)(&id.Rooms)
	}
	return all
}

// signingKey returns the first key that can sign. Sets at URLs are not asked: only public keys come from there.
func signingKey(c Config) (loadedKey, error) {
	ring := &keyring{}
	for i, k := range c.Keys {
		if k.URL != "" {
			continue
		}
		s, err := ring.open(k, c)
		if err != nil {
			return loadedKey{}, fmt.Errorf("auth.keys[%d]: %w", i, err)
		}
		for _, loaded := range s.keys() {
			if loaded.private != nil {
				return loaded, nil
			}
		}
	}
	return loadedKey{}, ErrCannotSign
}

// NewSecret makes a random secret of 256 bits for [Key.SecretBase64].
func NewSecret() string {
	var b [minSecret]byte
	rand.Read(b[:]) // never fails
	return base64.StdEncoding.EncodeToString(b[:])
}
