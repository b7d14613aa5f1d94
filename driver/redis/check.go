package redis

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"syscall"

	"github.com/redis/rueidis"

	"github.com/hubbub-dev/hubbub"
)

var aclScript = newScript("acl")

// oldest is the first version of Redis with sharded channels; Valkey, which continues it, says that it is 7.2.
const oldest = 7

// check looks whether the server is one that this package can work with, and warns of settings that lose data.
func (d *Driver) check(ctx context.Context) error {
	for addr, node := range d.client.Nodes() {
		text, err := node.Do(ctx, node.B().Info().Build()).ToString()
		if err != nil && d.client.Mode() == rueidis.ClientModeCluster && !isRefusal(err) {
			continue // a Cluster may have nodes that are down
		}
		if err != nil {
			return d.explain(err)
		}
		if err := d.checkInfo(addr, parseInfo(text)); err != nil {
			return err
		}
	}
	return d.checkACL(ctx)
}

func isRefusal(err error) bool {
	_, ok := rueidis.IsRedisErr(err)
	return ok
}

func parseInfo(text string) map[string]string {
	info := make(map[string]string)
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimRight(line, "\r\n"), ":"); ok {
			info[name] = value
		}
	}
	return info
}

func (d *Driver) checkInfo(addr string, info map[string]string) error {
	major, _, _ := strings.Cut(info["redis_version"], ".")
	inCluster := info["redis_mode"] == "cluster"
	switch n, err := strconv.Atoi(major); {
	case err != nil || n < oldest:
		return fmt.Errorf("the server %s is Redis %s; hubbub needs Redis 7 or Valkey 7.2, or later ones", addr, info["redis_version"])
	case inCluster && d.client.Mode() != rueidis.ClientModeCluster:
		return fmt.Errorf("the server %s is one of a Cluster, and its user may not ask for the slots; allow it +cluster|slots", addr)
	case !inCluster && info["role"] == "slave":
		return fmt.Errorf("the server %s is a replica of %s:%s; give the address of the master, or use redis+sentinel:// to follow it",
			addr, info["master_host"], info["master_port"])
	}
	if policy := info["maxmemory_policy"]; info["maxmemory"] != "0" && policy != "" && policy != "noeviction" {
		d.options.Logger.Warn("REDIS MAY THROW AWAY WHAT HUBBUB KEEPS THERE: sessions and messages are lost when its memory is full; "+
			"set maxmemory-policy to noeviction", "server", addr, "maxmemory_policy", policy, "maxmemory", info["maxmemory"])
	}
	return nil
}

// checkACL has Redis try commands of each kind with a key that is not there, so that an ACL that lacks something is noticed now.
func (d *Driver) checkACL(ctx context.Context) error {
	key := d.options.Prefix + nodesTag + "acl"
	lacks, err := d.exec(ctx, aclScript, []string{key}).AsStrSlice()
	if err != nil {
		return d.explain(err)
	}
	if len(lacks) > 0 {
		return fmt.Errorf("the Redis user may not use %s with keys and channels that begin with %q: %s",
			strings.Join(lacks, ", "), d.options.Prefix, d.refusal("NOPERM"))
	}
	if err := d.do(ctx, d.b().Spublish().Channel(key).Message("").Build()).Error(); err != nil {
		return d.explain(err)
	}
	return nil
}

// explain makes of an error while connecting one that says what to change. The credentials are not in it.
func (d *Driver) explain(err error) error {
	if e, ok := rueidis.IsRedisErr(err); ok {
		return d.explainAnswer(e)
	}
	o := &d.options
	_, isRecord := errors.AsType[tls.RecordHeaderError](err)
	_, isUnknown := errors.AsType[x509.UnknownAuthorityError](err)
	_, isName := errors.AsType[x509.HostnameError](err)
	_, isTLS := errors.AsType[*tls.CertificateVerificationError](err)
	_, isDNS := errors.AsType[*net.DNSError](err)
	timeout := errors.Is(err, context.DeadlineExceeded)
	says := "look at the address and whether the server runs"
	switch {
	case rueidis.IsRedisNil(err):
		says = fmt.Sprintf("the Sentinels know no master %q; look at its name in their configuration (sentinel monitor NAME …)", o.Master)
	case isUnknown || isName || isTLS:
		says = "the server's certificate is not trusted; give the authority that has signed it, and the name that it is for"
	case isRecord:
		says = "the server speaks without TLS there; use its TLS port, or redis:// in place of rediss://"
	case o.TLS != nil && timeout:
		says = "it does not answer in time; look at the address and at firewalls, and whether it speaks without TLS there"
	case strings.Contains(err.Error(), "remote error: tls:") || o.TLS != nil && (errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET)):
		says = "the server ends the TLS connection; it may want a certificate of this client, or speak without TLS there"
	case o.TLS == nil && (errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET)):
		says = "the server ends the connection; if it wants TLS there, use rediss://"
	case errors.Is(err, syscall.ECONNREFUSED):
		says = "nothing listens there; look at the address and whether the server runs"
	case isDNS:
		says = "the host's name is not known; look at the address"
	case timeout:
		says = "it does not answer in time; look at the address and at firewalls"
	}
	return fmt.Errorf("cannot reach %s: %s: %w", strings.Join(o.Addrs, ", "), says, err)
}

// explainAnswer does it for what Redis itself says.
func (d *Driver) explainAnswer(e *rueidis.RedisError) error {
	text := e.Error()
	says := ""
	switch first := word(e); {
	case first == "WRONGPASS" || first == "NOAUTH" || first == "NOPERM":
		says = d.refusal(first)
	case strings.Contains(text, "SELECT is not allowed in cluster mode"):
		says = "a Cluster has only the database 0"
	case strings.Contains(text, "DB index is out of range"):
		says = fmt.Sprintf("the server has no database %d; use another one, or raise its setting databases", d.options.DB)
	case strings.Contains(text, "No such master"):
		says = fmt.Sprintf("the Sentinels know no master %q; look at its name in their configuration (sentinel monitor NAME …)", d.options.Master)
	case strings.Contains(text, "unknown command"):
		says = "the server is older than Redis 7, or is none"
	}
	if says == "" {
		if says = sentence(e); says == "" {
			says = "it refuses to work"
		}
	}
	return fmt.Errorf("Redis at %s: %s: %w", strings.Join(d.options.Addrs, ", "), says, e)
}

// rights is the rule that suffices for a user of Redis, behind its keys and channels.
const rights = "-@all +@read +@write +@pubsub +@scripting +@connection -@dangerous +info +time +role +cluster|slots +cluster|shards"

// refusal says what to check when Redis lets this process do nothing, by the first word of its answer; "" if it is another one.
func (d *Driver) refusal(word string) string {
	who, prefix := "the default user", d.options.Prefix
	if d.options.Username != "" {
		who = fmt.Sprintf("the user %q", d.options.Username)
	}
	switch word {
	case "WRONGPASS":
		return "the password is wrong, or the user is unknown or off; look at the password that is given for " + who + ", and at ACL LIST of the server"
	case "NOAUTH":
		return "the server wants a password, or the user is off; give a user and a password, and look at ACL LIST of the server"
	case "NOPERM":
		return fmt.Sprintf("the ACL does not allow what hubbub needs; give %s this rule: ~%s* &%s* %s", who, prefix, prefix, rights)
	}
	return ""
}

// refused is unavailable for what only operators read: it tells what to check.
func (d *Driver) refused(err error, op string) error {
	if e, ok := rueidis.IsRedisErr(err); ok {
		if says := d.refusal(word(e)); says != "" {
			return &hubbub.Error{Reason: hubbub.Unavailable, Message: fmt.Sprintf("cannot %s: %s", op, says), RetryAfter: retryAfter, Err: err}
		}
	}
	return unavailable(err, op)
}
