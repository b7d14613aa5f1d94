package auth_test

import (
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/auth"
	"github.com/hubbub-dev/hubbub/internal/testkit"
)

func TestKeysThatAreRefused(t *testing.T) {
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	public := string(publicPEM(t, rsaKey().Public()))
	dir := t.TempDir()
	for name, text := range map[string]string{"weak.pem": string(publicPEM(t, weak.Public())), "rsa.pem": public, "text": "just text",
		"p224.pem": string(publicPEM(t, ecKey(t, elliptic.P224()).Public())), "empty.json": `{"keys":[]}`, "bad.json": `{`,
		"short.json": `{"kty":"oct","k":"c2hvcnQ"}`, "enc.json": `{"kty":"oct","use":"enc","k":"` + encode([]byte(secret)) + `"}`,
		"locked.pem": "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"} {
		write(t, filepath.Join(dir, name), text)
	}
	for _, test := range []struct {
		key  auth.Key
		says string
	}{
		{auth.Key{}, "exactly one"},
		{auth.Key{Secret: secret, URL: "https://example.org"}, "exactly one"},
		{auth.Key{Secret: secret[1:]}, "31 bytes; it needs 32"},
		{auth.Key{Secret: secret, Algorithm: "HS512"}, "good for [HS256] only"},
		{auth.Key{Secret: secret, Algorithm: "RS256"}, "good for [HS256] only"},
		{auth.Key{Secret: secret, Algorithm: "none"}, `algorithm "none" is not known`},
		{auth.Key{Secret: public}, "everybody who has the public key"},
		{auth.Key{SecretBase64: base64.StdEncoding.EncodeToString([]byte("short"))}, "5 bytes"},
		{auth.Key{SecretBase64: secret + "!"}, "openssl rand -base64 32"},
		{auth.Key{File: filepath.Join(dir, "missing.pem")}, "missing.pem"},
		{auth.Key{File: filepath.Join(dir, "weak.pem")}, "1024 bits"},
		{auth.Key{File: filepath.Join(dir, "p224.pem")}, "P-256"},
		{auth.Key{File: filepath.Join(dir, "rsa.pem"), Algorithm: "HS256"}, "good for [RS256"},
		{auth.Key{File: filepath.Join(dir, "text")}, "neither PEM nor"},
		{auth.Key{File: filepath.Join(dir, "locked.pem")}, "without passphrase"},
		{auth.Key{File: filepath.Join(dir, "empty.json")}, "no key"},
		{auth.Key{File: filepath.Join(dir, "bad.json")}, "not a JWK set"},
		{auth.Key{File: filepath.Join(dir, "short.json")}, "5 bytes"},
		{auth.Key{File: filepath.Join(dir, "enc.json")}, "no key"},
		{auth.Key{URL: "login.example.org/keys"}, "https://host/path"},
		{auth.Key{URL: "file:///etc/passwd"}, "https://host/path"},
	} {
		_, err := auth.New(auth.Config{Keys: []auth.Key{{Secret: secret}, test.key}})
		if err == nil || !strings.Contains(err.Error(), test.says) || !strings.HasPrefix(err.Error(), "auth.keys[1]: ") {
			t.Errorf("%+v: %v", test.key, err)
		}
		if err != nil && strings.Contains(err.Error(), secret[1:]) {
			t.Errorf("the error shows the secret: %v", err)
		}
	}
	if _, err := auth.New(auth.Config{}); !errors.Is(err, auth.ErrNobody) {
		t.Error(err)
	}
	if _, err := auth.New(auth.Config{Cookie: "session", Anonymous: true}); err == nil || !strings.Contains(err.Error(), "auth.keys") {
		t.Error(err)
	}
}

// TestFormsOfKeys signs by each form of a private key and verifies by each form of its public key.
func TestFormsOfKeys(t *testing.T) {
	ec := ecKey(t, elliptic.P256())
	certificate := testkit.SelfSigned(t)
	ecDER, err := x509.MarshalECPrivateKey(ec)
	if err != nil {
		t.Fatal(err)
	}
	jwk := func(key any, kid string) []byte {
		b, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key, KeyID: kid, Use: "sig"}}})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	one, err := json.Marshal(jose.JSONWebKey{Key: ec, KeyID: "k1", Algorithm: "ES256"})
	if err != nil {
		t.Fatal(err)
	}
	mixed := strings.Replace(string(jwk(ec.Public(), "k1")), `[`, `[{"kty":"OKP","crv":"Ed448","x":"AA"},{"kty":"new"},5,`, 1)
	block := func(kind string, der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}) }
	b64 := base64.StdEncoding.EncodeToString([]byte(secret + "?>~"))
	for name, pair := range map[string][2]auth.Key{
		"secret": {{Secret: secret}, {Secret: secret}},
		"base64": {{SecretBase64: b64}, {SecretBase64: strings.TrimRight(strings.NewReplacer("+", "-", "/", "_").Replace(b64), "=")}},
		"PKCS 8": {{File: file(t, "k", privatePEM(t, ec))}, {File: file(t, "k", publicPEM(t, ec.Public()))}},
		"SEC 1":  {{File: file(t, "k", block("EC PRIVATE KEY", ecDER))}, {File: file(t, "k", privatePEM(t, ec))}},
		"PKCS 1": {{File: file(t, "k", block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey())))},
			{File: file(t, "k", block("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&rsaKey().PublicKey)))}},
		"PS384":          {{File: file(t, "k", privatePEM(t, rsaKey())), Algorithm: "PS384"}, {File: file(t, "k", jwk(rsaKey().Public(), ""))}},
		"certificate":    {{File: certificate.KeyFile}, {File: certificate.CertFile}},
		"JWK":            {{File: file(t, "k", one)}, {File: file(t, "k", jwk(ec.Public(), "k1"))}},
		"with others":    {{File: file(t, "k", one)}, {File: file(t, "k", []byte(mixed))}},
		"JWK of secrets": {{File: file(t, "k", jwk([]byte(secret), "s"))}, {Secret: secret, ID: "s"}},
	} {
		t.Run(name, func(t *testing.T) {
			a := start(t, auth.Config{Keys: []auth.Key{pair[1]}})
			if id, err := a.Verify(t.Context(), tokenFor(t, auth.Config{Keys: []auth.Key{pair[0]}}, "ann")); err != nil || id.User != "ann" {
				t.Errorf("%+v, %v", id, err)
			}
		})
	}
}

// TestAlgorithmOfASet has a set whose RSA key may be used in any way, and a configuration that says in which.
func TestAlgorithmOfASet(t *testing.T) {
	set := file(t, "set.json", []byte(asJSON(t, jose.JSONWebKey{Key: rsaKey().Public(), KeyID: "k"})))
	open := start(t, auth.Config{Keys: []auth.Key{{File: set}}})
	pinned := start(t, auth.Config{Keys: []auth.Key{{File: set, Algorithm: "PS256"}}})
	for _, algorithm := range []jose.SignatureAlgorithm{jose.RS256, jose.PS256} {
		token := signed(t, algorithm, rsaKey(), "k", claims(time.Now(), nil))
		if _, err := open.Verify(t.Context(), token); err != nil {
			t.Error(err)
		}
		if _, err := pinned.Verify(t.Context(), token); (err == nil) != (algorithm == jose.PS256) {
			t.Errorf("%s: %v", algorithm, err)
		}
	}
}

func TestAKeyFileThatChanges(t *testing.T) {
	clock, log := newClock(), &logs{}
	before, after := edKey(t), edKey(t)
	path := file(t, "key.pem", publicPEM(t, before.Public()))
	a := start(t, auth.Config{Keys: []auth.Key{{File: path}}, Now: clock.Now, Logger: logger(log)})
	good := func(key any) bool {
		_, err := a.Verify(t.Context(), signed(t, jose.EdDSA, key, "", claims(clock.Now(), nil)))
		return err == nil
	}
	if !good(before) || good(after) {
		t.Fatal("the first key does not count")
	}
	write(t, path, "half a fi")
	clock.Add(time.Second)
	if !good(before) || !strings.Contains(log.String(), "key.pem") {
		t.Errorf("a broken file takes the keys away, or nobody says so:\n%s", log)
	}
	if err := os.Rename(file(t, "new.pem", publicPEM(t, after.Public())), path); err != nil {
		t.Fatal(err)
	}
	clock.Add(999 * time.Millisecond)
	if !good(before) {
		t.Error("the file is looked at more than once a second")
	}
	clock.Add(time.Millisecond)
	if good(before) || !good(after) {
		t.Error("the new key does not replace the old one")
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		clock.Add(time.Second)
		if !good(after) {
			t.Error("without the file there are no keys")
		}
	}
	if n := strings.Count(log.String(), "no such file"); n != 1 {
		t.Errorf("the missing file is mentioned %d times:\n%s", n, log)
	}
}

func TestSign(t *testing.T) {
	clock := newClock()
	public := file(t, "public.pem", publicPEM(t, edKey(t).Public()))
	c := auth.Config{Keys: []auth.Key{{File: public}, {ID: "k", SecretBase64: auth.NewSecret()}},
		Issuer: "me", Audience: []string{"chat"}, Now: clock.Now}
	a := start(t, c)
	want := hubbub.Identity{User: "ann", Device: "d1", Platform: "web", Info: json.RawMessage(`{"name":"Ann"}`),
		Attrs: map[string]string{"plan": "pro"}, Rooms: hubbub.Permissions{Join: []string{"*"}}, Token: "t1"}
	token, err := auth.Sign(c, want, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	id, err := a.Verify(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	if !id.Issued.Equal(clock.Now()) || !id.Expires.Equal(clock.Now().Add(time.Minute)) {
		t.Errorf("%+v", id)
	}
	id.Issued, id.Expires = time.Time{}, time.Time{}
	if a, b := asJSON(t, id), asJSON(t, want); a != b {
		t.Errorf("%s, want %s", a, b)
	}
	first, err := a.Verify(t.Context(), tokenFor(t, c, "ann"))
	second, err2 := a.Verify(t.Context(), tokenFor(t, c, "ann"))
	if err != nil || err2 != nil || first.Token == "" || first.Token == second.Token {
		t.Errorf("ids of tokens: %q, %q", first.Token, second.Token)
	}

	c.Keys = c.Keys[:1]
	if _, err := auth.Sign(c, want, time.Minute); !errors.Is(err, auth.ErrCannotSign) {
		t.Error(err)
	}
	c.Keys = []auth.Key{{Secret: secret}}
	for _, bad := range []hubbub.Identity{{}, {User: "a b"}, {User: "ann", Info: json.RawMessage("[]")},
		{User: "ann", Attrs: map[string]string{"x": strings.Repeat("x", auth.MaxToken)}}} {
		if token, err := auth.Sign(c, bad, time.Minute); err == nil {
			t.Errorf("%.100s", token)
		}
	}
	if _, err := auth.Sign(c, want, 0); err == nil {
		t.Error("a token that is good for no time")
	}
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
