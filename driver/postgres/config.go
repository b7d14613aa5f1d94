package postgres

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// How long things may take. Each is longer than what it contains, so that the innermost tells what was wrong.
const (
	dialTime      = 3 * time.Second  // to connect to one host
	lockTime      = 5 * time.Second  // to wait for a row that somebody else changes
	acquireTime   = 5 * time.Second  // to wait for a free connection
	statementTime = 10 * time.Second // for one statement
	idleTime      = 10 * time.Second // until a transaction ends of which nothing more is heard, as of a machine that is gone
	callTime      = 15 * time.Second // for a transaction as a whole
)

// parse reads Options.URL. Its errors tell nothing of what may be a password.
func parse(o *Options) (*pgxpool.Config, error) {
	if strings.TrimSpace(o.URL) == "" {
		return nil, errors.New("the URL of the store is missing; write postgres://user:password@host:5432/database")
	}
	if strings.ContainsRune(o.Schema, 0) || len(o.Schema) > 63 || strings.HasPrefix(o.Schema, "pg_") {
		return nil, fmt.Errorf("%q is no name of a schema; take one of up to 63 bytes that does not begin with pg_", o.Schema)
	}
	config, err := parseURL(o.URL)
	if err != nil {
		return nil, err
	}
	config.MaxConns = int32(min(o.MaxConns, 10_000))
	config.MinConns = min(config.MinConns, config.MaxConns)
	config.MaxConnLifetimeJitter = config.MaxConnLifetime / 10 // so that not all are made anew at once
	config.PingTimeout = dialTime
	setConnection(config.ConnConfig, o.Schema)
	return config, nil
}

// setConnection is what all connections have in common.
func setConnection(c *pgx.ConnConfig, schema string) {
	if c.ConnectTimeout == 0 || c.ConnectTimeout > dialTime {
		c.ConnectTimeout = dialTime
	}
	if c.ValidateConnect == nil {
		c.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite // a standby is of no use
	}
	set := func(name string, d time.Duration) { c.RuntimeParams[name] = fmt.Sprint(d.Milliseconds()) }
	c.RuntimeParams["search_path"] = pgx.Identifier{schema}.Sanitize()
	set("statement_timeout", statementTime)
	set("lock_timeout", lockTime)
	set("idle_in_transaction_session_timeout", idleTime)
	// The server notices within half a minute that a machine is gone, and gives back the locks that it had.
	c.RuntimeParams["tcp_keepalives_idle"], c.RuntimeParams["tcp_keepalives_interval"], c.RuntimeParams["tcp_keepalives_count"] = "10", "5", "3"
	if c.RuntimeParams["application_name"] == "" {
		c.RuntimeParams["application_name"] = "hubbub"
	}
}

const urlForm = "write postgres://user:password@host:5432/database?sslmode=verify-full, with what is special in a password encoded " +
	"(@ as %40, : as %3A, / as %2F, ? as %3F, # as %23, % as %25)"

// CheckURL tells what is wrong with the URL of a store, without connecting. The error says what to write, and tells nothing of a password.
func CheckURL(text string) error {
	_, err := parseURL(text)
	return err
}

func parseURL(text string) (*pgxpool.Config, error) {
	if cutsPassword(text) {
		return nil, errors.New("the URL of the store has an @ where none can be, as if a password with an @ or a / had been cut there; " + urlForm)
	}
	config, err := pgxpool.ParseConfig(text)
	if err != nil {
		return nil, errURL(text, err)
	}
	return config, nil
}

// cutsPassword tells whether what a URL has in its host or behind may be the rest of a password, which errors would tell as the name of a host
// or of a database.
func cutsPassword(text string) bool {
	scheme, rest, isURL := strings.Cut(text, "://")
	if !isURL || scheme != "postgres" && scheme != "postgresql" {
		return false
	}
	authority, rest, _ := strings.Cut(rest, "/")
	path, query, _ := strings.Cut(rest, "?")
	if strings.Count(authority, "@") > 1 || strings.Contains(path, "@") {
		return true
	}
	for setting := range strings.SplitSeq(query, "&") {
		if name, _, _ := strings.Cut(setting, "="); strings.Contains(name, "@") {
			return true
		}
	}
	return false
}

// errURL says what is wrong with a URL, without what stands in it where that may be a part of a password.
func errURL(text string, err error) error {
	e, ok := errors.AsType[*pgconn.ParseConfigError](err)
	isURL := strings.HasPrefix(text, "postgres://") || strings.HasPrefix(text, "postgresql://")
	if _, bad := url.Parse(text); !ok || bad != nil || !isURL {
		return errors.New("the URL of the store cannot be read; " + urlForm)
	}
	what := strings.ReplaceAll(e.Error(), e.ConnString, "")
	if _, after, found := strings.Cut(what, "`: "); found {
		return fmt.Errorf("the URL of the store is not right: %s; %s", after, urlForm)
	}
	return errors.New("the URL of the store is not right; " + urlForm)
}
