// Package watch reads files again that may change while the program runs, such as files of keys.
package watch

import (
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// maxFile bounds a file, in bytes.
const maxFile = 16 << 20

// File is what a file says, read again when the file has changed. Its methods may be called concurrently.
type File[T any] struct {
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

// New reads a file. Its error says why that is not possible; what parse says is wrong comes behind the file's name.
func New[T any](path string, now func() time.Time, log *slog.Logger, parse func([]byte) (T, error)) (*File[T], error) {
	w := &File[T]{path: path, parse: parse, now: now, log: log, asked: now()}
	return w, w.read()
}

// Get returns what the file said when it could last be read. It looks at the file at most once a second, and logs when it has
// changed, well or not.
func (w *File[T]) Get() T {
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
func (w *File[T]) changed() bool {
	info, err := os.Stat(w.path)
	if err != nil {
		return w.info != nil // say so once
	}
	return w.info == nil || !os.SameFile(info, w.info) || info.Size() != w.info.Size() || !info.ModTime().Equal(w.info.ModTime())
}

// read reads the file. The state before reading is kept, so that a change while reading is seen the next time.
func (w *File[T]) read() error {
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
