package auth

import (
	"log/slog"
	"time"
)

// Config says who may sign in and how. Zero values are good but for one thing: nobody can sign in. It is read once, by [New].
type Config struct {
	// Keys verify tokens. A token must be signed by one of them.
	Keys []Key `koanf:"keys"`
	// Issuer is what the iss claim must be; "" means anything.
	Issuer string `koanf:"issuer"`
	// Audience is what the aud claim must name at least one of; nil means anything.
	Audience []string `koanf:"audience"`
	// Leeway is how far the clocks of who signs tokens and of this machine may be apart; 0 means 10 s, negative none.
	Leeway time.Duration `koanf:"leeway"`
	// Cookie is the name of the cookie that holds a token; "" means that cookies are not looked at.
	Cookie string `koanf:"cookie"`
	// Basic is sign-in by user and password.
	Basic Basic `koanf:"basic"`
	// Anonymous lets in who brings no credentials at all, under a random name that begins with "anon-".
	Anonymous bool `koanf:"anonymous"`

	// Tickets are the one-time tickets to redeem; nil means that tickets are refused.
	Tickets *Tickets `koanf:"-"`
	// Dev believes ?user=ID, with &name=NAME for what others see; it comes after ?token=. Never set it where others can
	// connect.
	Dev bool `koanf:"-"`
	// Logger gets what operators want to know, such as a file that cannot be read again; nil means slog.Default().
	Logger *slog.Logger `koanf:"-"`
	// Now is the clock by which tokens and tickets expire; nil means time.Now.
	Now func() time.Time `koanf:"-"`
}

// Key verifies tokens, and signs them in [Sign] when it is a secret or a private key. Exactly one of Secret, SecretBase64, File
// and URL is set.
type Key struct {
	// ID is compared with the kid in a token's header; "" fits every token. Keys of a JWK set have their own.
	ID string `koanf:"id"`
	// Algorithm is the only one that the key is good for, such as "RS256". "" means HS256 for a secret, the one of its
	// curve for an elliptic key, EdDSA for an Ed25519 key, any RS or PS for an RSA key, and what it says itself for a
	// key of a JWK set.
	Algorithm string `koanf:"algorithm"`
	// Secret is a shared secret as text; its bytes are the key. It needs 32 bytes, for HS384 48 and for HS512 64.
	Secret string `koanf:"secret"`
	// SecretBase64 is a shared secret in base64, standard or URL-safe, with or without padding.
	SecretBase64 string `koanf:"secret_base64"`
	// File is the path of a PEM file (public key, certificate or private key) or of a JWK or JWK set in JSON. It is read again
	// when it changes, at most once a second.
	File string `koanf:"file"`
	// URL is where a JWK set is fetched from, once at the start, then every Refresh, and when a token names a key that is not
	// known yet. Only public keys are taken from there.
	URL string `koanf:"url"`
	// Refresh is how often URL is fetched while nothing asks for it; 0 means 15 min. A key that was withdrawn there is good for
	// so long at most, provided that the URL answers.
	Refresh time.Duration `koanf:"refresh"`
	// MinRefresh is how long to wait between two fetches that tokens with unknown keys cause; 0 means 10 s.
	MinRefresh time.Duration `koanf:"min_refresh"`
}

// Basic is sign-in by user and password, RFC 7617.
type Basic struct {
	// File is the path of a file as `htpasswd -B` writes it: a line user:hash for each user, bcrypt hashes only. It is
	// read again when it changes, at most once a second. "" means that passwords are not accepted.
	File string `koanf:"file"`
	// Concurrency is how many passwords are hashed at a time; 0 means half of GOMAXPROCS, so that the others are free for who is in.
	Concurrency int `koanf:"concurrency"`
	// Queue is how many sign-ins may wait for that; more are refused with 503. 0 means 16 for each of Concurrency.
	Queue int `koanf:"queue"`
}

func (c Config) withDefaults() Config {
	switch {
	case c.Leeway == 0:
		c.Leeway = 10 * time.Second
	case c.Leeway < 0:
		c.Leeway = 0
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}
