package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestTokensAreSignedByTheKeyOfTheFile(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := newSigner(file)
	if err != nil {
		t.Fatal(err)
	}
	token, err := s.token("user-1", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	at := strings.LastIndexByte(token, '.')
	raw, err := base64.RawURLEncoding.DecodeString(token[at+1:])
	if err != nil || len(raw) != 64 {
		t.Fatalf("a signature of %d bytes (%v)", len(raw), err)
	}
	digest := sha256.Sum256([]byte(token[:at]))
	if !ecdsa.Verify(&key.PublicKey, digest[:], new(big.Int).SetBytes(raw[:32]), new(big.Int).SetBytes(raw[32:])) {
		t.Fatal("the signature is not the key's")
	}
}

func TestFramesOfAChatAreToldApart(t *testing.T) {
	for _, c := range []struct {
		lang  language
		frame string
		want  heard
		fails bool
	}{
		{hubbubV1{}, `{"jsonrpc":"2.0","method":"room.message","params":{}}`, message, false},
		{hubbubV1{}, `{"jsonrpc":"2.0","method":"room.joined","params":{}}`, other, false},
		{hubbubV1{}, `{"jsonrpc":"2.0","id":2,"result":{}}`, answer, false},
		{hubbubV1{}, `{"jsonrpc":"2.0","id":2,"error":{}}`, other, true},
		{socketIO{}, `42/chat,["message",{}]`, message, false},
		{socketIO{}, `43/chat,2["ok"]`, answer, false},
		{socketIO{}, `44/chat,{}`, other, true},
	} {
		kind, _, err := c.lang.hears([]byte(c.frame))
		if kind != c.want || (err != nil) != c.fails {
			t.Errorf("%s is %d (%v), not %d", c.frame, kind, err, c.want)
		}
	}
}
