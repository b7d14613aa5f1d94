package httpapi

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/hubbub-dev/hubbub"
)

// Scope is a part of the API that a key opens.
type Scope string

// The scopes.
const (
	Publish  Scope = "publish"  // send messages
	Read     Scope = "read"     // ask who is online, and where
	Sessions Scope = "sessions" // sign people in and out: tickets, ending sessions, revoking
	Admin    Scope = "admin"    // everything
)

// anyScope is what every key opens.
const anyScope Scope = ""

// Scopes are all scopes.
func Scopes() []Scope { return []Scope{Publish, Read, Sessions, Admin} }

const (
	keyPrefix  = "hub_" // lets people and scanners recognize a key that lies where it should not
	hashPrefix = "sha256:"
)

// Key is what the gateway knows of an API key; the key itself is known to its owner alone.
type Key struct {
	// Name says whose key it is, in logs and errors; see [hubbub.CheckName]. Idempotency keys and the rate belong to it.
	Name   string
	Hash   string // "sha256:" and the SHA-256 of the key in hex
	Scopes []Scope
}

// NewKey makes an API key with 130 random bits. The secret is what the caller sends; it cannot be had again from the Key. The
// error says what is wrong with the name or scopes.
func NewKey(name string, scopes ...Scope) (secret string, k Key, err error) {
	secret = keyPrefix + rand.Text()
	sum := sha256.Sum256([]byte(secret))
	k = Key{Name: name, Hash: hashPrefix + hex.EncodeToString(sum[:]), Scopes: scopes}
	if _, err := k.sum(); err != nil {
		return "", Key{}, err
	}
	return secret, k, nil
}

// sum checks the key and returns its hash. The error never shows what stands in Hash, since it could be the key itself.
func (k Key) sum() ([sha256.Size]byte, error) {
	var sum [sha256.Size]byte
	if err := hubbub.CheckName("name of an API key", k.Name); err != nil {
		return sum, err
	}
	if len(k.Scopes) == 0 {
		return sum, fmt.Errorf("the API key %q opens nothing: give it one of the scopes %s", k.Name, scopeList())
	}
	for _, s := range k.Scopes {
		if !slices.Contains(Scopes(), s) {
			return sum, fmt.Errorf("the API key %q has the scope %q, which does not exist: use some of %s", k.Name, s, scopeList())
		}
	}
	if strings.HasPrefix(k.Hash, keyPrefix) {
		return sum, fmt.Errorf("the hash of the API key %q is a key itself: keep that secret, and write down the hash that "+
			"`hubbub apikey` prints beside it", k.Name)
	}
	digits, ok := strings.CutPrefix(k.Hash, hashPrefix)
	if n, err := hex.Decode(sum[:], []byte(digits[:min(len(digits), 2*len(sum))])); !ok || err != nil || n != len(sum) ||
		len(digits) != 2*len(sum) {
		return sum, fmt.Errorf("the hash of the API key %q must be %q and 64 hexadecimal digits, as `hubbub apikey` prints it",
			k.Name, hashPrefix)
	}
	return sum, nil
}

func scopeList() string {
	var names []string
	for _, s := range Scopes() {
		names = append(names, string(s))
	}
	return strings.Join(names, ", ")
}
