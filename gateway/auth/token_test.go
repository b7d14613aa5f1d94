package auth_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/auth"
)

var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

func ecKey(t *testing.T, c elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(c, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func edKey(t *testing.T) ed25519.PrivateKey {
	t.Helper()
	_, k, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// pemFile writes a public key, or what block makes of one.
func publicPEM(t *testing.T, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

func privatePEM(t *testing.T, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

func file(t *testing.T, name string, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	write(t, path, string(b))
	return path
}

// claims are good claims with some replaced; nil takes one away.
func claims(now time.Time, with map[string]any) map[string]any {
	all := map[string]any{"sub": "ann", "exp": now.Add(time.Hour).Unix()}
	maps.Copy(all, with)
	maps.DeleteFunc(all, func(_ string, v any) bool { return v == nil })
	return all
}

// signed makes a token as somebody else's library would.
func signed(t *testing.T, algorithm jose.SignatureAlgorithm, key any, kid string, body any) string {
	t.Helper()
	payload, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	options := &jose.SignerOptions{}
	if kid != "" {
		options.WithHeader("kid", kid)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, options)
	if err != nil {
		t.Fatal(err)
	}
	token, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	text, err := token.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// forged makes a token by hand, with any header, and the HMAC-SHA-256 by key; nil makes an empty signature.
func forged(header string, body any, key []byte) string {
	payload, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	text := encode([]byte(header)) + "." + encode(payload)
	if key == nil {
		return text + "."
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return text + "." + encode(mac.Sum(nil))
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// TestAlgorithms has a server for each algorithm, and sends each every token.
func TestAlgorithms(t *testing.T) {
	body := claims(time.Now(), nil)
	long := []byte(strings.Repeat(secret, 2))
	p256, p384, p521, ed := ecKey(t, elliptic.P256()), ecKey(t, elliptic.P384()), ecKey(t, elliptic.P521()), edKey(t)
	keys := map[jose.SignatureAlgorithm]any{
		jose.HS256: long, jose.HS384: long, jose.HS512: long,
		jose.RS256: rsaKey(), jose.RS384: rsaKey(), jose.RS512: rsaKey(),
		jose.PS256: rsaKey(), jose.PS384: rsaKey(), jose.PS512: rsaKey(),
		jose.ES256: p256, jose.ES384: p384, jose.ES512: p521, jose.EdDSA: ed,
	}
	tokens := map[jose.SignatureAlgorithm]string{}
	for algorithm, key := range keys {
		tokens[algorithm] = signed(t, algorithm, key, "", body)
	}
	for algorithm, key := range keys {
		k := auth.Key{Algorithm: string(algorithm), Secret: string(long)}
		if private, ok := key.(crypto.Signer); ok {
			k.Secret, k.File = "", file(t, "public.pem", publicPEM(t, private.Public()))
		}
		a := start(t, auth.Config{Keys: []auth.Key{k}})
		for other, token := range tokens {
			id, err := a.Verify(t.Context(), token)
			if good := other == algorithm; good != (err == nil) || good && id.User != "ann" {
				t.Errorf("a key for %s and a token by %s: %+v, %v", algorithm, other, id, err)
			}
		}
		token := tokens[algorithm]
		for what, bad := range map[string]string{
			"another payload":          strings.Replace(token, ".", "."+encode([]byte(`{"sub":"bob"}`))+"x", 1),
			"another signature":        token[:len(token)-8] + "AAAAAAAA",
			"no signature":             token[:strings.LastIndex(token, ".")+1],
			"none":                     forged(`{"alg":"none"}`, body, nil),
			"None":                     forged(`{"alg":"None","typ":"JWT"}`, body, nil),
			"no alg":                   forged(`{"typ":"JWT"}`, body, nil),
			"HS256 by an empty key":    forged(`{"alg":"HS256"}`, body, []byte{}),
			"the payload of a header":  strings.SplitAfterN(token, ".", 2)[1],
			"padding":                  token + "==",
			"a critical header":        forged(`{"alg":"HS256","crit":["x"],"x":1}`, body, long),
			"a list of two signatures": `{"payload":"","signatures":[]}`,
		} {
			if id, err := a.Verify(t.Context(), bad); err == nil || hubbub.AsError(err).Reason != hubbub.Unauthorized {
				t.Errorf("%s with %s: %+v, %v", algorithm, what, id, err)
			}
		}
	}
}

// TestAPublicKeyIsNoSecret signs by HS256 with what everybody knows: every form of the public key.
func TestAPublicKeyIsNoSecret(t *testing.T) {
	public := publicPEM(t, rsaKey().Public())
	block, _ := pem.Decode(public)
	a := start(t, auth.Config{Keys: []auth.Key{{File: file(t, "public.pem", public)}}})
	for _, key := range [][]byte{public, []byte(strings.TrimSpace(string(public))), block.Bytes, rsaKey().N.Bytes(),
		x509.MarshalPKCS1PublicKey(&rsaKey().PublicKey)} {
		token := forged(`{"alg":"HS256","typ":"JWT"}`, claims(time.Now(), nil), key)
		if id, err := a.Verify(t.Context(), token); err == nil {
			t.Fatalf("%+v was let in", id)
		}
	}
	own := ecKey(t, elliptic.P256())
	jwk, err := json.Marshal(jose.JSONWebKey{Key: own.Public()})
	if err != nil {
		t.Fatal(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: own},
		(&jose.SignerOptions{EmbedJWK: true}).WithHeader("jku", "http://127.0.0.1:1/keys"))
	if err != nil {
		t.Fatal(err)
	}
	token, err := signer.Sign([]byte(`{"sub":"ann","exp":99999999999}`))
	if err != nil {
		t.Fatal(err)
	}
	text, err := token.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	if id, err := a.Verify(t.Context(), text); err == nil {
		t.Fatalf("%+v was let in by the key %s of the token's own header", id, jwk)
	}
}

func TestTimesIssuerAndAudience(t *testing.T) {
	clock := newClock()
	now := clock.Now()
	at := func(d time.Duration) int64 { return now.Add(d).Unix() }
	c := auth.Config{Keys: []auth.Key{{Secret: secret}}, Issuer: "https://login.example.org", Audience: []string{"chat", "inbox"},
		Leeway: 5 * time.Second, Now: clock.Now}
	a := start(t, c)
	for _, test := range []struct {
		name string
		with map[string]any
		says string // of the refusal; "" when good
	}{
		{"good", nil, ""},
		{"one of two audiences", map[string]any{"aud": []string{"x", "inbox"}}, ""},
		{"expired within the leeway", map[string]any{"exp": at(-4 * time.Second)}, ""},
		{"expired", map[string]any{"exp": at(-6 * time.Second)}, "expired at 2026-03-01T11:59:54Z"},
		{"no exp", map[string]any{"exp": nil}, "no exp"},
		{"exp in milliseconds", map[string]any{"exp": now.Add(time.Hour).UnixMilli()}, "not milliseconds"},
		{"exp as text", map[string]any{"exp": fmt.Sprint(at(time.Hour))}, "claim exp must be a number"},
		{"exp far away", map[string]any{"exp": 1e300}, "claim exp must be a number"},
		{"not yet, within the leeway", map[string]any{"nbf": at(4 * time.Second)}, ""},
		{"not yet", map[string]any{"nbf": at(6 * time.Second)}, "good from 2026-03-01T12:00:06Z on"},
		{"from the future, within the leeway", map[string]any{"iat": at(4 * time.Second)}, ""},
		{"from the future", map[string]any{"iat": at(time.Minute)}, "made in the future"},
		{"no sub", map[string]any{"sub": nil}, "no sub"},
		{"an empty sub", map[string]any{"sub": ""}, "no sub"},
		{"sub as number", map[string]any{"sub": 17}, "claim sub must be a string"},
		{"sub with a space", map[string]any{"sub": "ann b"}, "user"},
		{"another issuer", map[string]any{"iss": "https://evil.example.org"}, "iss"},
		{"no issuer", map[string]any{"iss": nil}, "iss"},
		{"another audience", map[string]any{"aud": "mail"}, "aud"},
		{"no audience", map[string]any{"aud": nil}, "aud"},
		{"aud as number", map[string]any{"aud": 5}, "claim aud must be"},
		{"a long jti", map[string]any{"jti": strings.Repeat("j", 65)}, "jti"},
	} {
		body := claims(now, map[string]any{"iss": "https://login.example.org", "aud": "chat"})
		maps.Copy(body, test.with)
		maps.DeleteFunc(body, func(_ string, v any) bool { return v == nil })
		id, err := a.Verify(t.Context(), signed(t, jose.HS256, []byte(secret), "", body))
		switch {
		case test.says == "" && (err != nil || id.User != "ann" || !id.Expires.After(now)):
			t.Errorf("%s: %+v, %v", test.name, id, err)
		case test.says != "" && (err == nil || !strings.Contains(err.Error(), test.says)):
			t.Errorf("%s: %+v, %v", test.name, id, err)
		}
	}

	token := tokenFor(t, c, "ann") // good for an hour
	clock.Add(time.Hour + 4*time.Second)
	if _, err := a.Verify(t.Context(), token); err != nil {
		t.Error(err)
	}
	clock.Add(2 * time.Second)
	if _, err := a.Verify(t.Context(), token); err == nil {
		t.Error("an expired token is still good")
	}
}

func TestClaims(t *testing.T) {
	a := start(t, auth.Config{Keys: []auth.Key{{Secret: secret}}})
	now := time.Now()
	verify := func(body any) (hubbub.Identity, error) {
		return a.Verify(t.Context(), signed(t, jose.HS256, []byte(secret), "", body))
	}
	id, err := verify(claims(now, map[string]any{"iat": now.Unix(), "jti": "t1", "device": "d1", "platform": "ios",
		"info": json.RawMessage(`{"name":"Ann","n":1}`), "name": "not this",
		"attrs": json.RawMessage(`{"plan":"pro","level":12.50,"beta":true}`),
		"rooms": json.RawMessage(`{"join":["team-*"],"send":["team-1"]}`), "other": map[string]any{"Sub": "x"}, "SUB": "bob"}))
	want := hubbub.Identity{User: "ann", Device: "d1", Platform: "ios", Info: json.RawMessage(`{"name":"Ann","n":1}`),
		Attrs:  map[string]string{"plan": "pro", "level": "12.50", "beta": "true"},
		Rooms:  hubbub.Permissions{Join: []string{"team-*"}, Send: []string{"team-1"}},
		Issued: time.Unix(now.Unix(), 0), Expires: time.Unix(now.Add(time.Hour).Unix(), 0), Token: "t1"}
	if err != nil || !reflect.DeepEqual(id, want) {
		t.Errorf("%+v, %v\nwant %+v", id, err, want)
	}

	id, err = verify(claims(now, map[string]any{"name": "Ann", "rooms": []string{"a", "b*"}}))
	both := []string{"a", "b*"}
	if err != nil || string(id.Info) != `{"name":"Ann"}` || !reflect.DeepEqual(id.Rooms, hubbub.Permissions{Join: both, Send: both}) {
		t.Errorf("%+v, %v", id, err)
	}
	null := json.RawMessage("null")
	id, err = verify(claims(now, map[string]any{"info": null, "attrs": null, "rooms": null, "device": null, "nbf": null}))
	if err != nil || id.Info != nil || id.Attrs != nil || id.Rooms.Join != nil || !id.Issued.IsZero() {
		t.Errorf("%+v, %v", id, err)
	}

	for claim, values := range map[string][]string{
		"info":     {`"Ann"`, `[1]`, `7`, `{"a":"` + strings.Repeat("x", hubbub.MaxInfo) + `"}`},
		"attrs":    {`"pro"`, `["pro"]`, `{"plan":{}}`, `{"plan":["a"]}`, `{"plan":null}`},
		"rooms":    {`"team"`, `{"join":"team"}`, `[1]`, `5`},
		"device":   {`5`, `"a b"`, `"` + strings.Repeat("d", 129) + `"`},
		"platform": {`{}`, `"{x}"`},
		"name":     {`5`},
	} {
		for _, value := range values {
			_, err := verify(claims(now, map[string]any{claim: json.RawMessage(value)}))
			if e := hubbub.AsError(err); e == nil || e.Reason != hubbub.Unauthorized || !strings.Contains(e.Message, claim) {
				t.Errorf("%s %.40s: %v", claim, value, err)
			}
		}
	}
	for _, body := range []string{`[]`, `"x"`, `{"sub":"ann","sub":"bob","exp":99999999999}`, `{"sub":"ann"`, ``} {
		if id, err := a.Verify(t.Context(), forgedRaw(body)); err == nil {
			t.Errorf("%s: %+v was let in", body, id)
		}
	}
}

// forgedRaw signs a payload that is perhaps not JSON.
func forgedRaw(payload string) string {
	text := encode([]byte(`{"alg":"HS256"}`)) + "." + encode([]byte(payload))
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(text))
	return text + "." + encode(mac.Sum(nil))
}

func TestLongTokens(t *testing.T) {
	a := start(t, auth.Config{Keys: []auth.Key{{Secret: secret}}})
	sign := func(n int) string {
		return signed(t, jose.HS256, []byte(secret), "", claims(time.Now(), map[string]any{"x": strings.Repeat("x", n)}))
	}
	if token := sign(5900); len(token) > auth.MaxToken {
		t.Fatal(len(token))
	} else if _, err := a.Verify(t.Context(), token); err != nil {
		t.Error(err)
	}
	if _, err := a.Verify(t.Context(), sign(6200)); err == nil || !strings.Contains(err.Error(), "8192") {
		t.Error(err)
	}
	for _, huge := range []string{strings.Repeat(".", 1<<20), strings.Repeat(".", auth.MaxToken), strings.Repeat("a", 1<<20)} {
		refused(t, a, get("", "Authorization", "Bearer "+huge), 401)
	}
}

func TestKeyIDs(t *testing.T) {
	one, two := edKey(t), edKey(t)
	a := start(t, auth.Config{Keys: []auth.Key{
		{ID: "one", File: file(t, "one.pem", publicPEM(t, one.Public()))},
		{ID: "two", File: file(t, "two.pem", publicPEM(t, two.Public()))},
	}})
	for _, test := range []struct {
		key  ed25519.PrivateKey
		kid  string
		good bool
	}{{one, "one", true}, {two, "two", true}, {one, "", true}, {two, "", true}, {one, "two", false}, {one, "three", false},
		{edKey(t), "one", false}, {edKey(t), "", false}} {
		_, err := a.Verify(t.Context(), signed(t, jose.EdDSA, test.key, test.kid, claims(time.Now(), nil)))
		if (err == nil) != test.good {
			t.Errorf("kid %q: %v", test.kid, err)
		}
	}
	a = start(t, auth.Config{Keys: []auth.Key{{Secret: secret}}}) // a key without id fits every token
	if _, err := a.Verify(t.Context(), signed(t, jose.HS256, []byte(secret), "x", claims(time.Now(), nil))); err != nil {
		t.Error(err)
	}
}
