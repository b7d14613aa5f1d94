package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"

	"github.com/hubbub-dev/hubbub"
)

// fastPattern is the call that backends make by far the most often.
const fastPattern = "POST " + Prefix + "/rooms/{room}/messages"

// sendFast makes the call of fastPattern without huma, which decodes each body twice, and tells whether it did. What is not quite plain,
// or wrong, goes the long way, which has the words for it: there is one description of what is right.
func (a *API) sendFast(w http.ResponseWriter, r *http.Request) bool {
	body, ok := r.Body.(*memoryBody)
	if !ok || r.URL.RawQuery != "" {
		return false
	}
	data, ok := onlyData(body.all)
	if !ok {
		return false
	}
	key, err := idempotencyKey(r.Header.Get(keyHeader), "")
	if err != nil {
		return false
	}
	ctx, cancel := context.WithTimeout(r.Context(), a.o.Timeout)
	defer cancel()
	m, err := a.o.Hub.SendRoom(ctx, r.PathValue("room"), callerOf(ctx), hubbub.Outgoing{Data: data, Key: key})
	if err != nil {
		a.problem(ctx, "send-to-room", err).write(w)
		return true
	}
	reply, err := json.Marshal(sentOf(m))
	if err != nil {
		a.problem(ctx, "send-to-room", err).write(w)
		return true
	}
	w.Header()["Content-Type"] = []string{"application/json"}
	w.Write(append(reply, '\n')) // fails only if the client is gone
	return true
}

// onlyData returns the data of a body that is {"data": …} and nothing else.
func onlyData(body []byte) (json.RawMessage, bool) {
	rest, ok := bytes.CutPrefix(bytes.Trim(body, space), []byte("{"))
	if !ok {
		return nil, false
	}
	if rest, ok = bytes.CutPrefix(bytes.TrimLeft(rest, space), []byte(`"data"`)); !ok {
		return nil, false
	}
	if rest, ok = bytes.CutPrefix(bytes.TrimLeft(rest, space), []byte(":")); !ok {
		return nil, false
	}
	if rest, ok = bytes.CutSuffix(rest, []byte("}")); !ok {
		return nil, false
	}
	// What is one valid value until the last brace has no further field behind it.
	rest = bytes.Trim(rest, space)
	if !json.Valid(rest) {
		return nil, false
	}
	return bytes.Clone(rest), true // what is kept must not hold a larger body
}

const space = " \t\r\n"

// fastMux is a mux whose calls of fastPattern try sendFast first.
type fastMux struct {
	*http.ServeMux
	api *API
}

// HandleFunc registers a call.
func (m fastMux) HandleFunc(pattern string, long func(http.ResponseWriter, *http.Request)) {
	if pattern != fastPattern {
		m.ServeMux.HandleFunc(pattern, long)
		return
	}
	m.ServeMux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		if !m.api.sendFast(w, r) {
			long(w, r)
		}
	})
}
