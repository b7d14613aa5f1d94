package webhook

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/hubbub-dev/hubbub"
)

const (
	// maxDrain is how much of an answer is read, so that the connection can be used again.
	maxDrain = 64 << 10
	// maxWhy is how many bytes of an error the outbox keeps.
	maxWhy = 300
)

// verdict is how an attempt ended.
type verdict struct {
	delivered  bool
	why        string        // it was not delivered; shows neither a secret nor the URL
	retryAfter time.Duration // that the target asked for
	busy       bool          // and which it asked for as a whole, not for this item
}

// attempt sends an item once. It takes no longer than Timeout.
func (l *lane) attempt(ctx context.Context, item *hubbub.OutboxItem) verdict {
	ctx, cancel := context.WithTimeout(ctx, l.Timeout)
	defer cancel()
	req, err := l.request(ctx, item)
	if err != nil {
		return verdict{why: clean(err.Error())}
	}
	resp, err := l.transport.RoundTrip(req)
	if err != nil {
		return verdict{why: clean(l.explain(err))}
	}
	// An answer that is longer, or takes longer than Timeout, costs its connection.
	_, _ = io.CopyN(io.Discard, resp.Body, maxDrain)
	resp.Body.Close()
	return l.judge(resp)
}

func (l *lane) request(ctx context.Context, item *hubbub.OutboxItem) (*http.Request, error) {
	body := withSequence(item.Payload, item.Seq)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	now := l.now()
	var signatures strings.Builder
	for i, s := range l.signers {
		signature, err := s.Sign(item.ID, now, body)
		if err != nil {
			return nil, errors.New("it cannot be signed")
		}
		if i > 0 {
			signatures.WriteByte(' ')
		}
		signatures.WriteString(signature)
	}
	req.URL, req.Host, req.Header = l.url, l.url.Host, maps.Clone(l.header)
	req.Header["Webhook-Id"] = []string{item.ID}
	req.Header["Webhook-Timestamp"] = []string{strconv.FormatInt(now.Unix(), 10)}
	req.Header["Webhook-Signature"] = []string{signatures.String()}
	return req, nil
}

// withSequence puts the sequence before the data of a payload that event.payload has made. Any other is returned as it is.
func withSequence(payload []byte, seq uint64) []byte {
	// Within a JSON text this is nowhere else than between two members, since a string has its quotes escaped; and before data
	// there are only the type and the time.
	at := bytes.Index(payload, []byte(`,"data":`))
	if at < 0 {
		return payload
	}
	body := make([]byte, 0, len(payload)+len(`,"sequence":18446744073709551615`))
	body = append(body, payload[:at]...)
	body = append(body, `,"sequence":`...)
	body = strconv.AppendUint(body, seq, 10)
	return append(body, payload[at:]...)
}

func (l *lane) judge(resp *http.Response) verdict {
	status := strings.TrimSpace(strconv.Itoa(resp.StatusCode) + " " + http.StatusText(resp.StatusCode))
	switch {
	case resp.StatusCode/100 == 2:
		return verdict{delivered: true}
	case resp.StatusCode/100 == 3:
		return verdict{why: fmt.Sprintf("the target answered %s: redirects are not followed; set the URL of the target to where it is now", status)}
	}
	v := verdict{why: "the target answered " + status}
	v.retryAfter = retryAfter(resp.Header.Get("Retry-After"), l.now())
	v.busy = resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusServiceUnavailable
	return v
}

// explain says why there was no answer. What a target has sent that is not HTTP is not shown: it may be what it got.
func (l *lane) explain(err error) string {
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Sprintf("the target did not answer within %v", l.Timeout)
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return "the target does not speak TLS on this port; should the URL begin with http?"
	}
	_, network := errors.AsType[*net.OpError](err)
	_, lookup := errors.AsType[*net.DNSError](err)
	_, certificate := errors.AsType[*tls.CertificateVerificationError](err)
	switch {
	case network, lookup, certificate, strings.HasPrefix(err.Error(), "tls: "):
		return err.Error()
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the target closed the connection without an answer"
	}
	return "what the target answered is not HTTP, or has headers that are too large"
}

// clean makes a text fit to be kept and shown.
func clean(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	if len(text) > maxWhy {
		text = strings.ToValidUTF8(text[:maxWhy-len("…")], "") + "…"
	}
	return text
}
