package webhook_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"go.uber.org/goleak"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/drivertest"
	"github.com/hubbub-dev/hubbub/driver/sqlite"
	"github.com/hubbub-dev/hubbub/gateway/webhook"
	"github.com/hubbub-dev/hubbub/internal/testkit"
)

// TestMain fails the run when a worker or a connection stays behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// secret is good for signing.
const secret = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="

// hook is a request that a receiver got.
type hook struct {
	header  http.Header
	body    []byte
	refused atomic.Bool

	Type      string
	Timestamp string
	Sequence  uint64
	Data      json.RawMessage
}

func (h *hook) id() string { return h.header.Get("webhook-id") }

// receiver is a program that is told. It fails the test when a signature is not right.
type receiver struct {
	*httptest.Server
	t      testing.TB
	answer func(w http.ResponseWriter, h *hook) // nil: 200

	mu  sync.Mutex
	got []*hook // in the order of their arrival
}

func receive(t testing.TB, answer func(http.ResponseWriter, *hook)) *receiver {
	r := &receiver{t: t, answer: answer}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return // the sender has given up
	}
	h := &hook{header: req.Header, body: body}
	if err := json.Unmarshal(body, h); err != nil {
		r.t.Errorf("the body %s: %v", body, err)
	}
	if req.Header.Get("Content-Type") != "application/json" {
		r.t.Errorf("headers: %v", req.Header)
	}
	verifier, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		r.t.Error(err)
	}
	// The clock of the test is not that of the verifier.
	if err := verifier.VerifyIgnoringTimestamp(body, req.Header); err != nil {
		r.t.Errorf("%s: %v", body, err)
	}
	r.mu.Lock()
	r.got = append(r.got, h)
	r.mu.Unlock()
	if r.answer != nil {
		r.answer(w, h)
	}
}

func (r *receiver) hooks() []*hook {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]*hook(nil), r.got...)
}

// waitFor returns what has arrived when it is n or more.
func (r *receiver) waitFor(n int) []*hook {
	r.t.Helper()
	testkit.Eventually(r.t, "webhooks", func() bool { return len(r.hooks()) >= n })
	return r.hooks()
}

func (r *receiver) target() webhook.Target {
	return webhook.Target{Name: "shop", URL: r.URL + "/hooks", Secrets: []string{secret}, AllowPrivate: true}
}

// logs is what a logger wrote; it may be read and written concurrently.
type logs struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logs) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// rig is a store with what a sender needs besides.
type rig struct {
	*testing.T
	store webhook.Outbox
	clock *drivertest.Clock
	logs  logs
}

func newRig(t *testing.T) *rig {
	clock := drivertest.NewClock()
	return &rig{T: t, store: openStore(t, clock.Now), clock: clock}
}

func openStore(t testing.TB, now func() time.Time) *sqlite.Store {
	t.Helper()
	store, err := sqlite.Open(t.Context(), sqlite.Options{Path: filepath.Join(t.TempDir(), "hubbub.db"), Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}

// start starts a sender that ends with the test.
func (r *rig) start(targets ...webhook.Target) *webhook.Sender {
	r.Helper()
	s, err := webhook.New(r.options(targets...))
	r.must(err)
	s.Start()
	r.Cleanup(func() { r.close(s) })
	return s
}

func (r *rig) options(targets ...webhook.Target) webhook.Options {
	return webhook.Options{Outbox: r.store, Targets: targets, Now: r.clock.Now, Logger: slog.New(slog.NewTextHandler(&r.logs, nil))}
}

func (r *rig) close(s *webhook.Sender) {
	r.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), testkit.Patience)
	defer cancel()
	r.must(s.Close(ctx))
}

func (r *rig) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

// report puts what a sender makes of facts into the outbox.
func (r *rig) report(s *webhook.Sender, facts ...hubbub.Fact) {
	r.Helper()
	var items []hubbub.OutboxItem
	for _, f := range facts {
		items = append(items, s.Report(f)...)
	}
	r.must(r.store.Put(r.Context(), items))
}

// came is the fact that a user has come online.
func (r *rig) came(user, id string) hubbub.Fact {
	return hubbub.Transition{ID: id, Kind: hubbub.UserOnline, User: user, Time: r.clock.Now()}
}
