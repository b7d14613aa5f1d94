package postgres

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/postgres/internal/db"
)

// The statuses of a publication.
const (
	waiting   = iota // for the delivery to somebody
	published        // and delivered to all
	removing         // no more of it is delivered, and it is taken out of the inboxes
	removed          // and only remembered for its key
)

// draft is a publication as it is to be stored.
type draft struct {
	hubbub.Publication // with each user once
	row                db.AddPublicationParams
	hash               []byte // of what must be the same for the same key
}

// encodeContent leaves < and > as they are: escaped they would have six bytes each.
func encodeContent(c hubbub.NoticeContent) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(c)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

func newDraft(p hubbub.Publication) (draft, error) {
	p.To.Users = slices.Clone(p.To.Users)
	slices.Sort(p.To.Users)
	p.To.Users = slices.Compact(p.To.Users)
	content, err := encodeContent(p.Content)
	if err != nil {
		return draft{}, hubbub.Errorf(hubbub.Invalid, "the content of the notice is not JSON: %w", err)
	}
	to, err := json.Marshal(p.To)
	if err != nil {
		return draft{}, fmt.Errorf("encode recipients: %w", err)
	}
	d := draft{Publication: p, row: db.AddPublicationParams{
		ID: p.ID, Category: p.Content.Category, Content: content, Collapse: p.Collapse, Time: millis(p.Time),
		Expires: millis(p.Expires), Remove: millis(p.Expires), Room: p.To.Room,
	}}
	if p.To.Audience != nil {
		audience, err := json.Marshal(p.To.Audience)
		if err != nil {
			return draft{}, fmt.Errorf("encode audience: %w", err)
		}
		d.row.Audience = string(audience)
	}
	h := sha256.New()
	h.Write(content)
	h.Write([]byte{0})
	h.Write(to)
	d.hash = h.Sum(nil)
	return d, nil
}

// Publish implements [hubbub.Notices].
func (s *Store) Publish(ctx context.Context, p hubbub.Publication) (hubbub.Step, error) {
	if p.Time.IsZero() {
		p.Time = s.o.Now()
	}
	d, err := newDraft(p)
	if err != nil {
		return hubbub.Step{}, err
	}
	var step hubbub.Step
	err = s.write(ctx, func(ctx context.Context, q *db.Queries) (err error) {
		step, err = s.publish(ctx, q, d)
		return err
	})
	if err != nil {
		return hubbub.Step{}, fmt.Errorf("publish notice: %w", err)
	}
	return step, nil
}

// publish waits for who publishes with the same key.
func (s *Store) publish(ctx context.Context, q *db.Queries, d draft) (hubbub.Step, error) {
	now := millis(s.o.Now())
	if d.Key != "" {
		n, err := q.AddPublicationKey(ctx, db.AddPublicationKeyParams{Author: d.Author, Key: d.Key, ID: d.ID, Hash: d.hash, Made: now})
		if err != nil {
			return hubbub.Step{}, err
		}
		if n == 0 {
			return repeated(ctx, q, d)
		}
	}
	if n, err := q.AddPublication(ctx, d.row); err != nil {
		return hubbub.Step{}, err
	} else if n == 0 {
		return hubbub.Step{}, hubbub.Errorf(hubbub.Conflict, "there is a publication with the id %q already", d.ID)
	}
	for i, users := range slices.Collect(slices.Chunk(d.To.Users, hubbub.DeliveryStep)) {
		if err := q.AddPublicationUsers(ctx, db.AddPublicationUsersParams{ID: d.ID, Step: int64(i), Users: users}); err != nil {
			return hubbub.Step{}, err
		}
	}
	step, err := deliver(ctx, q, d.ID, now)
	step.Publication = d.Publication
	step.Publication.Time, step.Publication.Expires = timeOf(d.row.Time), timeOf(d.row.Expires)
	return step, err
}

// repeated answers for a publication whose key is known. As long as the key is, so is the publication.
func repeated(ctx context.Context, q *db.Queries, d draft) (hubbub.Step, error) {
	row, err := q.KeyedPublication(ctx, db.KeyedPublicationParams{Author: d.Author, Key: d.Key})
	if errors.Is(err, pgx.ErrNoRows) {
		return hubbub.Step{}, hubbub.Errorf(hubbub.Unavailable, "the key %q is being forgotten just now; try again", d.Key)
	}
	if err != nil {
		return hubbub.Step{}, err
	}
	if !slices.Equal(row.Hash, d.hash) {
		return hubbub.Step{}, hubbub.Errorf(hubbub.Conflict,
			"the key %q was used for another notice or other recipients; use a new key", d.Key)
	}
	p, err := publication(row.Publications)
	p.To, p.Key, p.Author = d.To, d.Key, d.Author
	return hubbub.Step{Publication: p, Repeated: true}, err
}

// publication makes one of a row, without Key, Author and named users.
func publication(row db.Publications) (hubbub.Publication, error) {
	p := hubbub.Publication{
		ID: row.ID, To: hubbub.Recipients{Room: row.Room}, Collapse: row.Collapse, Time: timeOf(row.Time), Expires: timeOf(row.Expires),
	}
	if err := json.Unmarshal(row.Content, &p.Content); err != nil {
		return p, fmt.Errorf("read the content of the publication %q: %w", row.ID, err)
	}
	if row.Audience != "" {
		if err := json.Unmarshal([]byte(row.Audience), &p.To.Audience); err != nil {
			return p, fmt.Errorf("read the audience of the publication %q: %w", row.ID, err)
		}
	}
	return p, nil
}
