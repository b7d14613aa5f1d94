package backend

import (
	"context"
	"crypto/x509"
	"net"
)

// DialBy has a Backend connect by a function of a test.
func (b *Backend) DialBy(dial func() (net.Conn, error)) {
	b.wire.dial = func(context.Context) (net.Conn, error) { return dial() }
}

// MaxTokens is maxTokens.
const MaxTokens = maxTokens

// Tokens tells how many signed identities are kept.
func (b *Backend) Tokens() int {
	b.signer.mu.Lock()
	defer b.signer.mu.Unlock()
	return len(b.signer.young) + len(b.signer.old)
}

// Idle tells how many conns wait for calls.
func (b *Backend) Idle() int {
	b.wire.mu.Lock()
	defer b.wire.mu.Unlock()
	return len(b.wire.idle)
}

// Trust has a Backend take the certificate of a server for good.
func (b *Backend) Trust(c *x509.Certificate) {
	roots := x509.NewCertPool()
	roots.AddCert(c)
	b.wire.trust.RootCAs = roots
}
