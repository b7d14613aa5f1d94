package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"time"
)

// API calls the gateway's HTTP API for backends. It is plain HTTP and JSON: in any language it is these few lines.
type API struct {
	URL string // such as http://localhost:8091/api/v1
	Key string
}

// Call makes one call. in is the body, or nil; out is filled from the reply, or nil.
func (a API) Call(ctx context.Context, method, path string, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, a.URL+path, body)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+a.Key)
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	reply, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return err
	}
	if resp.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %s %s", method, path, resp.Status, reply)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(reply, out)
}

// Event tells the gateway that something has happened; the rules under events in hubbub.yaml say who hears of it. The key makes it
// safe to tell again, as this does when the gateway does not answer.
func (a API) Event(ctx context.Context, typ, key string, data any) {
	event := map[string]any{"type": typ, "data": data, "key": key}
	var err error
	for range 3 {
		if err = a.Call(ctx, http.MethodPost, "/events", event, nil); err == nil {
			return
		}
	}
	log.Printf("%s was not told: %v", typ, err)
}

// Reply answers with JSON.
func Reply(w http.ResponseWriter, status int, v any) { reply(w, "application/json", status, v) }

// Refuse answers with an RFC 9457 problem, whose detail the gateway passes on.
func Refuse(w http.ResponseWriter, status int, detail string) {
	problem := map[string]any{"title": http.StatusText(status), "status": status, "detail": detail}
	reply(w, "application/problem+json", status, problem)
}

func reply(w http.ResponseWriter, kind string, status int, v any) {
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(v); err != nil {
		log.Printf("reply: %v", err)
	}
}
