package inbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/hubbub-dev/hubbub"
)

// What a publication may have at most, besides Options.MaxNotice.
const (
	maxUsers   = 10_000
	maxActions = 8
	maxTitle   = 200 // bytes
	maxLabel   = 100 // bytes
	maxAttrs   = 16
	maxAttr    = 256 // bytes of a name or value
	maxAhead   = 365 * 24 * time.Hour
)

// defaultCategory is that of notices which name none.
const defaultCategory = "general"

// accept returns the publication as it is given to the store, or what must be changed.
func (in *Inbox) accept(p hubbub.Publication) (hubbub.Publication, error) {
	var err error
	if p.Content, err = normalize(p.Content, in.o.MaxNotice); err != nil {
		return p, err
	}
	if p.To, err = recipients(p.To); err != nil {
		return p, err
	}
	if err := checkKey("collapse", p.Collapse); err != nil {
		return p, err
	}
	if err := checkKey("key", p.Key); err != nil {
		return p, err
	}
	return in.schedule(p)
}

// schedule fills in the times of a publication. They are whole milliseconds, as everywhere outside.
func (in *Inbox) schedule(p hubbub.Publication) (hubbub.Publication, error) {
	now := in.now()
	if p.Time.Before(now) {
		p.Time = now
	}
	p.Time = p.Time.Truncate(time.Millisecond)
	if p.Time.Sub(now) > maxAhead {
		return p, hubbub.Errorf(hubbub.Invalid, "the time %s is more than a year ahead", p.Time.Format(time.RFC3339))
	}
	if p.Expires.IsZero() {
		if in.o.Expire > 0 {
			p.Expires = p.Time.Add(in.o.Expire)
		}
		return p, nil
	}
	p.Expires = p.Expires.Truncate(time.Millisecond)
	if !p.Expires.After(p.Time) {
		return p, hubbub.Errorf(hubbub.Invalid, "the notice expires at %s, which is not after its time %s",
			p.Expires.Format(time.RFC3339), p.Time.Format(time.RFC3339))
	}
	return p, nil
}

// normalize checks a notice's content and returns it as it is kept: with a category, and with data that does not depend on how it
// was indented.
func normalize(c hubbub.NoticeContent, most int) (hubbub.NoticeContent, error) {
	if c.Category == "" {
		c.Category = defaultCategory
	}
	if err := hubbub.CheckName("category", c.Category); err != nil {
		return c, err
	}
	if err := checkLine("title", c.Title, maxTitle); err != nil {
		return c, err
	}
	if !utf8.ValidString(c.Body) || strings.ContainsFunc(c.Body, neverInText) {
		return c, hubbub.Errorf(hubbub.Invalid, "the body must be plain text in UTF-8, without control characters but line feeds and tabs")
	}
	if c.Link != "" {
		if err := CheckLink("the link", c.Link); err != nil {
			return c, err
		}
	}
	var err error
	if c.Data, err = compact("the data", c.Data); err != nil {
		return c, err
	}
	if c.Actions, err = normalizeActions(c.Actions); err != nil {
		return c, err
	}
	n, err := sizeOf(c)
	if err != nil {
		return c, err
	}
	if n > most {
		return c, hubbub.Errorf(hubbub.TooLarge, "the notice has %d bytes as JSON; at most %d are allowed: shorten its body or data", n, most)
	}
	return c, nil
}

func normalizeActions(actions []hubbub.NoticeAction) ([]hubbub.NoticeAction, error) {
	if len(actions) > maxActions {
		return nil, hubbub.Errorf(hubbub.Invalid, "there are %d actions; at most %d are allowed", len(actions), maxActions)
	}
	actions = slices.Clone(actions)
	for i := range actions {
		a := &actions[i]
		if err := checkLine(fmt.Sprintf("label of action %d", i+1), a.Label, maxLabel); err != nil {
			return nil, err
		}
		if a.Link != "" {
			if err := CheckLink(fmt.Sprintf("the link of action %d", i+1), a.Link); err != nil {
				return nil, err
			}
		}
		var err error
		if a.Data, err = compact(fmt.Sprintf("the data of action %d", i+1), a.Data); err != nil {
			return nil, err
		}
	}
	return actions, nil
}

// recipients checks to whom a publication goes, and returns it with each user once, in ascending order.
func recipients(to hubbub.Recipients) (hubbub.Recipients, error) {
	kinds := 0
	for _, set := range []bool{len(to.Users) > 0, to.Room != "", to.Audience != nil} {
		if set {
			kinds++
		}
	}
	if kinds != 1 {
		return to, hubbub.Errorf(hubbub.Invalid, "say who gets the notice: one or more users, or the members of a room, or all, and only one of these")
	}
	if to.Room != "" {
		return to, hubbub.CheckName("room", to.Room)
	}
	if to.Audience != nil {
		return to, checkAttrs(to.Audience.Attrs)
	}
	if len(to.Users) > maxUsers {
		return to, hubbub.Errorf(hubbub.TooLarge, "the notice goes to %d users; at most %d are allowed: publish it more often, with a part of them each",
			len(to.Users), maxUsers)
	}
	for _, u := range to.Users {
		if err := hubbub.CheckName("user", u); err != nil {
			return to, err
		}
	}
	to.Users = slices.Clone(to.Users)
	slices.Sort(to.Users)
	to.Users = slices.Compact(to.Users)
	return to, nil
}

func checkAttrs(attrs map[string]string) error {
	if len(attrs) > maxAttrs {
		return hubbub.Errorf(hubbub.Invalid, "the audience has %d attributes; at most %d are allowed", len(attrs), maxAttrs)
	}
	for name, value := range attrs {
		if name == "" || len(name) > maxAttr || len(value) > maxAttr || !utf8.ValidString(name) || !utf8.ValidString(value) {
			return hubbub.Errorf(hubbub.Invalid, "the attribute %.40q of the audience must have a name of 1 to %d bytes of UTF-8, and a value of at most as many",
				name, maxAttr)
		}
	}
	return nil
}

// checkLine checks a text of one line that must be there.
func checkLine(what, s string, most int) error {
	switch {
	case strings.TrimSpace(s) == "":
		return hubbub.Errorf(hubbub.Invalid, "the %s is missing", what)
	case len(s) > most:
		return hubbub.Errorf(hubbub.Invalid, "the %s has %d bytes; at most %d are allowed", what, len(s), most)
	case !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl):
		return hubbub.Errorf(hubbub.Invalid, "the %s must be one line of text in UTF-8, without control characters", what)
	}
	return nil
}

func checkKey(what, s string) error {
	if len(s) > hubbub.MaxID {
		return hubbub.Errorf(hubbub.Invalid, "the %s has %d bytes; at most %d are allowed", what, len(s), hubbub.MaxID)
	}
	if !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) {
		return hubbub.Errorf(hubbub.Invalid, "the %s must be UTF-8 without control characters", what)
	}
	return nil
}

// neverInText are control characters that plain text has no use for.
func neverInText(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t' }

// compact returns JSON without what is between its tokens, and nil for none.
func compact(what string, data json.RawMessage) (json.RawMessage, error) {
	if len(data) == 0 {
		return nil, nil
	}
	var b bytes.Buffer
	if err := json.Compact(&b, data); err != nil || !utf8.Valid(data) {
		return nil, hubbub.Errorf(hubbub.Invalid, "%s must be valid JSON in UTF-8", what)
	}
	return b.Bytes(), nil
}

// sizeOf is the size of a content as JSON.
func sizeOf(c hubbub.NoticeContent) (int, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(c); err != nil {
		return 0, hubbub.Errorf(hubbub.Invalid, "the notice cannot be written as JSON: %w", err)
	}
	return b.Len() - len("\n"), nil
}
