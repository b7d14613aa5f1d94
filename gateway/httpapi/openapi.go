package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
)

// describe is the part of the OpenAPI document that is not made from the calls. Huma's page to read it, which would load a
// program from elsewhere, its further forms of the document, and its links to schemas in replies are off.
func describe(version string) huma.Config {
	schemas := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title:   "hubbub",
				Version: version,
				Description: "The API for backends: send messages and notices, ask who is online, sign people out. To try a call here, press " +
					"Authorize and enter an API key: `hubbub serve --dev` prints one, `hubbub apikey` makes one. With curl, `$API` being " +
					"the address of this page: `curl \"$API/online\" -H \"Authorization: Bearer KEY\"`. Names in paths are percent-encoded. Times are Unix milliseconds. " +
					"Errors are problem documents (RFC 9457) with a stable reason. Each call needs an API key with the scope that its " +
					"security requirement names, or with the scope admin.",
				License: &huma.License{Name: "MIT", Identifier: "MIT"},
			},
			Servers: []*huma.Server{{URL: Prefix}},
			Tags: []*huma.Tag{
				{Name: "messages", Description: "Send to a room, to a user or device, to everybody."},
				{Name: "presence", Description: "Who is online, with which devices, and in which rooms."},
				{Name: "inbox", Description: "Put notices into the inboxes of users, look into them, and mark them."},
				{Name: "members", Description: "Who belongs to a room, whether online or not."},
				{Name: "sessions", Description: "Sign people in and out, block them, erase them."},
				{Name: "several", Description: "Make several calls at once, or have the gateway's rules make them."},
				{Name: "webhooks", Description: "What the gateway tells backends, and what they did not take."},
				{Name: "nodes", Description: "The processes that the gateway is made of."},
			},
			Components: &huma.Components{
				Schemas: schemas,
				SecuritySchemes: map[string]*huma.SecurityScheme{
					"bearer": {Type: "http", Scheme: "bearer", Description: "An API key, as `hubbub apikey` prints it."},
					"header": {Type: "apiKey", In: "header", Name: "X-API-Key", Description: "The same key in a header of its own."},
				},
			},
		},
		// "json" is what huma looks for by the end of application/problem+json.
		Formats:                      map[string]huma.Format{"application/json": huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat},
		DefaultFormat:                "application/json",
		RejectUnknownQueryParameters: true,
		Transformers:                 []huma.Transformer{ownProblems},
	}
}

// describeErrors says how a call may fail: as any call, and as its method may.
func (a *API) describeErrors(op *huma.Operation) {
	schema := a.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Problem](), true, "Problem")
	told := map[string]string{
		"401":     "unauthorized: there is no API key, or one that is not known.",
		"403":     "forbidden: the API key lacks the scope.",
		"422":     "invalid: a field or parameter is missing, wrong or unknown; errors names each.",
		"429":     "rate_limited: too many calls with this key; come back after Retry-After.",
		"503":     "unavailable: something behind the gateway does not answer; try again.",
		"default": "Another error, which the problem's reason names.",
	}
	if op.Method != http.MethodGet {
		told["400"] = "invalid: the body is not JSON."
		told["413"] = "too_large: the body has more than 1 MiB, or more than is allowed here."
		told["415"] = "invalid: the body is not declared as application/json."
	}
	for status, description := range told {
		op.Responses[status] = &huma.Response{Description: description,
			Content: map[string]*huma.MediaType{"application/problem+json": {Schema: schema}}}
	}
}

// describeAll returns the whole document, when all calls are registered.
func (a *API) describeAll() ([]byte, error) {
	// Huma adds its own form of errors, which ownProblems never lets out.
	schemas := a.huma.OpenAPI().Components.Schemas.Map()
	delete(schemas, "ErrorModel")
	delete(schemas, "ErrorDetail")
	a.openReplies()
	if err := a.exemplify(); err != nil {
		return nil, fmt.Errorf("describe the API: %w", err)
	}
	document, err := json.MarshalIndent(a.huma.OpenAPI(), "", "  ")
	if err != nil {
		return nil, fmt.Errorf("describe the API: %w", err)
	}
	return append(document, '\n'), nil
}

// openReplies lets replies have more fields than the document says, since later versions add some. Requests may not: a field
// that is not known is a mistake of the caller.
func (a *API) openReplies() {
	schemas := a.huma.OpenAPI().Components.Schemas
	asked := map[*huma.Schema]bool{}
	for _, path := range a.huma.OpenAPI().Paths {
		for _, op := range []*huma.Operation{path.Post, path.Put} {
			if op != nil && op.RequestBody != nil {
				reach(schemas, op.RequestBody.Content["application/json"].Schema, asked)
			}
		}
	}
	for _, schema := range schemas.Map() {
		if !asked[schema] {
			schema.AdditionalProperties = nil
		}
	}
}

// reach adds a schema and those that its properties and items refer to.
func reach(schemas huma.Registry, s *huma.Schema, reached map[*huma.Schema]bool) {
	if s != nil && s.Ref != "" {
		s = schemas.SchemaFromRef(s.Ref)
	}
	if s == nil || reached[s] {
		return
	}
	reached[s] = true
	for _, property := range s.Properties {
		reach(schemas, property, reached)
	}
	reach(schemas, s.Items, reached)
}

// Document is the OpenAPI 3.1 document in JSON. It must not be changed.
func (a *API) Document() []byte { return a.document }
