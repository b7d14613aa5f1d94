package redis

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// ParseURL makes options of an address, in one of these forms:
//
//	redis://[USER:PASSWORD@]HOST[:6379][/DB]
//	redis+sentinel://[USER:PASSWORD@]HOST[:26379][,HOST…]/MASTER[?db=DB][&sentinel_username=USER][&sentinel_password=PASSWORD]
//	redis+cluster://[USER:PASSWORD@]HOST[:6379][,HOST…]
//
// With rediss in place of redis the connections use TLS, those to Sentinels too. Without USER the password is that of the default user. What
// has a special meaning in a URL is written with %, in a password for example %40 for @. Errors say what to write, and never tell the password.
func ParseURL(text string) (Options, error) {
	var o Options
	scheme, rest, _ := strings.Cut(text, "://")
	base, kind, _ := strings.Cut(scheme, "+")
	if base != "redis" && base != "rediss" || !slices.Contains([]string{"redis", "redis+sentinel", "redis+cluster"}, "redis"+strings.TrimPrefix(scheme, base)) {
		return o, fmt.Errorf("a Redis URL begins with redis:// (or rediss:// for TLS), redis+sentinel:// or redis+cluster://, this one does not")
	}
	if base == "rediss" {
		o.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	rest, rawQuery, _ := strings.Cut(rest, "?")
	authority, path, _ := strings.Cut(rest, "/")
	if cutsPassword(kind, path, rawQuery) {
		return o, fmt.Errorf("there is an @ behind a / or a ? in the Redis URL; in a user or a password write / as %%2F, ? as %%3F and @ as %%40")
	}
	if err := o.setUser(&authority); err != nil {
		return Options{}, err
	}
	query, err := url.ParseQuery(rawQuery)
	if err != nil {
		return Options{}, fmt.Errorf("what follows ? in the Redis URL cannot be read; write NAME=VALUE&NAME=VALUE")
	}
	if err := o.setAddrs(authority, kind); err != nil {
		return Options{}, err
	}
	if err := o.setRest(kind, path, query); err != nil {
		return Options{}, err
	}
	return o, nil
}

// cutsPassword tells whether what follows the authority may begin with a part of a password, which errors would tell. Only values of the query
// may have an @.
func cutsPassword(kind, path, rawQuery string) bool {
	if strings.Contains(path, "@") {
		return true
	}
	if !strings.Contains(rawQuery, "@") {
		return false
	}
	query, err := url.ParseQuery(rawQuery)
	for name := range query {
		if !slices.Contains([]string{"db", "sentinel_username", "sentinel_password"}, name) {
			return true
		}
	}
	return err != nil || kind != "sentinel" || path == ""
}

// setUser takes the user and the password from the beginning of the authority.
func (o *Options) setUser(authority *string) (err error) {
	at := strings.LastIndexByte(*authority, '@')
	if at < 0 {
		return nil
	}
	user, password, _ := strings.Cut((*authority)[:at], ":")
	*authority = (*authority)[at+1:]
	if o.Username, err = url.PathUnescape(user); err == nil {
		o.Password, err = url.PathUnescape(password)
	}
	if err != nil {
		return fmt.Errorf("the user or the password in the Redis URL cannot be read; write %% as %%25")
	}
	if o.Username != "" && o.Password == "" {
		return fmt.Errorf("the Redis URL has a user and no password; write redis://USER:PASSWORD@HOST, or redis://:PASSWORD@HOST for the default user")
	}
	return nil
}

func (o *Options) setAddrs(list, kind string) error {
	port := "6379"
	if kind == "sentinel" {
		port = "26379"
	}
	for addr := range strings.SplitSeq(list, ",") {
		host, own, err := net.SplitHostPort(addr)
		if err != nil {
			host, own = strings.TrimSuffix(strings.TrimPrefix(addr, "["), "]"), port
			if addr == host && strings.Contains(host, ":") {
				host = "" // of an IPv6 address without brackets nobody knows where the port begins
			}
		}
		if n, err := strconv.ParseUint(own, 10, 16); err != nil || n == 0 || host == "" || strings.ContainsAny(host, "[]/") {
			return fmt.Errorf("%q in the Redis URL is no address; write HOST or HOST:PORT, an IPv6 address as [::1]:6379", addr)
		}
		o.Addrs = append(o.Addrs, net.JoinHostPort(host, own))
	}
	if kind == "" && len(o.Addrs) > 1 {
		return fmt.Errorf("redis:// takes one server; write redis+cluster:// for some nodes of a Cluster, or redis+sentinel:// for Sentinels")
	}
	return nil
}

// setRest takes the path and the query.
func (o *Options) setRest(kind, path string, query url.Values) error {
	known := map[string]*string{}
	db := path
	switch kind {
	case "sentinel":
		var err error
		if o.Master, err = url.PathUnescape(path); err != nil || path == "" {
			return fmt.Errorf("the Redis URL needs the name that the Sentinels have for the master; write redis+sentinel://HOST,HOST/MASTER")
		}
		db = ""
		known = map[string]*string{"db": &db, "sentinel_username": &o.SentinelUsername, "sentinel_password": &o.SentinelPassword}
	case "cluster":
		if path != "" {
			return fmt.Errorf("a Redis Cluster has one database; write redis+cluster://HOST,HOST")
		}
	}
	for name, values := range query {
		to := known[name]
		if to == nil {
			return fmt.Errorf("%q is unknown in this kind of Redis URL; leave it out", name)
		}
		*to = values[0]
	}
	if db == "" {
		return nil
	}
	n, err := strconv.ParseUint(db, 10, 16)
	if err != nil {
		return fmt.Errorf("%q in the Redis URL is no number of a database; write one such as 0, or leave it out", db)
	}
	o.DB = int(n)
	return nil
}
