package gateway

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/postgres"
	"github.com/hubbub-dev/hubbub/driver/sqlite"
	"github.com/hubbub-dev/hubbub/gateway/webhook"
	"github.com/hubbub-dev/hubbub/inbox"
)

// keeping is what must last, and what stands on it. The zero value is that of a gateway without a store.
type keeping struct {
	place string // where it is, for people: an absolute path, or a URL without secrets
	path  string // of the file; "" if it is elsewhere
	store store  // nil if there is none
	inbox *inbox.Inbox
	// webhooks also is there without any target: then it removes what waits for those of before.
	webhooks *webhook.Sender
	pulse    *pulse // nil if the store is a file
}

// store is a store that can be closed.
type store interface {
	hubbub.Store
	Close() error
}

// keep opens the store that a config names.
func keep(c *Config, bus hubbub.Bus, m *Metrics) (keeping, error) {
	if !c.stores() {
		return keeping{}, nil
	}
	k, err := openStore(c, m)
	if err != nil {
		return keeping{}, err
	}
	if !c.Dev { // there who starts it says more of it
		c.Logger.Info("the store is open", "place", k.place)
	}
	k.webhooks, err = webhook.New(webhook.Options{Outbox: k.store, Targets: c.targets(), Logger: c.Logger, Observe: m.Attempted})
	if err != nil {
		return keeping{}, errors.Join(err, k.store.Close())
	}
	m.WatchBacklogs(k.webhooks.Backlogs)
	o := inbox.Options{Store: k.store, Bus: bus, Expire: c.Inbox.Expire, MaxNotice: int(c.Inbox.MaxNotice), Logger: c.Logger}
	if c.reports() {
		o.Report = k.webhooks.Report
	}
	k.inbox = inbox.New(o)
	// It delivers what was left by a process that died, also before the hub adds what that one could not tell any more.
	k.webhooks.Start()
	return k, nil
}

// openStore opens it where it is.
func openStore(c *Config, m *Metrics) (keeping, error) {
	if c.Store.URL != "" {
		return openPostgres(c, m)
	}
	path, err := filepath.Abs(c.Store.Path)
	if err != nil {
		return keeping{}, fmt.Errorf("find the store %s: %w", c.Store.Path, err)
	}
	s, err := sqlite.Open(context.Background(), sqlite.Options{
		Path: path, MaxBatch: c.Store.MaxBatch, KeptPerSender: int64(c.Limits.StoredPerUser), Logger: c.Logger,
	})
	if err != nil {
		return keeping{}, err
	}
	m.watchStore(s, path)
	return keeping{place: path, path: path, store: s}, nil
}

// openPostgres opens a store that nodes can share.
func openPostgres(c *Config, m *Metrics) (keeping, error) {
	o := c.postgresOptions()
	s, err := await(c.Logger, "PostgreSQL", func(ctx context.Context) (*postgres.Store, error) { return postgres.Open(ctx, o) })
	if err != nil && isPassing(err) { // otherwise it has answered, and says what is wrong
		return keeping{}, fmt.Errorf("%w; check store.url, and that PostgreSQL runs and can be reached from here", err)
	}
	if err != nil {
		return keeping{}, err
	}
	m.watchPostgres(s)
	return keeping{place: placeOf(c.Store.URL), store: s, pulse: &pulse{ping: s.Ping}}, nil
}

// healthy tells whether the store can be asked: nil if it is a file, which is always there.
func (k keeping) healthy() error {
	if k.pulse == nil {
		return nil
	}
	return k.pulse.feel()
}

// reports tells whether there is anybody to tell what happens.
func (c *Config) reports() bool { return len(c.Webhooks) > 0 }

// targets are the webhooks of a config.
func (c *Config) targets() []webhook.Target {
	var all []webhook.Target
	for _, h := range c.Webhooks {
		all = append(all, h.target(c.Dev))
		if c.Dev && h.near() && !h.AllowPrivate {
			c.Logger.Warn("DEVELOPMENT MODE: a webhook may reach this machine, which elsewhere needs its setting allow_private", "webhook", h.Name)
		}
	}
	return all
}

// options adds to the options of the domain what lasts.
func (k keeping) options(c *Config, o *hubbub.Options) {
	if k.store != nil {
		o.Store, o.Counts = k.store, k.inbox.Counts
		if c.reports() {
			o.Report = k.webhooks.Report
		}
	}
}

// close ends what uses the store, and then the store. The hub has written what there is to tell. What is not delivered yet waits for the
// next start.
func (k keeping) close(ctx context.Context) error {
	if k.store == nil {
		return nil
	}
	ended := k.inbox.Close(ctx)
	return errors.Join(ended, k.webhooks.Close(ctx), k.store.Close())
}

// StorePath is the file of the store; "" if there is none.
func (g *Gateway) StorePath() string { return g.path }

// StorePlace says for people where the store is, without secrets; "" if everything is in memory.
func (g *Gateway) StorePlace() string { return g.place }
