package httpapi

import (
	"bytes"
	"net/http"
)

// recorded is an answer in memory, an http.ResponseWriter. The zero value keeps no body.
type recorded struct {
	most   int // bytes of the body that are kept; what does not fit is dropped as a whole
	header http.Header
	status int // 0 until there is an answer
	body   bytes.Buffer
	over   bool // the body did not fit
}

// Header is the answer's header.
func (r *recorded) Header() http.Header {
	if r.header == nil {
		r.header = http.Header{}
	}
	return r.header
}

// WriteHeader keeps the first status.
func (r *recorded) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}

// Write keeps what fits. It never fails, since nothing is wrong with the call.
func (r *recorded) Write(b []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	r.over = r.over || r.body.Len()+len(b) > r.most
	if r.over {
		r.body = bytes.Buffer{}
		return len(b), nil
	}
	return r.body.Write(b)
}

// final tells whether the answer is one for good: to a call that has failed or was refused for now there may be another one.
func (r *recorded) final() bool {
	return r.status != 0 && r.status < 500 && r.status != http.StatusTooManyRequests
}

// writeTo answers with what was recorded.
func (r *recorded) writeTo(w http.ResponseWriter) {
	for name, values := range r.header {
		w.Header()[name] = values
	}
	w.WriteHeader(r.status)
	w.Write(r.body.Bytes()) // fails only if the client is gone
}
