package main

import (
	"encoding/json"
	"io"
	"log"
	"net/http"
	"slices"
	"sync"

	"github.com/hubbub-dev/hubbub/examples/shop/internal/gateway"
)

// visit is one webhook of the gateway whose signature was right.
type visit struct {
	ID       string          `json:"id"`
	Type     string          `json:"type"`
	Time     string          `json:"time"`
	Sequence int64           `json:"sequence"`
	Data     json.RawMessage `json:"data"`
}

const keptVisits = 50

// visits are the latest webhooks, the newest first. It may be used concurrently.
type visits struct {
	mu     sync.Mutex
	latest []visit
}

// add is false if the visit is there already: a webhook comes at least once, and twice if our first answer was lost.
func (v *visits) add(n visit) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if slices.ContainsFunc(v.latest, func(o visit) bool { return o.ID == n.ID }) {
		return false
	}
	v.latest = slices.Insert(v.latest, 0, n)
	v.latest = v.latest[:min(len(v.latest), keptVisits)]
	return true
}

func (v *visits) list() []visit {
	v.mu.Lock()
	defer v.mu.Unlock()
	return append([]visit{}, v.latest...)
}

// receive takes a webhook: it believes nothing before the signature was checked, answers soon, and shows it to the staff.
func (s service) receive(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		gateway.Refuse(w, http.StatusRequestEntityTooLarge, "too large")
		return
	}
	if err := s.webhooks.Verify(body, r.Header); err != nil {
		log.Printf("a webhook with a bad signature: %v", err)
		gateway.Refuse(w, http.StatusUnauthorized, "the signature is not right")
		return
	}
	var event struct {
		Type      string          `json:"type"`
		Timestamp string          `json:"timestamp"`
		Sequence  int64           `json:"sequence"`
		Data      json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(body, &event); err != nil {
		gateway.Refuse(w, http.StatusBadRequest, "not JSON")
		return
	}
	n := visit{r.Header.Get("webhook-id"), event.Type, event.Timestamp, event.Sequence, event.Data}
	if s.visits.add(n) {
		log.Printf("verified %s %s", n.Type, n.Data)
		message := map[string]any{"data": n}
		if err := s.api.Call(r.Context(), http.MethodPost, "/rooms/staff/messages", message, nil); err != nil {
			log.Printf("tell the staff: %v", err) // they see it when they open their page
		}
	}
	w.WriteHeader(http.StatusNoContent)
}

func (s service) listVisits(w http.ResponseWriter, r *http.Request) {
	if who, err := gateway.Who(r, "notifications", s.secret); err != nil || !who.Staff {
		gateway.Refuse(w, http.StatusForbidden, "this is for the staff")
		return
	}
	gateway.Reply(w, http.StatusOK, map[string]any{"visits": s.visits.list()})
}
