package auth

import (
	"bytes"
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
)

// minSecret and minRSA are the least bytes of a secret and bits of an RSA key (RFC 7518, sections 3.2 and 3.3).
const (
	minSecret = 32
	minRSA    = 2048
)

// maxKeys bounds a JWK set, since a token without kid is tried with every key that fits its algorithm.
const maxKeys = 100

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
