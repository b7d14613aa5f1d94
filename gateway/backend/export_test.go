package backend

import (
	"context"
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
