package gateway

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"

	"github.com/hubbub-dev/hubbub/gateway/auth"
	"github.com/hubbub-dev/hubbub/gateway/httpapi"
	"github.com/hubbub-dev/hubbub/internal/settings"
)

// ConfigVariable names the configuration file. It is no setting itself.
const ConfigVariable = EnvPrefix + "CONFIG"

// otherVariables are no settings either: hubbub connect and hubbub publish read them, perhaps in the same environment.
func otherVariables() []string {
	return []string{ConfigVariable, EnvPrefix + "TOKEN", EnvPrefix + "URL", EnvPrefix + "API_KEY"}
}

// ConfigFile is read from the working directory when no other file is named. It need not be there.
const ConfigFile = "hubbub.yaml"

// ConfigSources says where a config comes from. Flags override Set, Set overrides Environ, Environ overrides the file,
// and the file the defaults.
type ConfigSources struct {
	File    string   // YAML; "" means what Environ has in [ConfigVariable], or else [ConfigFile], if it is there
	Environ []string // "NAME=value", usually os.Environ(); only names that begin with [EnvPrefix] count
	Set     []string // "key=value", for example "heartbeat.ping=10s"
	Flags   []string // the same, of keys that have a flag of their own, such as --addr
}

// LoadedConfig is a config that knows where each of its values came from.
type LoadedConfig struct {
	Config
	loaded *settings.Loaded
}

// Load makes a config of its sources. Everything that is wrong is in its error, a line for each, with the file's line or the
// variable and, for names that nobody knows, the nearest right one. A config without error can still be refused by [New]:
// Load does not look for keys.
func Load(s ConfigSources) (*LoadedConfig, error) {
	from := settings.Sources{File: s.File, Environ: s.Environ, Except: otherVariables(), Set: s.Set, Flags: s.Flags}
	if from.File == "" {
		from.File = variable(s.Environ, ConfigVariable)
	}
	if from.File == "" {
		from.File, from.Optional = ConfigFile, true
	}
	c := &LoadedConfig{}
	loaded, err := table().Load(&c.Config, from)
	problems, malformed := errors.AsType[settings.Problems](err)
	if err != nil && !malformed || loaded == nil {
		return nil, err
	}
	c.loaded = loaded
	// Images and units name the file by the variable. It must not take a third line to move out of it.
	if c.Store.URL != "" && c.Store.Path == variable(s.Environ, table().Variable("store.path")) {
		c.Store.Path = ""
	}
	c.fill()
	for _, more := range loaded.Locate(c.check()) {
		known := func(p settings.Problem) bool { return p.Key != "" && p.Key == more.Key }
		if !slices.ContainsFunc(problems, known) {
			problems = append(problems, more)
		}
	}
	if len(problems) > 0 {
		return nil, problems
	}
	return c, nil
}

// variable returns a variable's value; as with the shell, the last one counts.
func variable(environ []string, name string) string {
	value := ""
	for _, e := range environ {
		if rest, ok := cutVariable(e, name); ok {
			value = rest
		}
	}
	return value
}

func cutVariable(e, name string) (string, bool) {
	if len(e) <= len(name) || e[:len(name)] != name || e[len(name)] != '=' {
		return "", false
	}
	return e[len(name)+1:], true
}

// Show is the config as YAML, with the place where each value was set and without secrets.
func (c *LoadedConfig) Show() string { return c.loaded.Show() }

// DefaultConfig is what the zero value means.
func DefaultConfig() Config {
	var c Config
	c.fill()
	return c
}

// DefaultConfigFile is a YAML file with every setting, its description and its default.
func DefaultConfigFile() string { return table().Default() }

// ConfigReference describes every setting, in Markdown.
func ConfigReference() string { return table().Reference() }

// ErrNoKeys is what [New] returns when nobody could sign in, since neither development mode nor any way of signing in is
// configured.
var ErrNoKeys = errors.New("nobody could sign in: set auth.keys (to check tokens), auth.basic.file (for passwords), api.keys (for a backend " +
	"that issues tickets), hooks (with one on connect, which says who comes) or auth.anonymous (to let everybody in), in hubbub.yaml, which \"hubbub config default\" prints, or by variables, for example " +
	"HUBBUB_AUTH_KEYS='[{secret_file: /run/secrets/hubbub}]'. To try hubbub on your own machine: hubbub serve --dev")

// fill replaces every zero value by what it means.
func (c *Config) fill() {
	if c.Dev && c.Shutdown.Window == 0 {
		c.Shutdown.Window = -1
	}
	if c.Dev && c.Devices.Limit == 0 {
		c.Devices.Limit = 1 // so that one sees what happens
	}
	shared := c.Store.URL != "" && c.Store.Path == ""
	table().Fill(c)
	if shared {
		c.Store.Path = "" // what has a default is set, but there is no file
	}
	if host, port, err := net.SplitHostPort(c.Addr); err == nil && host == "" && c.Dev {
		c.Addr = net.JoinHostPort("127.0.0.1", port)
	}
}

// withDefaults returns the config with every zero value replaced by what it means, or what is wrong with it.
func (c Config) withDefaults() (Config, error) {
	c.fill()
	if problems := c.check(); len(problems) > 0 {
		return c, problems
	}
	if !c.Dev && len(c.Auth.Keys) == 0 && c.Auth.Basic.File == "" && !c.Auth.Anonymous && !c.issuesTickets() && !c.asksOn("connect") {
		return c, ErrNoKeys
	}
	if c.Logger == nil {
		c.Logger = NewLogger(c.Log)
	}
	return c, nil
}

// issuesTickets tells whether some backend can let people in.
func (c *Config) issuesTickets() bool {
	return c.API.File != "" || slices.ContainsFunc(c.API.Keys, func(k APIKeyConfig) bool {
		return len(k.Scopes) == 0 || slices.Contains(k.Scopes, string(httpapi.Sessions)) || slices.Contains(k.Scopes, string(httpapi.Admin))
	})
}

// Verify tells whether [New] would take the config: it is without contradiction, somebody can sign in, and the files that it
// names can be read.
func (c Config) Verify() error {
	c, err := c.withDefaults()
	if err != nil {
		return err
	}
	if dir := filepath.Dir(c.Store.Path); c.stores() && c.Store.URL == "" {
		if found, err := os.Stat(dir); err != nil || !found.IsDir() {
			return settings.Problems{{Key: "store.path", Message: fmt.Sprintf("there is no directory %s: make it, or name another file", dir)}}
		}
	}
	if c.API.File != "" {
		if _, err := httpapi.LoadKeys(c.API.File); err != nil {
			return settings.Problems{{Key: "api.file", Message: fmt.Sprintf("the keys cannot be read: %v", err)}}
		}
	}
	if c.Dev {
		return nil
	}
	c.Auth.Logger, c.Auth.Tickets = slog.New(slog.DiscardHandler), auth.NewTickets(auth.NewMemoryTickets(0, nil), nil)
	a, err := auth.New(c.Auth.Config)
	if err != nil {
		return err
	}
	a.Close()
	return nil
}
