package auth_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/auth"
)

// BenchmarkSignIn authenticates requests with an ES256 token in the subprotocol.
func BenchmarkSignIn(b *testing.B) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		b.Fatal(err)
	}
	path := filepath.Join(b.TempDir(), "key.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		b.Fatal(err)
	}
	c := auth.Config{Keys: []auth.Key{{File: path}}, Logger: slog.New(slog.DiscardHandler)}
	token, err := auth.Sign(c, hubbub.Identity{User: "ann", Device: "d1", Info: []byte(`{"name":"Ann"}`)}, time.Hour)
	if err != nil {
		b.Fatal(err)
	}
	a, err := auth.New(c)
	if err != nil {
		b.Fatal(err)
	}
	defer a.Close()
	r := get("device=d1", "Sec-WebSocket-Protocol", "hubbub.v1, hubbub.token."+token)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.Authenticate(r); err != nil {
			b.Fatal(err)
		}
	}
}
