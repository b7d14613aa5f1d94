package webhook_test

import (
	"encoding/base64"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/sqlite"
	"github.com/hubbub-dev/hubbub/gateway/webhook"
)

func TestBadTargetsAreRefused(t *testing.T) {
	coded := func(n int) string {
		return "whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("s", n)))
	}
	for what, bad := range map[string]struct {
		change func(*webhook.Target)
		want   string
	}{
		"no name":          {func(x *webhook.Target) { x.Name = "" }, "name of a webhook target is missing"},
		"bad name":         {func(x *webhook.Target) { x.Name = "a b" }, "must not contain"},
		"no URL":           {func(x *webhook.Target) { x.URL = "" }, "https://host/path"},
		"no host":          {func(x *webhook.Target) { x.URL = "https:///hooks" }, "https://host/path"},
		"other scheme":     {func(x *webhook.Target) { x.URL = "file:///etc/passwd" }, "https://host/path"},
		"password":         {func(x *webhook.Target) { x.URL = "https://ann:hidden@example.com/" }, "user or password"},
		"not a URL":        {func(x *webhook.Target) { x.URL = "https://ann:hidden@exa mple.com/%" }, "cannot be understood"},
		"loopback":         {func(x *webhook.Target) { x.URL = "http://127.0.0.1:8080/" }, "allow_private"},
		"loopback in IPv6": {func(x *webhook.Target) { x.URL = "http://[::1]/" }, "allow_private"},
		"mapped":           {func(x *webhook.Target) { x.URL = "http://[::ffff:10.0.0.1]/" }, "allow_private"},
		"no secret":        {func(x *webhook.Target) { x.Secrets = nil }, "openssl rand -base64 32"},
		"secret of none":   {func(x *webhook.Target) { x.Secrets = []string{"aGlkZGVu"} }, "whsec_"},
		"not base64":       {func(x *webhook.Target) { x.Secrets = []string{secret, "whsec_hidden!"} }, "secret 2 is bad"},
		"not one line":     {func(x *webhook.Target) { x.Secrets = []string{secret + "\n"} }, "secret 1 is bad"},
		"too short":        {func(x *webhook.Target) { x.Secrets = []string{coded(23)} }, "23 bytes"},
		"too long":         {func(x *webhook.Target) { x.Secrets = []string{coded(65)} }, "65 bytes"},
		"no such event":    {func(x *webhook.Target) { x.Events = []string{"sesion.*"} }, "there are session.connected, "},
		"no such room":     {func(x *webhook.Target) { x.Rooms = []string{""} }, "room is empty"},
		"header's name":    {func(x *webhook.Target) { x.Headers = map[string]string{"a b": "c"} }, "name"},
		"header's value":   {func(x *webhook.Target) { x.Headers = map[string]string{"A": "hidden\n"} }, "value"},
		"own header":       {func(x *webhook.Target) { x.Headers = map[string]string{"webhook-id": "1"} }, "own"},
		"header of HTTP":   {func(x *webhook.Target) { x.Headers = map[string]string{"host": "a"} }, "own"},
		"timeout":          {func(x *webhook.Target) { x.Timeout = time.Hour }, "timeout of 1h0m0s"},
		"concurrency":      {func(x *webhook.Target) { x.Concurrency = -1 }, "-1 requests"},
		"retry for":        {func(x *webhook.Target) { x.RetryFor = -time.Second }, "-1s"},
	} {
		target := webhook.Target{Name: "shop", URL: "https://example.com/", Secrets: []string{secret}}
		bad.change(&target)
		_, err := webhook.New(webhook.Options{Outbox: (*sqlite.Store)(nil), Targets: []webhook.Target{target}})
		if err == nil || !strings.Contains(err.Error(), bad.want) || hubbub.AsError(err).Reason != hubbub.Invalid {
			t.Errorf("%s: %v, want an error that says %q", what, err, bad.want)
		}
		if err != nil && (strings.Contains(err.Error(), "hidden") || strings.Contains(err.Error(), "aGlkZGVu") || strings.Contains(err.Error(), "c3Nz")) {
			t.Errorf("%s: the error shows what it must not: %v", what, err)
		}
	}
	two := webhook.Target{Name: "shop", URL: "https://example.com/", Secrets: []string{secret}}
	if _, err := webhook.New(webhook.Options{Outbox: (*sqlite.Store)(nil), Targets: []webhook.Target{two, two}}); err == nil {
		t.Error("two targets have the same name")
	}
	if _, err := webhook.New(webhook.Options{}); err == nil {
		t.Error("there is no outbox")
	}
}

func TestAddressesThatAreNotPublic(t *testing.T) {
	for _, ip := range []string{"127.0.0.1", "127.255.0.9", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254",
		"100.64.0.1", "192.0.2.1", "198.51.100.1", "203.0.113.1", "198.18.0.1", "192.0.0.8", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255",
		"::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "ff02::1", "2001:db8::1", "3fff::1", "fec0::1",
		"::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "2002:7f00:1::", "2002:a00:1::1", "64:ff9b::7f00:1", "64:ff9b:1::a00:1", "2001::1", "100::1"} {
		if err := webhook.CheckAddr(netip.MustParseAddr(ip)); err == nil {
			t.Errorf("%s counts as public", ip)
		}
	}
	for _, ip := range []string{"8.8.8.8", "172.32.0.1", "100.128.0.1", "192.169.0.1", "2606:4700::1111", "2a00:1450::1"} {
		if err := webhook.CheckAddr(netip.MustParseAddr(ip)); err != nil {
			t.Error(err)
		}
	}
}

func TestNewSecretsAreGood(t *testing.T) {
	a, b := webhook.NewSecret(), webhook.NewSecret()
	if key, err := webhook.DecodeSecret(a); err != nil || len(key) != 32 || a == b {
		t.Errorf("%q, %q: %v", a, b, err)
	}
}
