package gateway

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// certificate is a certificate from files that is read again when one of them changes. It may be used concurrently.
type certificate struct {
	// Immutable.
	files  TLSConfig
	logger *slog.Logger
	now    func() time.Time

	// Guarded by mu.
	mu     sync.Mutex
	loaded *tls.Certificate
	seen   [2]os.FileInfo // of cert and key when they were last read; nil if there was none
	asked  time.Time      // when the files were last looked at
}

func newCertificate(files TLSConfig, logger *slog.Logger, now func() time.Time) (*certificate, error) {
	c := &certificate{files: files, logger: logger, now: now, asked: now()}
	c.seen = c.stat()
	if err := c.read(); err != nil {
		return nil, err
	}
	return c, nil
}

// config is for an http.Server.
func (c *certificate) config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get}
}

// get returns the certificate. It looks at the files at most once a second, and keeps the old certificate when the new one is
// broken or only half there.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if since := c.now().Sub(c.asked); 0 <= since && since < time.Second {
		return c.loaded, nil
	}
	c.asked = c.now()
	seen := c.stat()
	if same(seen[0], c.seen[0]) && same(seen[1], c.seen[1]) {
		return c.loaded, nil
	}
	c.seen = seen
	if err := c.read(); err != nil {
		c.logger.Error("the changed certificate cannot be used; the old one is kept", "error", err)
		return c.loaded, nil
	}
	c.logger.Info("read the changed certificate", "file", c.files.Cert, "until", c.loaded.Leaf.NotAfter)
	return c.loaded, nil
}

func (c *certificate) stat() (seen [2]os.FileInfo) {
	for i, name := range []string{c.files.Cert, c.files.Key} {
		if info, err := os.Stat(name); err == nil {
			seen[i] = info
		}
	}
	return seen
}

func same(a, b os.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

func (c *certificate) read() error {
	loaded, err := tls.LoadX509KeyPair(c.files.Cert, c.files.Key)
	if err != nil {
		return fmt.Errorf("load the certificate %s with the key %s: %w", c.files.Cert, c.files.Key, err)
	}
	c.loaded = &loaded
	return nil
}
