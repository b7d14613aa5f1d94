package client

import (
	"context"
	"encoding/json"
	"net/http"
)

// WebhookTarget is how a target of webhooks stands.
type WebhookTarget struct {
	Name    string `json:"name"`
	Waiting int    `json:"waiting"`         // events that are to be delivered
	Dead    int    `json:"dead"`            // events that were given up
	Oldest  Time   `json:"oldest,omitzero"` // when the oldest that waits was accepted or replayed; zero if none does
}

// Webhooks lists the targets of webhooks by name.
func (a API) Webhooks(ctx context.Context) ([]WebhookTarget, error) {
	var reply struct {
		Targets []WebhookTarget `json:"targets"`
	}
	err := a.call(ctx, http.MethodGet, path("webhooks"), nil, &reply)
	return reply.Targets, err
}

// DeadEvent is an event that a target did not take.
type DeadEvent struct {
	ID       string          `json:"id"` // as in the header webhook-id
	Type     string          `json:"type"`
	Sequence uint64          `json:"sequence"`
	Time     Time            `json:"time"` // when it was accepted or replayed; when it happened is in the payload
	Attempts int             `json:"attempts"`
	Error    string          `json:"error"` // of the last attempt
	Payload  json.RawMessage `json:"payload"`
}

// DeadPage is a part of the list of them, the oldest first.
type DeadPage struct {
	Items []DeadEvent `json:"items"`
	Next  string      `json:"next,omitempty"` // for the next page; "" if this is the last
}

// DeadWebhooks lists events that a target did not take; limit is 1 to 1000, 0 means 50.
func (a API) DeadWebhooks(ctx context.Context, target, after string, limit int) (DeadPage, error) {
	var reply DeadPage
	err := a.call(ctx, http.MethodGet, path("webhooks", target, "dead")+pageQuery(after, limit), nil, &reply)
	return reply, err
}

// ReplayWebhooks delivers dead events after all, and tells how many of the ids were dead. Without ids it does nothing.
func (a API) ReplayWebhooks(ctx context.Context, target string, ids ...string) (int, error) {
	if len(ids) == 0 {
		return 0, nil
	}
	return a.replay(ctx, target, ids)
}

// ReplayAllWebhooks delivers all dead events of a target after all, and tells how many there were.
func (a API) ReplayAllWebhooks(ctx context.Context, target string) (int, error) {
	return a.replay(ctx, target, nil)
}

func (a API) replay(ctx context.Context, target string, ids []string) (int, error) {
	var reply struct {
		Replayed int `json:"replayed"`
	}
	err := a.call(ctx, http.MethodPost, path("webhooks", target, "replay"), struct {
		IDs []string `json:"ids,omitempty"`
	}{ids}, &reply)
	return reply.Replayed, err
}

// TestWebhook sends an event of the type hubbub.test to a target. That it is delivered is seen there.
func (a API) TestWebhook(ctx context.Context, target string) error {
	return a.call(ctx, http.MethodPost, path("webhooks", target, "test"), nil, &struct{}{})
}
