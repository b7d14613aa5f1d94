// Package gateway is what both services of the shop know of the gateway: who asks them, and how to tell it something.
package gateway

import (
	"fmt"
	"net/http"
	"os"

	"github.com/golang-jwt/jwt/v5"
)

// Identity is who asks, as the gateway has signed it.
type Identity struct {
	User  string
	Staff bool
}

// Who reads and checks the header Hubbub-Identity. aud is the service's name among the backends of hubbub.yaml, and secret is its
// secret there. A request without that header does not come through the gateway, or nobody has signed in.
func Who(r *http.Request, aud, secret string) (Identity, error) {
	var claims struct {
		jwt.RegisteredClaims
		Attrs struct {
			Role string `json:"role"`
		} `json:"attrs"`
	}
	key := func(*jwt.Token) (any, error) { return []byte(secret), nil }
	_, err := jwt.ParseWithClaims(r.Header.Get("Hubbub-Identity"), &claims, key,
		jwt.WithValidMethods([]string{"HS256"}), jwt.WithIssuer("hubbub"), jwt.WithAudience(aud), jwt.WithExpirationRequired())
	if err != nil {
		return Identity{}, fmt.Errorf("who asks: %w", err)
	}
	return Identity{User: claims.Subject, Staff: claims.Attrs.Role == "staff"}, nil
}

// Setting is an environment variable, or what hubbub.yaml of the demonstration has.
func Setting(name, demonstration string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return demonstration
}
