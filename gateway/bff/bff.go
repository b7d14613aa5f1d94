// Package bff answers one call of a frontend by combining calls to several backends.
package bff

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/hubbub-dev/hubbub"
)

// Backend is asked by parts; *backend.Backend is one.
type Backend interface{}

// BFF answers calls. Its methods may be called concurrently.
type BFF struct{}

// New checks the routes and returns who answers them, or an error that says which route is wrong and how. End it with [BFF.Close].
func New(o Options) (*BFF, error) { return &BFF{}, nil }

// Handler answers GET and POST on /bff/NAME. identify tells who calls: nil for a request without credentials, an error for bad ones.
func (b *BFF) Handler(identify func(*http.Request) (*hubbub.Identity, error)) http.Handler {
	return http.NotFoundHandler()
}

// Methods are the routes as methods of hubbub.v1, by their names, which begin with "bff.".
func (b *BFF) Methods() map[string]func(context.Context, *hubbub.Session, json.RawMessage) (any, error) {
	return nil
}

// Close cancels what is asked of backends and waits for it. Call it after the doors are shut.
func (b *BFF) Close() {}
