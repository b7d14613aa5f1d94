package httpapi

import (
	"encoding/json"

	"github.com/danielgtaylor/huma/v2"
)

// bodyExamples are the bodies that the page proposes to try, by the operation. They have no idempotency key, since whoever changes the
// data would be refused.
func bodyExamples() map[string]string {
	return map[string]string{
		"broadcast":       `{"data": {"text": "Maintenance in ten minutes."}}`,
		"send-to-room":    `{"data": {"text": "The shop is open."}}`,
		"send-to-user":    `{"data": {"text": "Your table is ready."}}`,
		"send-to-users":   `{"users": ["ann", "bob"], "data": {"text": "The match begins."}}`,
		"batch":           `{"calls": [{"method": "POST", "path": "/rooms/lobby/messages", "body": {"data": {"text": "hello"}}}, {"method": "GET", "path": "/online"}]}`,
		"event":           `{"type": "product.listed", "data": {"id": 17, "name": "Lamp", "room": "shop"}}`,
		"get-presences":   `{"users": ["ann", "bob"]}`,
		"publish-notice":  `{"to": {"user": "ann"}, "category": "orders", "title": "Your order has shipped", "link": "/orders/17"}`,
		"mark-inbox":      `{"state": "read", "all": true}`,
		"set-member":      `{"role": "member"}`,
		"revoke":          `{}`,
		"issue-ticket":    `{"user": "ann", "info": {"name": "Ann"}}`,
		"block-user":      `{"until": 4102444800000}`,
		"replay-webhooks": `{}`,
	}
}

// exemplify gives the calls their examples: whole bodies, and the names in paths.
func (a *API) exemplify() error {
	bodies := bodyExamples()
	for _, path := range a.huma.OpenAPI().Paths {
		for _, op := range []*huma.Operation{path.Get, path.Post, path.Put, path.Delete} {
			if op == nil {
				continue
			}
			for _, p := range op.Parameters {
				if p.In == "path" && p.Schema != nil && len(p.Schema.Examples) > 0 {
					p.Example = p.Schema.Examples[0]
				}
			}
			if text, ok := bodies[op.OperationID]; ok {
				if err := json.Unmarshal([]byte(text), &op.RequestBody.Content["application/json"].Example); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
