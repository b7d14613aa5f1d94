package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hubbub-dev/hubbub"
)

// Webhooks is what operators ask of the sender of webhooks. Targets that it does not know are NotFound. Its methods may be
// called concurrently.
type Webhooks interface {
	// Backlogs tells what waits for each configured target, and what was given up.
	Backlogs(ctx context.Context) ([]hubbub.Backlog, error)
	// Dead lists items of a target that were given up, from the one after the Seq after on.
	Dead(ctx context.Context, target string, after uint64, limit int) ([]hubbub.OutboxItem, error)
	// Replay has dead items delivered after all, all of them if ids is nil, and tells how many.
	Replay(ctx context.Context, target string, ids []string) (int, error)
	// Test sends an event of the type hubbub.test to a target.
	Test(ctx context.Context, target string) error
}

// WebhookTarget is how a target of webhooks stands.
type WebhookTarget struct {
	Name    string `json:"name"`
	Waiting int    `json:"waiting" doc:"How many events are to be delivered."`
	Dead    int    `json:"dead" doc:"How many were given up."`
	Oldest  int64  `json:"oldest,omitempty" doc:"When the oldest that waits happened, in Unix milliseconds; missing if none does."`
}

// WebhookTargets is the reply to GET /webhooks.
type WebhookTargets struct {
	Targets []WebhookTarget `json:"targets" nullable:"false" doc:"By name."`
}

// DeadEvent is an event that a target did not take.
type DeadEvent struct {
	ID       string          `json:"id" doc:"As in the header webhook-id. Replay it by this id."`
	Type     string          `json:"type,omitempty" example:"session.connected"`
	Sequence uint64          `json:"sequence" doc:"Rises in the order of what happened."`
	Time     int64           `json:"time" doc:"When it happened, in Unix milliseconds."`
	Attempts int             `json:"attempts" doc:"How often it was tried."`
	Error    string          `json:"error" doc:"Why the last attempt failed."`
	Payload  json.RawMessage `json:"payload" doc:"What was sent, or the part of it that is kept."`
}

// DeadEvents is a part of the list of them.
type DeadEvents struct {
	Items []DeadEvent `json:"items" nullable:"false" doc:"The oldest first."`
	Next  string      `json:"next,omitempty" doc:"Pass it as after for the next page; missing on the last."`
}

// ReplayRequest is the body of POST /webhooks/{target}/replay.
type ReplayRequest struct {
	IDs []string `json:"ids,omitempty" nullable:"false" maxItems:"1000" doc:"Only these; missing means all."`
}

// Replayed says how many events are delivered again.
type Replayed struct {
	Replayed int `json:"replayed" doc:"How many were dead, and wait to be delivered now."`
}

// ForTarget is the target of webhooks in the path. It is exported since huma does not see the fields of an embedded type that is not.
type ForTarget struct {
	Target string `path:"target" doc:"Name of the target, as in the setting webhooks." example:"billing"`
}

type deadInput struct {
	ForTarget
	After uint64 `query:"after" doc:"The next of the page before; missing for the first page."`
	Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"50" doc:"How many at most."`
}

type replayInput struct {
	ForTarget
	Body *ReplayRequest
}

// operating registers the calls for those who look after webhooks.
func (a *API) operating() {
	op := func(id, method, path, summary, description string) huma.Operation {
		return huma.Operation{OperationID: id, Method: method, Path: path, Summary: summary, Description: description, Tags: []string{"webhooks"}}
	}
	handle(a, Admin, op("list-webhooks", http.MethodGet, "/webhooks", "List the targets of webhooks",
		"And how many events wait for each."), a.listWebhooks)
	handle(a, Admin, op("list-dead-webhooks", http.MethodGet, "/webhooks/{target}/dead", "List events that a target did not take",
		"They were given up after a day of attempts, or as the target is configured."), a.listDead)
	handleOnce(a, Admin, op("replay-webhooks", http.MethodPost, "/webhooks/{target}/replay", "Deliver dead events after all",
		"They keep their ids and sequence numbers, so that the target can tell what it has."), a.replay)
	handleOnce(a, Admin, op("test-webhook", http.MethodPost, "/webhooks/{target}/test", "Send a test event to a target",
		"An event of the type hubbub.test, delivered like any other; see the target's log."),
		func(ctx context.Context, in *ForTarget) (Nothing, error) {
			if a.o.Webhooks == nil {
				return Nothing{}, errNoWebhooks()
			}
			return Nothing{}, a.o.Webhooks.Test(ctx, in.Target)
		})
}

func errNoWebhooks() error {
	return hubbub.Errorf(hubbub.NotFound, "this gateway sends no webhooks: add a target to the setting webhooks")
}

func (a *API) listWebhooks(ctx context.Context, _ *struct{}) (WebhookTargets, error) {
	if a.o.Webhooks == nil {
		return WebhookTargets{}, errNoWebhooks()
	}
	found, err := a.o.Webhooks.Backlogs(ctx)
	if err != nil {
		return WebhookTargets{}, err
	}
	out := WebhookTargets{Targets: make([]WebhookTarget, 0, len(found))}
	for _, b := range found {
		out.Targets = append(out.Targets, WebhookTarget{Name: b.Target, Waiting: b.Waiting, Dead: b.Dead, Oldest: millis(b.Oldest)})
	}
	return out, nil
}

func (a *API) listDead(ctx context.Context, in *deadInput) (DeadEvents, error) {
	if a.o.Webhooks == nil {
		return DeadEvents{}, errNoWebhooks()
	}
	found, err := a.o.Webhooks.Dead(ctx, in.Target, in.After, in.Limit)
	if err != nil {
		return DeadEvents{}, err
	}
	out := DeadEvents{Items: make([]DeadEvent, 0, len(found))}
	for _, item := range found {
		out.Items = append(out.Items, deadEvent(item))
	}
	if len(found) == in.Limit {
		out.Next = strconv.FormatUint(found[len(found)-1].Seq, 10)
	}
	return out, nil
}

func deadEvent(item hubbub.OutboxItem) DeadEvent {
	e := DeadEvent{ID: item.ID, Sequence: item.Seq, Time: millis(item.Time), Attempts: item.Attempts, Error: item.Error, Payload: item.Payload}
	var body struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(item.Payload, &body); err != nil {
		e.Payload = json.RawMessage("null") // it was put there by something else
	}
	e.Type = body.Type
	return e
}

func (a *API) replay(ctx context.Context, in *replayInput) (Replayed, error) {
	if a.o.Webhooks == nil {
		return Replayed{}, errNoWebhooks()
	}
	var ids []string
	if in.Body != nil {
		ids = in.Body.IDs
	}
	n, err := a.o.Webhooks.Replay(ctx, in.Target, ids)
	return Replayed{n}, err
}
