package auth

import (
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// maxFile bounds a file of keys or passwords.
const maxFile = 16 << 20

// watched is what a file says, read again when the file has changed.
type watched[T any] struct {
	// Immutable.
	path  string
	parse func([]byte) (T, error)
	now   func() time.Time
	log   *slog.Logger
	// Guarded by mu.
	mu    sync.Mutex
	value T
	info  os.FileInfo // of the file that was read last, well or not
	asked time.Time   // when it was last looked at
}

func watch[T any](path string, c Config, parse func([]byte) (T, error)) (*watched[T], error) {
	w := &watched[T]{path: path, parse: parse, now: c.Now, log: c.Logger, asked: c.Now()}
	return w, w.read()
}

// get returns what the file said when it could last be read. It looks at the file at most once a second.
func (w *watched[T]) get() T {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.now()
	if since := now.Sub(w.asked); 0 <= since && since < time.Second {
		return w.value
	}
	w.asked = now
	if !w.changed() {
		return w.value
	}
	if err := w.read(); err != nil {
		w.log.Error("a file that changed cannot be used; what it said before still counts", "error", err)
		return w.value
	}
	w.log.Info("read a file that changed", "file", w.path)
	return w.value
}

// changed tells whether there is another file, or other contents in it, than were read last.
func (w *watched[T]) changed() bool {
	info, err := os.Stat(w.path)
	if err != nil {
		return w.info != nil // say so once
	}
	return w.info == nil || !os.SameFile(info, w.info) || info.Size() != w.info.Size() || !info.ModTime().Equal(w.info.ModTime())
}

// read reads the file. The state before reading is kept, so that a change while reading is seen the next time.
func (w *watched[T]) read() error {
	info, err := os.Stat(w.path)
	if err != nil {
		w.info = nil
		return err
	}
	w.info = info
	if info.Size() > maxFile {
		return fmt.Errorf("%s has %d bytes; at most %d are allowed", w.path, info.Size(), maxFile)
	}
	b, err := os.ReadFile(w.path)
	if err != nil {
		return err
	}
	value, err := w.parse(b)
	if err != nil {
		return fmt.Errorf("%s: %w", w.path, err)
	}
	w.value = value
	return nil
}

// keyFile is a file of keys.
type keyFile struct{ *watched[[]loadedKey] }

func (f keyFile) keys() []loadedKey { return f.get() }
