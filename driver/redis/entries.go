package redis

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/hubbub-dev/hubbub"
)

// entry is what lies in a stream of Redis: a message, or a bundle of them.
type entry struct {
	id     string // OFFSET-BYTES
	offset uint64 // of the last message
	sender string
	key    string // digest of the idempotency key; "" for none
	body   string // see appendBodies
	sizes  string // of a bundle, see appendSizes; "" for one message
}

// appendHead appends the field p of an entry: what scripts and erasers have to know of its messages.
func appendHead(b []byte, m *hubbub.Message, key string) []byte {
	b = append(strconv.AppendInt(b, m.Time.UnixMilli(), 10), ' ')
	b = append(append(b, m.From.User...), ' ')
	return append(b, key...)
}

var errBadEntry = errors.New("what Redis has of a stream is damaged")

// parseEntry reads [ID, [p, …, m, …]], which for a bundle goes on with n.
func parseEntry(v *rueidis.RedisMessage) (e entry, err error) {
	parts, err := v.ToArray()
	if err != nil || len(parts) != 2 {
		return e, errBadEntry
	}
	id, err := parts[0].ToString()
	if err != nil {
		return e, errBadEntry
	}
	fields, err := parts[1].AsStrSlice()
	if err != nil || len(fields) != 4 && len(fields) != 6 || fields[0] != "p" || fields[2] != "m" {
		return e, errBadEntry
	}
	if e, err = newEntry(id, fields[1], fields[3]); err != nil || len(fields) == 4 {
		return e, err
	}
	if e.sizes = fields[5]; fields[4] != "n" || e.sizes == "" {
		return e, errBadEntry
	}
	return e, nil
}

// newEntry makes an entry of its id and its fields p and m. The body is not decoded.
func newEntry(id, head, body string) (e entry, err error) {
	offset, _, _ := strings.Cut(id, "-")
	if e.offset, err = strconv.ParseUint(offset, 10, 64); err != nil || e.offset == 0 {
		return e, errBadEntry
	}
	_, rest, _ := strings.Cut(head, " ")
	e.sender, e.key, _ = strings.Cut(rest, " ")
	e.id, e.body = id, body
	return e, nil
}

// decodeAt decodes the body of a message of a stream.
func decodeAt(s hubbub.Stream, at hubbub.Position, body string) (hubbub.Message, error) {
	m, err := decodeBody(body)
	if err != nil {
		return m, fmt.Errorf("%w: %w", errBadEntry, err)
	}
	m.Stream, m.Position = s, at
	return m, nil
}

// keyName is the digest of an idempotency key and its author; "" if there is none.
func keyName(d *hubbub.Draft) string {
	if d.Key == "" {
		return ""
	}
	return digest(d.Author, d.Key)
}

// digest is a hash of several parts. Only the last may have control characters.
func digest(parts ...string) string {
	h := sha256.New()
	for i, part := range parts {
		if i > 0 {
			h.Write([]byte{0})
		}
		h.Write([]byte(part))
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:16]) // nobody finds two of the same
}

// keyContent is what is kept of an idempotency key, besides what the script knows: "CONTENT TIME ID".
func keyContent(d *hubbub.Draft) string {
	return contentOf(d) + " " + strconv.FormatInt(d.Message.Time.UnixNano(), 10) + " " + d.Message.ID
}

// contentOf hashes what must be the same in a draft with the same key.
func contentOf(d *hubbub.Draft) string {
	m, data := &d.Message, d.Message.Data
	if d.Original != nil {
		data = d.Original
	}
	return digest(m.From.User, m.From.Device, m.Except, string(data))
}

// repeated is the message that was accepted with the key of a draft, by what is kept of the key, and the body of the message if that is
// still there.
func repeated(d *hubbub.Draft, epoch, kept, body string) (a hubbub.Appended, err error) {
	parts := strings.SplitN(kept, " ", 6)
	if len(parts) != 6 {
		return a, errBadEntry
	}
	offset, err := strconv.ParseUint(parts[2], 10, 64)
	if err != nil {
		return a, errBadEntry
	}
	at, err := strconv.ParseInt(parts[4], 10, 64)
	if err != nil {
		return a, errBadEntry
	}
	if parts[3] != contentOf(d) {
		return a, hubbub.Errorf(hubbub.Conflict, "the key %q was used for another message a short time ago; take a new key for each message", d.Key)
	}
	a = hubbub.Appended{Message: d.Message, Repeated: true}
	a.Message.ID, a.Message.Time, a.Message.Position = parts[5], time.Unix(0, at), hubbub.Position{}
	if offset > 0 {
		a.Message.Position = hubbub.Position{Epoch: epoch, Offset: offset}
		a.Previous = offset - 1
	}
	if d.Original != nil && body != "" {
		m, err := decodeBody(body)
		if err != nil {
			return a, fmt.Errorf("%w: %w", errBadEntry, err)
		}
		a.Message.Data = m.Data // what has changed those of the draft may have changed them to something else that time
	}
	return a, nil
}
