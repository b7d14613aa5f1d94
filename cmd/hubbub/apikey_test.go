package main_test

import (
	"context"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hubbub-dev/hubbub/gateway"
	"github.com/hubbub-dev/hubbub/gateway/httpapi"
)

func TestAPIKey(t *testing.T) {
	hubbub := build(t)
	out, err := exec.CommandContext(t.Context(), hubbub, "apikey", "--name", `billing:#1's"`, "--scope", "read,sessions").Output()
	if err != nil {
		t.Fatal(err)
	}
	secret, rest, _ := strings.Cut(string(out), "\n")
	_, entry, found := strings.Cut(rest, "\napi:\n")
	if !strings.HasPrefix(secret, "hub_") || strings.Contains(rest, secret) || !found {
		t.Fatalf("it prints\n%s", out)
	}

	// The gateway takes the entry as it is printed, and then the key.
	file := filepath.Join(t.TempDir(), "hubbub.yaml")
	if err := os.WriteFile(file, []byte("dev: true\napi:\n"+entry), 0o600); err != nil {
		t.Fatal(err)
	}
	loaded, err := gateway.Load(gateway.ConfigSources{File: file})
	if err != nil {
		t.Fatalf("the entry is refused: %v\n%s", err, entry)
	}
	loaded.Store.Path = gateway.NoStore
	g, err := gateway.New(loaded.Config)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Shutdown(context.WithoutCancel(t.Context()))
	for path, want := range map[string]int{"/online": 200, "/broadcast": 403} {
		method := map[int]string{200: "GET", 403: "POST"}[want]
		w, r := httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), method, httpapi.Prefix+path, nil)
		r.Header.Set("Authorization", "Bearer "+secret)
		g.Handler().ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("with the key %s answers %d %s", path, w.Code, w.Body)
		}
	}

	for says, args := range map[string][]string{
		"--name":                         {},
		"spaces":                         {"--name", "a b"},
		"publish, read, sessions, admin": {"--name", "a", "--scope", "write"},
	} {
		if out := refused(t, hubbub, append([]string{"apikey"}, args...)...); !strings.Contains(out, says) || strings.Contains(out, "hub_") {
			t.Errorf("hubbub apikey %s prints\n%s", strings.Join(args, " "), out)
		}
	}
}

func TestAPIKeyFile(t *testing.T) {
	hubbub, file := build(t), filepath.Join(t.TempDir(), "keys.txt")
	add := func(name string) string {
		t.Helper()
		out, err := exec.CommandContext(t.Context(), hubbub, "apikey", "--name", name, "--scope", "read,publish", "--file", file).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return string(out)
	}
	first := add("billing")
	second := add("billing")
	if !strings.HasPrefix(first, "hub_") || strings.Contains(first, "2 keys") || !strings.Contains(second, "2 keys named billing") {
		t.Errorf("it prints\n%s\n%s", first, second)
	}
	keys, err := httpapi.LoadKeys(file)
	if err != nil || len(keys) != 2 || keys[1].Name != "billing" || len(keys[1].Scopes) != 2 {
		t.Errorf("the file has %+v, %v", keys, err)
	}
	content, err := os.ReadFile(file)
	info, statErr := os.Stat(file)
	if err != nil || statErr != nil || strings.Contains(string(content), "hub_") || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is\n%s\n%v, %v, %v", content, info, err, statErr)
	}
	if err := os.WriteFile(file, []byte("something else"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := refused(t, hubbub, "apikey", "--name", "a", "--file", file); !strings.Contains(out, "line 1") || strings.Contains(out, "hub_") {
		t.Errorf("it prints\n%s", out)
	}
}
