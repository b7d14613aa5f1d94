package auth

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"

	"github.com/hubbub-dev/hubbub"
)

// minSecret and minRSA are the least bytes of a secret and bits of an RSA key (RFC 7518, sections 3.2 and 3.3).
const (
	minSecret = 32
	minRSA    = 2048
)

// maxKeys bounds a JWK set, since a token without kid is tried with every key that fits its algorithm.
const maxKeys = 100

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
		w, err := watch(k.File, c, k.parseFile)
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

// verify returns the payload of a token that one of the keys has signed. Unknown keys are looked for in the JWK sets again.
func (ring *keyring) verify(ctx context.Context, token *jose.JSONWebSignature) ([]byte, error) {
	header := token.Signatures[0].Header
	algorithm := jose.SignatureAlgorithm(header.Algorithm)
	fitting := ring.find(header.KeyID, algorithm)
	if len(fitting) == 0 && len(ring.remotes) > 0 {
		if err := ring.refresh(ctx); err != nil {
			return nil, err
		}
		fitting = ring.find(header.KeyID, algorithm)
	}
	for _, k := range fitting {
		if payload, err := token.Verify(k.public); err == nil {
			return payload, nil
		}
	}
	switch {
	case len(fitting) > 0:
		return nil, hubbub.Errorf(hubbub.Unauthorized, "the token's signature is not one of this server's keys")
	case header.KeyID != "":
		return nil, hubbub.Errorf(hubbub.Unauthorized, "no key with the kid %.64q is good for %s", header.KeyID, algorithm)
	}
	return nil, hubbub.Errorf(hubbub.Unauthorized, "no key of this server is good for %s", algorithm)
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

// check tells whether exactly one source of the key is set, and whether its algorithm is known.
func (k Key) check() error {
	set := 0
	for _, s := range []string{k.Secret, k.SecretBase64, k.File, k.URL} {
		if s != "" {
			set++
		}
	}
	if set != 1 {
		return fmt.Errorf("set exactly one of secret, secret_base64, file and url, not %d of them", set)
	}
	if k.Algorithm != "" && !slices.Contains(algorithms(), jose.SignatureAlgorithm(k.Algorithm)) {
		return fmt.Errorf("algorithm %q is not known; use one of %v", k.Algorithm, algorithms())
	}
	return nil
}

// secret returns the bytes of a shared secret.
func (k Key) secret() ([]byte, error) {
	if k.SecretBase64 == "" {
		if strings.Contains(k.Secret, "-----BEGIN") {
			return nil, errors.New("secret: this is PEM; put it into a file and name it with file, or everybody who has the public " +
				"key could sign tokens")
		}
		return []byte(k.Secret), nil
	}
	text := strings.TrimRight(strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimSpace(k.SecretBase64)), "=")
	b, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		return nil, errors.New("secret_base64 is not base64; make one with: openssl rand -base64 32")
	}
	return b, nil
}

// parseFile reads the contents of a PEM file, a JWK or a JWK set.
func (k Key) parseFile(b []byte) ([]loadedKey, error) {
	b = bytes.TrimSpace(b)
	if bytes.HasPrefix(b, []byte("{")) {
		return k.parseSet(b, true)
	}
	block, _ := pem.Decode(b)
	if block == nil {
		return nil, errors.New("it is neither PEM nor a JWK set in JSON; convert DER with: openssl pkey -pubin -inform der -in FILE")
	}
	key, err := parsePEM(block)
	if err != nil {
		return nil, err
	}
	loaded, err := k.load(jose.JSONWebKey{Key: key, KeyID: k.ID})
	return []loadedKey{loaded}, err
}

func parsePEM(block *pem.Block) (any, error) {
	switch block.Type {
	case "PUBLIC KEY":
		return x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		return x509.ParsePKCS1PublicKey(block.Bytes)
	case "CERTIFICATE":
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		return c.PublicKey, nil
	case "PRIVATE KEY":
		return x509.ParsePKCS8PrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		return x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		return x509.ParseECPrivateKey(block.Bytes)
	}
	return nil, fmt.Errorf("PEM of the type %q is not understood; it must be a public key, a certificate or a private key without "+
		"passphrase", block.Type)
}

// parseSet reads a JWK or a JWK set and skips the keys that are not for verifying, or of kinds that are not known (RFC 7517,
// section 5). Secrets are taken only from where they may be.
func (k Key) parseSet(b []byte, secrets bool) ([]loadedKey, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(b, &set); err != nil {
		return nil, errors.New("it is not a JWK set in JSON")
	}
	if set.Keys == nil {
		set.Keys = []json.RawMessage{b}
	}
	if len(set.Keys) > maxKeys {
		return nil, fmt.Errorf("it has %d keys; at most %d are allowed", len(set.Keys), maxKeys)
	}
	var all []loadedKey
	var skipped error
	for _, raw := range set.Keys {
		var jwk jose.JSONWebKey
		if err := jwk.UnmarshalJSON(raw); err != nil {
			skipped = fmt.Errorf("a key cannot be read: %w", err)
			continue
		}
		if _, secret := jwk.Key.([]byte); secret && !secrets || jwk.Use != "" && jwk.Use != "sig" {
			continue
		}
		loaded, err := k.load(jwk)
		if err != nil {
			skipped = err
			continue
		}
		all = append(all, loaded)
	}
	if len(all) == 0 {
		return nil, errors.Join(errors.New("no key of it can verify signatures"), skipped)
	}
	return all, nil
}

// load pins a key to its algorithms: that of the configuration, that of the JWK, or those of its kind.
func (k Key) load(jwk jose.JSONWebKey) (loadedKey, error) {
	loaded := loadedKey{id: jwk.KeyID, public: jwk.Key}
	if signs, ok := jwk.Key.(crypto.Signer); ok {
		loaded.public, loaded.private = signs.Public(), jwk.Key
	}
	kind, err := kindOf(loaded.public)
	if err != nil {
		return loadedKey{}, err
	}
	loaded.algorithms = kind
	for _, only := range []string{jwk.Algorithm, k.Algorithm} {
		if only == "" {
			continue
		}
		if !slices.Contains(loaded.algorithms, jose.SignatureAlgorithm(only)) {
			return loadedKey{}, fmt.Errorf("algorithm %s: the key is good for %v only", only, loaded.algorithms)
		}
		loaded.algorithms = []jose.SignatureAlgorithm{jose.SignatureAlgorithm(only)}
	}
	if secret, ok := jwk.Key.([]byte); ok {
		loaded.private = secret
		loaded.algorithms = loaded.algorithms[:1]
	}
	return loaded, nil
}

// kindOf returns what a key of this kind may verify, or why it must not be used.
func kindOf(public any) ([]jose.SignatureAlgorithm, error) {
	switch p := public.(type) {
	case []byte:
		return kindOfSecret(p)
	case ed25519.PublicKey:
		return []jose.SignatureAlgorithm{jose.EdDSA}, nil
	case *rsa.PublicKey:
		if p.N.BitLen() < minRSA {
			return nil, fmt.Errorf("the RSA key has %d bits; it needs %d", p.N.BitLen(), minRSA)
		}
		return []jose.SignatureAlgorithm{jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512}, nil
	case *ecdsa.PublicKey:
		switch p.Curve.Params().BitSize {
		case 256:
			return []jose.SignatureAlgorithm{jose.ES256}, nil
		case 384:
			return []jose.SignatureAlgorithm{jose.ES384}, nil
		case 521:
			return []jose.SignatureAlgorithm{jose.ES512}, nil
		}
	}
	return nil, fmt.Errorf("keys of the kind %T cannot be used; use RSA, ECDSA on P-256, P-384 or P-521, or Ed25519", public)
}

func kindOfSecret(secret []byte) ([]jose.SignatureAlgorithm, error) {
	switch n := len(secret); {
	case n < minSecret:
		return nil, fmt.Errorf("the secret has %d bytes; it needs %d (48 for HS384, 64 for HS512): make one with "+
			"openssl rand -base64 32 and set it as secret_base64", n, minSecret)
	case n < 48:
		return []jose.SignatureAlgorithm{jose.HS256}, nil
	case n < 64:
		return []jose.SignatureAlgorithm{jose.HS256, jose.HS384}, nil
	}
	return []jose.SignatureAlgorithm{jose.HS256, jose.HS384, jose.HS512}, nil
}
