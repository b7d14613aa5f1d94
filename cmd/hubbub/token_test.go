package main_test

import (
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hubbub-dev/hubbub/gateway/auth"
)

func TestToken(t *testing.T) {
	hubbub := build(t)
	const secret = "0123456789abcdef0123456789abcdef"
	t.Chdir(t.TempDir())

	cmd := exec.CommandContext(t.Context(), hubbub, "token", "--user", "ann", "--device", "d1", "--info", `{"name":"Ann"}`,
		"--attrs", "plan=pro,beta=true", "--rooms", "team-*", "--join", "lobby")
	cmd.Env = append(os.Environ(), "HUBBUB_AUTH_ISSUER=me", "HUBBUB_AUTH_KEYS=[{secret: "+secret+"}]")
	out, err := cmd.Output()
	if err != nil || strings.Count(string(out), "\n") != 1 {
		t.Fatalf("it prints %q, %v", out, err)
	}
	a, err := auth.New(auth.Config{Keys: []auth.Key{{Secret: secret}}, Issuer: "me", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	id, err := a.Verify(t.Context(), strings.TrimSpace(string(out)))
	if err != nil {
		t.Fatal(err)
	}
	if id.User != "ann" || id.Device != "d1" || string(id.Info) != `{"name":"Ann"}` || id.Attrs["beta"] != "true" ||
		strings.Join(id.Rooms.Join, " ") != "lobby team-*" || strings.Join(id.Rooms.Send, " ") != "team-*" {
		t.Errorf("the token is of %+v", id)
	}

	public := filepath.Join(t.TempDir(), "key.json")
	if err := os.WriteFile(public, []byte(`{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for says, args := range map[string][]string{
		"--user":      {},
		"auth.keys":   {"--user", "ann"},
		"5 bytes":     {"--user", "ann", "--secret", "short"},
		"with --key":  {"--user", "ann", "--key", public},
		"missing.pem": {"--user", "ann", "--key", "missing.pem"},
		"JSON object": {"--user", "ann", "--secret", secret, "--info", "Ann"},
		"spaces":      {"--user", "a b", "--secret", secret},
		"HS512":       {"--user", "ann", "--secret", secret, "--algorithm", "HS512"},
	} {
		if out := refused(t, hubbub, append([]string{"token"}, args...)...); !strings.Contains(out, says) || strings.Contains(out, secret) {
			t.Errorf("hubbub token %s prints\n%s", strings.Join(args, " "), out)
		}
	}
}
