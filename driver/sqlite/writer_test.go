package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/sqlite"
	"github.com/hubbub-dev/hubbub/internal/testkit"
)

// set is a write that sets a value, and then does what else is wanted.
func set(ctx context.Context, s *sqlite.Store, name string, then func() error) error {
	return s.Write(ctx, func(set func(name, value string) error) error {
		if err := set(name, "set"); err != nil {
			return err
		}
		return then()
	})
}

func nothing() error { return nil }

// has tells whether a value was set.
func has(t *testing.T, s *sqlite.Store, name string) bool {
	t.Helper()
	var value string
	if err := s.Read(t.Context(), func(get func(string) string) error { value = get(name); return nil }); err != nil {
		t.Fatal(err)
	}
	return value != ""
}

// hold keeps the writer busy, so that writes queue up until release is called.
func hold(t *testing.T, s *sqlite.Store) (release func()) {
	t.Helper()
	held, holding := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		err := s.Write(context.Background(), func(func(name, value string) error) error {
			close(holding)
			<-held
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-holding
	release = sync.OnceFunc(func() { close(held); wg.Wait() })
	t.Cleanup(release)
	return release
}

func queued(t *testing.T, s *sqlite.Store, n int) {
	t.Helper()
	testkit.Eventually(t, fmt.Sprintf("%d writes are queued", n), func() bool { return s.Queued() == n })
}

func TestWritesShareACommit(t *testing.T) {
	for maxBatch, commits := range map[int]uint64{0: 2, 1: 65, 16: 5} {
		s := open(t, sqlite.Options{MaxBatch: maxBatch})
		before := s.Stats()
		release := hold(t, s)
		var wg sync.WaitGroup
		for i := range 64 {
			wg.Go(func() {
				if err := set(context.Background(), s, fmt.Sprint(i), nothing); err != nil {
					t.Error(err)
				}
			})
		}
		queued(t, s, 64)
		release()
		wg.Wait()
		after := s.Stats()
		if n := after.Commits - before.Commits; n != commits || after.Writes-before.Writes != 65 {
			t.Errorf("with MaxBatch %d there were %d commits of %d writes, want %d", maxBatch, n, after.Writes-before.Writes, commits)
		}
	}
}

func TestAWriteThatFailsTakesBackItselfAlone(t *testing.T) {
	s := open(t, sqlite.Options{})
	release := hold(t, s)
	refused := errors.New("refused")
	fails := map[string]func() error{
		"good": nothing, "bad": func() error { return refused }, "late": nothing, "panic": func() error { panic("a mistake") },
	}
	errs := make(map[string]error)
	var mu sync.Mutex
	var wg sync.WaitGroup
	for name, then := range fails {
		wg.Go(func() {
			err := set(context.Background(), s, name, then)
			mu.Lock()
			defer mu.Unlock()
			errs[name] = err
		})
	}
	queued(t, s, len(fails))
	release()
	wg.Wait()
	if errs["good"] != nil || errs["late"] != nil || !errors.Is(errs["bad"], refused) || errs["panic"] == nil {
		t.Fatalf("the errors are %v", errs)
	}
	for name, want := range map[string]bool{"good": true, "bad": false, "late": true, "panic": false} {
		if has(t, s, name) != want {
			t.Errorf("%q is set: %v, want %v", name, !want, want)
		}
	}
}

func TestContextsCountUntilAWriteIsQueued(t *testing.T) {
	s := open(t, sqlite.Options{Queue: 1})
	release := hold(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	var first, second error
	var wg sync.WaitGroup
	wg.Go(func() { first = set(ctx, s, "first", nothing) })
	queued(t, s, 1)
	wg.Go(func() { second = set(ctx, s, "second", nothing) })
	cancel()
	release()
	wg.Wait()
	if first != nil || !has(t, s, "first") {
		t.Errorf("what was queued when its context ended has failed: %v", first)
	}
	if second != nil && has(t, s, "second") {
		t.Errorf("what was told to have failed has happened: %v", second)
	}
	if err := set(ctx, s, "third", nothing); !errors.Is(err, context.Canceled) || has(t, s, "third") {
		t.Errorf("what came after its context had ended: %v", err)
	}
	if err := s.Read(ctx, func(func(string) string) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("a read of which the context has ended: %v", err)
	}
}

func TestTheQueueIsBounded(t *testing.T) {
	s := open(t, sqlite.Options{Queue: 1})
	release := hold(t, s)
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := set(context.Background(), s, "waits", nothing); err != nil {
			t.Error(err)
		}
	})
	queued(t, s, 1)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	wg.Go(func() { done <- set(ctx, s, "too many", nothing) })
	select {
	case err := <-done:
		t.Errorf("one more than the queue may have did not wait: %v", err)
	default:
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("who does not wait any more for a full queue gets %v", err)
	}
	release()
	wg.Wait()
	if has(t, s, "too many") || !has(t, s, "waits") {
		t.Error("the wrong one was written")
	}
}

func TestClosingFinishesWhatIsQueued(t *testing.T) {
	o := sqlite.Options{Path: t.TempDir() + "/hubbub.db"}
	s := open(t, o)
	release := hold(t, s)
	var wg sync.WaitGroup
	for i := range 10 {
		wg.Go(func() {
			if err := set(context.Background(), s, fmt.Sprint(i), nothing); err != nil {
				t.Error(err)
			}
		})
	}
	queued(t, s, 10)
	wg.Go(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	release()
	wg.Wait()
	for _, err := range []error{
		set(t.Context(), s, "late", nothing), s.Read(t.Context(), func(func(string) string) error { return nil }),
	} {
		var e *hubbub.Error
		if !errors.As(err, &e) || e.Reason != hubbub.Unavailable {
			t.Errorf("after closing the error is %v", err)
		}
	}
	s = open(t, o)
	for i := range 10 {
		if !has(t, s, fmt.Sprint(i)) {
			t.Errorf("write %d is lost", i)
		}
	}
}

func TestReadsSeeOneMoment(t *testing.T) {
	s := open(t, sqlite.Options{})
	err := s.Read(t.Context(), func(get func(string) string) error {
		if get("a") != "" {
			t.Error("set from the beginning")
		}
		if err := set(t.Context(), s, "a", nothing); err != nil { // a reader does not hold up the writer
			t.Error(err)
		}
		if get("a") != "" {
			t.Error("a read sees what came after it had begun")
		}
		return nil
	})
	if err != nil || !has(t, s, "a") {
		t.Fatal(err)
	}
}

func TestAFullDiskRefusesWritesUntilThereIsRoom(t *testing.T) {
	s := open(t, sqlite.Options{Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err := s.LimitGrowth(t.Context(), 30); err != nil {
		t.Fatal(err)
	}
	big := func(name string) error {
		return s.Write(t.Context(), func(set func(name, value string) error) error { return set(name, strings.Repeat("x", 20_000)) })
	}
	var kept []string
	var err error
	for i := 0; err == nil; i++ {
		name := fmt.Sprint("big", i)
		if err = big(name); err == nil {
			kept = append(kept, name)
		}
	}
	var e *hubbub.Error
	if !errors.As(err, &e) || e.Reason != hubbub.Unavailable || !strings.Contains(e.Message, "full") || e.Err == nil {
		t.Fatalf("a full disk is told as %v", err)
	}
	if len(kept) == 0 || has(t, s, fmt.Sprint("big", len(kept))) {
		t.Fatalf("%d writes have succeeded, and the next is there", len(kept))
	}
	if err := s.LimitGrowth(t.Context(), 1_000_000); err != nil {
		t.Fatal(err)
	}
	if err := big("later"); err != nil {
		t.Fatalf("with room again: %v", err)
	}
	for _, name := range append(kept, "later") {
		if !has(t, s, name) {
			t.Errorf("%q is lost", name)
		}
	}
}
