package webhook

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

const secretPrefix = "whsec_"

// A secret has this many bytes, says Standard Webhooks.
const (
	minSecret = 24
	maxSecret = 64
	newSecret = 32
)

// NewSecret makes a random secret for [Target].Secrets.
func NewSecret() string {
	b := make([]byte, newSecret)
	rand.Read(b) // never fails
	return secretPrefix + base64.StdEncoding.EncodeToString(b)
}

// decodeSecret returns the bytes of a secret. Its error does not show any of it.
func decodeSecret(s string) ([]byte, error) {
	text, ok := strings.CutPrefix(s, secretPrefix)
	if !ok {
		return nil, fmt.Errorf("it does not begin with %s", secretPrefix)
	}
	b, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || strings.ContainsAny(text, "\r\n") {
		return nil, fmt.Errorf("what follows %s is not base64 with padding", secretPrefix)
	}
	if len(b) < minSecret || len(b) > maxSecret {
		return nil, fmt.Errorf("it has %d bytes; %d to %d are allowed", len(b), minSecret, maxSecret)
	}
	return b, nil
}

// signersOf makes one signer for each secret.
func signersOf(secrets []string) ([]*standardwebhooks.Webhook, error) {
	const example = `make one with: echo whsec_$(openssl rand -base64 32)`
	if len(secrets) == 0 {
		return nil, errors.New("a secret is missing, by which the receiver knows who sends; " + example)
	}
	all := make([]*standardwebhooks.Webhook, len(secrets))
	for i, s := range secrets {
		key, err := decodeSecret(s)
		if err != nil {
			return nil, fmt.Errorf("secret %d is bad: %w; %s", i+1, err, example)
		}
		if all[i], err = standardwebhooks.NewWebhookRaw(key); err != nil {
			return nil, fmt.Errorf("secret %d is bad", i+1)
		}
	}
	return all, nil
}
