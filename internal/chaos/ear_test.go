package chaos_test

import (
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

const earSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// ear is told what happens. It takes most events at once, and each in the end.
type ear struct {
	url     string
	verify  *standardwebhooks.Webhook
	patient atomic.Bool // it takes everything

	mu       sync.Mutex
	attempts int
	audience *audience
	trail    trail // of events of users
}

func listen(t *testing.T) *ear {
	verify, err := standardwebhooks.NewWebhook(earSecret)
	if err != nil {
		t.Fatal(err)
	}
	e := &ear{verify: verify, audience: newAudience()}
	srv := httptest.NewServer(e)
	t.Cleanup(srv.Close)
	e.url = srv.URL
	return e
}

// ServeHTTP hears an event.
func (e *ear) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the gateway was killed while it told
	}
	heard := told{id: r.Header.Get("webhook-id")}
	err = e.verify.Verify(body, r.Header)
	if err == nil {
		err = json.Unmarshal(body, &heard)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.attempts++
	if err != nil {
		e.audience.wrong = append(e.audience.wrong, "events: "+err.Error()+": "+string(body))
		return
	}
	if _, again := e.audience.events[heard.id]; !again && heard.Data.User != "" && heard.Type != "message.sent" {
		e.trail.add("%s  %s %s %s sequence %d", heard.Data.User, heard.Type, heard.Data.Session, heard.Data.Reason, heard.Sequence)
	}
	known := len(e.audience.wrong)
	e.audience.hear(heard)
	for i := range e.audience.wrong[known:] {
		e.audience.wrong[known+i] = time.Now().Format("15:04:05.000 ") + e.audience.wrong[known+i]
	}
	if !e.patient.Load() && rand.IntN(10) == 0 {
		w.WriteHeader(http.StatusInternalServerError)
	}
}

// lose notes that the registry may lose what it knows.
func (e *ear) lose() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.audience.losses++
}

// differs compares what was told with what is.
func (e *ear) differs(now truth, reported []*stream) (wrong []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	wrong = e.audience.differs(now)
	for _, s := range reported {
		wrong = append(wrong, e.audience.untold(s)...)
	}
	return wrong
}

// never returns what can never be right.
func (e *ear) never() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.audience.wrong)
}
