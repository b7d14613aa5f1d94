package gateway_test

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway"
)

func TestLogHasNoSecrets(t *testing.T) {
	for _, format := range []string{"text", "json"} {
		var b buffer
		log := gateway.NewLoggerTo(&b, gateway.LogConfig{Level: "debug", Format: format})
		parsed, err := url.Parse("wss://ann:hunter2@example.com/ws?x=1&token=hunter2&y=2")
		if err != nil {
			t.Fatal(err)
		}
		log.Info("m", "token", "hunter2", "Ticket", "hunter2", "api_key", "hunter2", "Authorization", "hunter2", "user", "ann")
		log.Info("m", "url", parsed, "path", "/ws?ticket=hunter2&a=b#x", "error", errors.New(`dial "ws://a?access_token=hunter2": no`))
		log.With("password", "hunter2").WithGroup("g").Info("m", "cookie", "hunter2", "protocols", "hubbub.v1, hubbub.token.hunter2")
		log.Info("m", "header", "Bearer hunter2", "basic", "Basic hunter2", "escaped", "/ws?%74oken=hunter2", "two", "postgres://u:hunter2@h/db and redis://:hunter2@h")
		log.Debug("m", "kept", "/ws?user=ann&device=d1", "about", "token=fine when it is no parameter", "mail", "ann@example.com")
		got := b.String()
		if strings.Contains(got, "hunter2") {
			t.Errorf("a secret is in\n%s", got)
		}
		for _, want := range []string{"user=ann&device=d1", "x=1&token=(hidden)&y=2", "a=b#x", "token=fine when", "ann@example.com", "u:(hidden)@h/db and redis"} {
			if !strings.Contains(strings.ReplaceAll(got, `\u0026`, "&"), want) {
				t.Errorf("no %q in\n%s", want, got)
			}
		}
	}
}

// TestLogTellsCauses wants the log to say which server gave what answer, where clients are told only that something is not to be had.
func TestLogTellsCauses(t *testing.T) {
	var b buffer
	log := gateway.NewLoggerTo(&b, gateway.LogConfig{})
	away := &hubbub.Error{Reason: hubbub.Unavailable, Message: "PostgreSQL cannot be reached; try again",
		Err: errors.New("dial postgres://gateway:hunter2@db:5432: connection refused")}
	log.Error("m", "error", fmt.Errorf("expire notices: %w", away))
	log.Error("again", "error", hubbub.Errorf(hubbub.Unavailable, "it is said already: %w", away.Err))
	for line, want := range map[int]string{
		0: "expire notices: PostgreSQL cannot be reached; try again: dial postgres://gateway:(hidden)@db:5432: connection refused",
		1: `"it is said already: dial postgres://gateway:(hidden)@db:5432: connection refused"`,
	} {
		if got := strings.Split(b.String(), "\n")[line]; !strings.Contains(got, want) {
			t.Errorf("no %q in %s", want, got)
		}
	}
}

func TestLogLevel(t *testing.T) {
	for level, want := range map[string]int{"": 3, "debug": 4, "info": 3, "warn": 2, "error": 1} {
		var b buffer
		log := gateway.NewLoggerTo(&b, gateway.LogConfig{Level: level})
		log.Debug("m")
		log.Info("m")
		log.Warn("m")
		log.Error("m")
		if got := strings.Count(b.String(), "\n"); got != want {
			t.Errorf("level %q logs %d lines, want %d", level, got, want)
		}
	}
}

func TestAccessLog(t *testing.T) {
	var b buffer
	f, err := gateway.NewFront(gateway.Config{Logger: debugLog(&b)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	ask(t, f.Handler, "GET", "/page?token=hunter2&x=1", "Authorization: Bearer hunter2")
	got := b.String()
	for _, want := range []string{"method=GET", "status=200", "bytes=4", "client=192.0.2.1", "x=1"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in %s", want, got)
		}
	}
	if strings.Contains(got, "hunter2") {
		t.Errorf("a secret is in %s", got)
	}
}
