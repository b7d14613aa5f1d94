package httpapi

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"time"
	"unicode/utf8"

	"github.com/hubbub-dev/hubbub"
)

const maxBody = 1 << 20 // bytes

// bufferBody replaces a request's body by one that is in memory, so that neither its size nor its slowness concerns the call.
// It must be there within the timeout. It returns what to answer if that is not possible.
func bufferBody(w http.ResponseWriter, r *http.Request, timeout time.Duration) *Problem {
	if r.ContentLength == 0 {
		return nil // the call says whether it needs one
	}
	if given := r.Header.Get("Content-Type"); given != "" {
		media, _, err := mime.ParseMediaType(given)
		if err != nil || media != "application/json" {
			return newProblem(http.StatusUnsupportedMediaType, hubbub.Invalid, "the body must be JSON and say so: send it with "+
				"`Content-Type: application/json`", 0)
		}
	}
	// Where the server cannot set deadlines (a test's recorder), nothing is slow.
	deadline := http.NewResponseController(w)
	_ = deadline.SetReadDeadline(time.Now().Add(timeout))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		// The deadline stays, since the server reads on to find the end of what it has not got yet before it answers.
		w.Header().Set("Connection", "close")
		return unread(err)
	}
	_ = deadline.SetReadDeadline(time.Time{}) // it would end a call that takes longer than its body
	if !utf8.Valid(body) {
		return newProblem(http.StatusBadRequest, hubbub.Invalid, "the body is not UTF-8", 0)
	}
	r.Body = inMemory(body)
	return nil
}

// memoryBody is a body that has been read.
type memoryBody struct {
	bytes.Reader
	all []byte
}

func inMemory(all []byte) *memoryBody {
	b := &memoryBody{all: all}
	b.Reset(all)
	return b
}

// Close does nothing.
func (*memoryBody) Close() error { return nil }

// unread says why a body could not be read.
func unread(err error) *Problem {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return newProblem(hubbub.TooLarge.Status(), hubbub.TooLarge, fmt.Sprintf("the body has more than %d bytes", maxBody), 0)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return newProblem(http.StatusRequestTimeout, hubbub.Unavailable,
			"the body did not arrive in time; try again", 0)
	}
	return newProblem(http.StatusBadRequest, hubbub.Invalid, "the body ended early", 0)
}
