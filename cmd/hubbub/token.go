package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/auth"
)

type tokenCommand struct {
	User     string            `required:"" placeholder:"ID" help:"Whose token it is."`
	Device   string            `placeholder:"ID" help:"The only device it is good for."`
	Platform string            `placeholder:"NAME" help:"The device's platform, such as web or ios."`
	TTL      time.Duration     `name:"ttl" default:"1h" help:"How long it is good (default ${default})."`
	Info     string            `placeholder:"JSON" help:"What others see of the user, such as {\"name\":\"Ann\"}."`
	Attrs    map[string]string `mapsep:"," placeholder:"NAME=VALUE,…" help:"What backends may select the user by, such as plan=pro."`
	Rooms    []string          `placeholder:"GLOB,…" help:"Rooms that the token permits to join and to send to."`
	Join     []string          `placeholder:"GLOB,…" help:"Rooms that it permits to join."`
	Send     []string          `placeholder:"GLOB,…" help:"Rooms that it permits to send to."`
	Sign     signingFlags      `embed:"" group:"The key:"`
}

// signingFlags say how tokens are signed.
type signingFlags struct {
	Config    string   `placeholder:"FILE" help:"YAML file of the gateway, whose auth.keys, issuer and audience are used (default: as of serve)."`
	Key       string   `placeholder:"FILE" xor:"key" help:"Sign with this private key, PEM or JWK, instead."`
	Secret    string   `placeholder:"TEXT" xor:"key" help:"Sign with this secret instead. It stays in the shell's history."`
	KID       string   `name:"kid" placeholder:"ID" help:"The name of the key given by --key or --secret."`
	Algorithm string   `placeholder:"NAME" help:"How to sign with that key, such as PS256, if it allows several ways."`
	Issuer    string   `placeholder:"TEXT" help:"The iss claim."`
	Audience  []string `placeholder:"TEXT" help:"The aud claim."`
}

// Run prints a token on one line.
func (c *tokenCommand) Run() error {
	config, err := c.Sign.load()
	if err != nil {
		return err
	}
	id := hubbub.Identity{User: c.User, Device: c.Device, Platform: c.Platform, Attrs: c.Attrs,
		Rooms: hubbub.Permissions{Join: append(c.Join, c.Rooms...), Send: append(c.Send, c.Rooms...)}}
	if c.Info != "" {
		id.Info = json.RawMessage(c.Info)
	}
	token, err := auth.Sign(config, id, c.TTL)
	if err != nil {
		return explain(err)
	}
	fmt.Println(token)
	return nil
}

// load makes the configuration that signs: that of the gateway, unless the flags say otherwise.
func (f *signingFlags) load() (auth.Config, error) {
	loaded, err := (&sourceFlags{Config: f.Config}).load()
	if err != nil {
		return auth.Config{}, err
	}
	config := loaded.Auth.Config
	if f.Key != "" || f.Secret != "" {
		config.Keys = []auth.Key{{ID: f.KID, Algorithm: f.Algorithm, File: f.Key, Secret: f.Secret}}
	}
	if f.Issuer != "" {
		config.Issuer = f.Issuer
	}
	if len(f.Audience) > 0 {
		config.Audience = f.Audience
	}
	return config, nil
}

// explain says how to name a key when there is none.
func explain(err error) error {
	if !errors.Is(err, auth.ErrCannotSign) {
		return err
	}
	return errors.New("nothing to sign with: set auth.keys, in hubbub.yaml or as HUBBUB_AUTH_KEYS='[{secret: …}]', to a secret, or " +
		"name the file with the private key with --key FILE. (With hubbub serve --dev no token is needed: /ws?user=ann)")
}
