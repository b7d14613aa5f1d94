package gateway

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/hubbub-dev/hubbub/driver/postgres"
	"github.com/hubbub-dev/hubbub/driver/redis"
)

// redis finds what is wrong with what nodes share. No message shows the URL, which may hold a password.
func (c *checker) redis() {
	r := c.Redis
	if r.URL == "" {
		return
	}
	if c.stores() && c.Store.URL == "" {
		c.fail("redis.url", "nodes that share Redis cannot share the file %s: set store.url to a PostgreSQL database, such as "+
			"postgres://hubbub@db:5432/hubbub, or store.path to off, with neither inboxes nor members then; hubbub migrate moves a file to PostgreSQL",
			c.Store.Path)
	}
	if strings.ContainsAny(r.Prefix, "{}* \t\r\n") {
		c.fail("redis.prefix", "%q must have no braces, stars and spaces; write it as hubbub:", r.Prefix)
	}
	switch {
	case r.TLS.Cert != "" && r.TLS.Key == "":
		c.fail("redis.tls.key", "the file with the private key is missing; redis.tls.cert is set")
	case r.TLS.Cert == "" && r.TLS.Key != "":
		c.fail("redis.tls.cert", "the file with the certificate is missing; redis.tls.key is set")
	case r.TLS != (RedisTLSConfig{}) && !strings.HasPrefix(r.URL, "rediss"):
		c.fail("redis.tls", "redis.url says that Redis is reached without TLS: begin it with rediss:// (rediss+sentinel://, rediss+cluster://), or "+
			"leave redis.tls out")
	default:
		if _, err := c.redisOptions(); err != nil {
			c.fail("redis.url", "%v", err)
		}
	}
}

// storeURL finds what is wrong with a store that is no file.
func (c *checker) storeURL() {
	switch {
	case c.Store.URL == "":
		return
	case c.Store.Path != "":
		c.fail("store.url", "store.path is set, too: keep one of the two; hubbub migrate moves a file to PostgreSQL")
	case !strings.HasPrefix(c.Store.URL, "postgres://") && !strings.HasPrefix(c.Store.URL, "postgresql://"):
		c.fail("store.url", "write it as postgres://user:password@host:5432/database; this is not the URL of a PostgreSQL database")
	default:
		if err := postgres.CheckURL(c.Store.URL); err != nil {
			c.fail("store.url", "%v", err)
		}
	}
}

// redisOptions are those of the driver for Redis.
func (c *Config) redisOptions() (redis.Options, error) {
	o, err := redis.ParseURL(c.Redis.URL)
	if err != nil {
		return redis.Options{}, err
	}
	o.Username, o.Password = cmp.Or(o.Username, c.Redis.Username), cmp.Or(o.Password, c.Redis.Password)
	o.SentinelUsername = cmp.Or(o.SentinelUsername, c.Redis.SentinelUsername)
	o.SentinelPassword = cmp.Or(o.SentinelPassword, c.Redis.SentinelPassword)
	o.Prefix, o.Logger = c.Redis.Prefix, c.Logger
	o.Grace, o.Lease, o.KeptPerSender = c.Presence.Grace, c.Presence.Lease, int(c.Limits.KeptPerUser)
	if c.Redis.TLS == (RedisTLSConfig{}) {
		return o, nil
	}
	if o.TLS == nil {
		o.TLS = &tls.Config{}
	}
	return o, c.Redis.TLS.add(o.TLS)
}

// add reads the files into a TLS config.
func (r RedisTLSConfig) add(to *tls.Config) error {
	if r.CA != "" {
		pem, err := os.ReadFile(r.CA)
		if err != nil {
			return fmt.Errorf("read redis.tls.ca: %w", err)
		}
		to.RootCAs = x509.NewCertPool()
		if !to.RootCAs.AppendCertsFromPEM(pem) {
			return fmt.Errorf("read redis.tls.ca: there is no certificate in %s", r.CA)
		}
	}
	if r.Cert != "" {
		cert, err := tls.LoadX509KeyPair(r.Cert, r.Key)
		if err != nil {
			return fmt.Errorf("read redis.tls.cert: %w", err)
		}
		to.Certificates = []tls.Certificate{cert}
	}
	return nil
}

// postgresOptions are those of the store. Without Redis the nodes do not know of each other, so there may be one.
func (c *Config) postgresOptions() postgres.Options {
	return postgres.Options{URL: c.Store.URL, MaxConns: c.Store.MaxConns, Exclusive: c.Redis.URL == "",
		KeptPerSender: int64(c.Limits.StoredPerUser), Logger: c.Logger}
}

// placeOf is where the URL of a store leads, for logs: without user, password and options.
func placeOf(storeURL string) string {
	c, err := pgxpool.ParseConfig(storeURL)
	if err != nil {
		return "PostgreSQL" // New has checked it
	}
	return fmt.Sprintf("postgres://%s/%s", net.JoinHostPort(c.ConnConfig.Host, strconv.Itoa(int(c.ConnConfig.Port))), c.ConnConfig.Database)
}
