package main

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"os"
	"strconv"
	"time"
)

// signer makes tokens (JWT, ES256) such as an application's login gives to its users.
type signer struct{ key *ecdsa.PrivateKey }

func newSigner(file string) (*signer, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("-key: %w", err)
	}
	block, _ := pem.Decode(b)
	if block == nil {
		return nil, fmt.Errorf("-key: %s is not a PEM file", file)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("-key: %s: %w", file, err)
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || key.Curve.Params().BitSize != 256 {
		return nil, fmt.Errorf("-key: %s does not hold a P-256 key", file)
	}
	return &signer{key}, nil
}

// token is good for an hour. The user has a name, which the others see.
func (s *signer) token(user string, now time.Time) (string, error) {
	encode := base64.RawURLEncoding.EncodeToString
	claims := fmt.Appendf(nil, `{"sub":%s,"iat":%d,"exp":%d,"info":{"name":%s}}`, strconv.Quote(user), now.Unix(),
		now.Add(time.Hour).Unix(), strconv.Quote("The "+user))
	signed := encode([]byte(`{"alg":"ES256","typ":"JWT"}`)) + "." + encode(claims)
	digest := sha256.Sum256([]byte(signed))
	r, t, err := ecdsa.Sign(rand.Reader, s.key, digest[:])
	if err != nil {
		return "", fmt.Errorf("sign a token: %w", err)
	}
	var raw [64]byte // RFC 7518, section 3.4
	r.FillBytes(raw[:32])
	t.FillBytes(raw[32:])
	return signed + "." + encode(raw[:]), nil
}
