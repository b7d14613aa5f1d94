package auth

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	josejson "github.com/go-jose/go-jose/v4/json"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/hubbub-dev/hubbub"
)

// MaxToken is the most bytes that a token may have.
const MaxToken = 8 << 10

// latest bounds exp: a later one is a mistake, most often milliseconds where the standard says seconds.
const latest = 253402300799 // the end of the year 9999

// algorithms are all that a token may be signed by. None is not among them.
func algorithms() []jose.SignatureAlgorithm {
	return []jose.SignatureAlgorithm{jose.HS256, jose.HS384, jose.HS512, jose.RS256, jose.RS384, jose.RS512, jose.PS256,
		jose.PS384, jose.PS512, jose.ES256, jose.ES384, jose.ES512, jose.EdDSA}
}

// claims are those of the standard and ours; see the package comment.
type claims struct {
	jwt.Claims
	Name     string           `json:"name,omitempty"`
	Info     json.RawMessage  `json:"info,omitempty"`
	Attrs    attributes       `json:"attrs,omitempty"`
	Rooms    *roomPermissions `json:"rooms,omitempty"`
	Device   string           `json:"device,omitempty"`
	Platform string           `json:"platform,omitempty"`
}

// verify tells whose token it is. Every error is a *hubbub.Error.
func (a *Authenticator) verify(ctx context.Context, raw string) (hubbub.Identity, error) {
	token, err := parse(raw)
	if err != nil {
		return hubbub.Identity{}, err
	}
	payload, err := a.keys.verify(ctx, token)
	if err != nil {
		return hubbub.Identity{}, err
	}
	c, err := decode(payload)
	if err != nil {
		return hubbub.Identity{}, err
	}
	if err := a.validate(c.Claims); err != nil {
		return hubbub.Identity{}, err
	}
	return a.identity(c)
}

// parse reads the token's header and refuses what no key needs to be asked for.
func parse(raw string) (*jose.JSONWebSignature, error) {
	switch {
	case raw == "":
		return nil, hubbub.Errorf(hubbub.Unauthorized, "the token is empty")
	case len(raw) > MaxToken:
		return nil, hubbub.Errorf(hubbub.Unauthorized, "the token has %d bytes; at most %d are allowed", len(raw), MaxToken)
	case strings.Count(raw, ".") == 4:
		return nil, hubbub.Errorf(hubbub.Unauthorized, "the token is encrypted; send a signed one")
	}
	token, err := jose.ParseSignedCompact(raw, algorithms())
	if err == nil {
		return token, nil
	}
	var unexpected *jose.ErrUnexpectedSignatureAlgorithm
	if errors.As(err, &unexpected) {
		return nil, hubbub.Errorf(hubbub.Unauthorized, "the token's algorithm %.16q is not accepted", string(unexpected.Got))
	}
	return nil, &hubbub.Error{Reason: hubbub.Unauthorized, Err: err,
		Message: "the token is not a signed JWT: three parts of base64url without padding, with dots between"}
}

// decode reads the claims that we know, by their exact names. A claim that is null counts as missing. Claims that are
// there twice are refused, since others could read the other one.
func decode(payload []byte) (claims, error) {
	var raw map[string]json.RawMessage
	if err := josejson.Unmarshal(payload, &raw); err != nil {
		return claims{}, &hubbub.Error{Reason: hubbub.Unauthorized, Err: err,
			Message: "the token's claims are not a JSON object in which every name is there once"}
	}
	var c claims
	for _, known := range []struct {
		name, kind string
		to         any
	}{
		{"iss", "a string", &c.Issuer},
		{"sub", "a string", &c.Subject},
		{"aud", "a string or a list of strings", &c.Audience},
		{"exp", "a number of seconds since 1970", &c.Expiry},
		{"nbf", "a number of seconds since 1970", &c.NotBefore},
		{"iat", "a number of seconds since 1970", &c.IssuedAt},
		{"jti", "a string", &c.ID},
		{"name", "a string", &c.Name},
		{"info", "an object", &c.Info},
		{"attrs", "an object of strings, numbers and booleans", &c.Attrs},
		{"rooms", `{"join": [globs], "send": [globs]} or a list of globs`, &c.Rooms},
		{"device", "a string", &c.Device},
		{"platform", "a string", &c.Platform},
	} {
		value, ok := raw[known.name]
		if !ok || string(value) == "null" {
			continue
		}
		if err := json.Unmarshal(value, known.to); err != nil {
			return claims{}, &hubbub.Error{Reason: hubbub.Unauthorized, Err: err,
				Message: "the token's claim " + known.name + " must be " + known.kind}
		}
	}
	return c, nil
}

// validate checks the claims that the standard names.
func (a *Authenticator) validate(c jwt.Claims) error {
	now := a.config.Now()
	err := c.ValidateWithLeeway(jwt.Expected{Issuer: a.config.Issuer, AnyAudience: a.config.Audience, Time: now}, a.config.Leeway)
	here := now.UTC().Format(time.RFC3339)
	switch {
	case c.Expiry == nil:
		return hubbub.Errorf(hubbub.Unauthorized, "the token has no exp: sign it with a time when it ends")
	case *c.Expiry > latest:
		return hubbub.Errorf(hubbub.Unauthorized, "the token's exp is after the year 9999: write it in seconds, not milliseconds")
	case c.Subject == "":
		return hubbub.Errorf(hubbub.Unauthorized, "the token has no sub: sign it with the user's id as sub")
	case errors.Is(err, jwt.ErrExpired):
		return hubbub.Errorf(hubbub.Unauthorized, "the token expired at %s; get a new one", stamp(c.Expiry))
	case errors.Is(err, jwt.ErrNotValidYet):
		return hubbub.Errorf(hubbub.Unauthorized, "the token is good from %s on; here it is %s", stamp(c.NotBefore), here)
	case errors.Is(err, jwt.ErrIssuedInTheFuture):
		return hubbub.Errorf(hubbub.Unauthorized, "the token was made in the future, at %s; here it is %s: set the clocks",
			stamp(c.IssuedAt), here)
	case errors.Is(err, jwt.ErrInvalidIssuer):
		return hubbub.Errorf(hubbub.Unauthorized, "the token's iss %q is not the issuer that auth.issuer names", c.Issuer)
	case errors.Is(err, jwt.ErrInvalidAudience):
		return hubbub.Errorf(hubbub.Unauthorized, "the token's aud %q names nothing of auth.audience", []string(c.Audience))
	case err != nil:
		return hubbub.Errorf(hubbub.Unauthorized, "the token's claims are not acceptable: %w", err)
	}
	return nil
}

func stamp(d *jwt.NumericDate) string { return d.Time().UTC().Format(time.RFC3339) }

// identity makes the identity from claims that hold.
func (a *Authenticator) identity(c claims) (hubbub.Identity, error) {
	id := hubbub.Identity{User: c.Subject, Device: c.Device, Platform: c.Platform, Info: c.Info, Attrs: c.Attrs,
		Issued: c.IssuedAt.Time(), Expires: c.Expiry.Time(), Token: c.ID}
	// Within the leeway the token is good, so its session must not end at once.
	if !id.Expires.After(a.config.Now()) {
		id.Expires = id.Expires.Add(a.config.Leeway)
	}
	if c.Rooms != nil {
		id.Rooms = hubbub.Permissions(*c.Rooms)
	}
	if id.Info == nil && c.Name != "" {
		id.Info = nameOnly(c.Name)
	}
	if len(id.Token) > hubbub.MaxID {
		return hubbub.Identity{}, hubbub.Errorf(hubbub.Unauthorized, "the token's jti has %d bytes; at most %d are allowed",
			len(id.Token), hubbub.MaxID)
	}
	if err := id.Check(); err != nil {
		return hubbub.Identity{}, hubbub.Errorf(hubbub.Unauthorized, "the token cannot be used: %w", err)
	}
	return id, nil
}

// attributes are the attrs claim: strings, numbers and booleans, all kept as text.
type attributes map[string]string

// UnmarshalJSON reads an object of scalars.
func (a *attributes) UnmarshalJSON(b []byte) error {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(b, &raw); err != nil {
		return err
	}
	*a = make(attributes, len(raw))
	for name, value := range raw {
		var text string
		switch {
		case value[0] == '"':
			if err := json.Unmarshal(value, &text); err != nil {
				return err
			}
		case strings.IndexByte("{[n", value[0]) >= 0:
			return errors.New(name + " is neither a string nor a number nor a boolean")
		default:
			text = string(value)
		}
		(*a)[name] = text
	}
	return nil
}

// roomPermissions are the rooms claim.
type roomPermissions hubbub.Permissions

// UnmarshalJSON reads {"join":[…],"send":[…]}, or a list for both.
func (p *roomPermissions) UnmarshalJSON(b []byte) error {
	var both []string
	if err := json.Unmarshal(b, &both); err == nil {
		*p = roomPermissions{Join: both, Send: slices.Clone(both)}
		return nil
	}
	var each hubbub.Permissions
	if err := json.Unmarshal(b, &each); err != nil {
		return err
	}
	*p = roomPermissions(each)
	return nil
}
