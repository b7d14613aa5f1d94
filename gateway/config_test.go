package gateway_test

import (
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/hubbub-dev/hubbub/gateway"
)

var update = flag.Bool("update", false, "write docs/configuration.md anew")

// TestConfigurationPage compares the reference in the documentation with the table in the code.
func TestConfigurationPage(t *testing.T) {
	const page, heading = "../docs/configuration.md", "-update -->\n\n"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	prose, reference, found := strings.Cut(string(text), heading)
	if !found {
		t.Fatalf("%s has no line that ends with %q", page, heading)
	}
	want := gateway.ConfigReference()
	if reference == want {
		return
	}
	if !*update {
		t.Fatalf("%s is not what the table says; run: go test ./gateway -run TestConfigurationPage -update", page)
	}
	if err := os.WriteFile(page, []byte(prose+heading+want), 0o644); err != nil {
		t.Fatal(err)
	}
}

// write writes a configuration file.
func write(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "hubbub.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestDefaultFileIsTheDefaults(t *testing.T) {
	text := gateway.DefaultConfigFile()
	c, err := gateway.Load(gateway.ConfigSources{File: write(t, text)})
	if err != nil {
		t.Fatal(err)
	}
	if want := gateway.DefaultConfig(); !reflect.DeepEqual(c.Config, want) {
		t.Errorf("got  %+v\nwant %+v", c.Config, want)
	}
}
