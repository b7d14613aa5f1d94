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
	Key       string   `type:"existingfile" placeholder:"FILE" help:"A PEM file or JWK with the private key."`
	Secret    string   `env:"HUBBUB_SECRET" placeholder:"TEXT" help:"The shared secret, at least 32 bytes. In the environment it does not stay in the shell's history."`
	Base64    string   `name:"secret-base64" env:"HUBBUB_SECRET_BASE64" placeholder:"TEXT" help:"The same in base64."`
	KID       string   `name:"kid" placeholder:"ID" help:"The name of the key, which the server compares."`
	Algorithm string   `placeholder:"NAME" help:"How to sign, such as PS256, if the key allows several ways."`
	Issuer    string   `placeholder:"TEXT" help:"The iss claim."`
	Audience  []string `placeholder:"TEXT" help:"The aud claim."`
}

// Run prints a token on one line.
func (c *tokenCommand) Run() error {
	config, err := c.Sign.config()
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
		return err
	}
	fmt.Println(token)
	return nil
}

// config makes the configuration that signs. Without a key it says how to name one.
func (f *signingFlags) config() (auth.Config, error) {
	if f.Key == "" && f.Secret == "" && f.Base64 == "" {
		return auth.Config{}, errors.New("nothing to sign with: name the private key with --key FILE, or set HUBBUB_SECRET or " +
			"HUBBUB_SECRET_BASE64 to the secret or secret_base64 of the server's auth.keys")
	}
	return auth.Config{Issuer: f.Issuer, Audience: f.Audience,
		Keys: []auth.Key{{ID: f.KID, Algorithm: f.Algorithm, File: f.Key, Secret: f.Secret, SecretBase64: f.Base64}}}, nil
}
