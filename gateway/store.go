package gateway

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/sqlite"
	"github.com/hubbub-dev/hubbub/gateway/webhook"
	"github.com/hubbub-dev/hubbub/inbox"
)

// keeping is what must last, and what stands on it. The zero value is that of a gateway without a store.
type keeping struct {
	path  string // of the file, absolute
	store *sqlite.Store
	inbox *inbox.Inbox
	// webhooks also is there without any target: then it removes what waits for those of before.
	webhooks *webhook.Sender
}

// keep opens the store that a config names.
func keep(c *Config, bus hubbub.Bus, m *Metrics) (keeping, error) {
	if !c.stores() {
		return keeping{}, nil
	}
	path, err := filepath.Abs(c.Store.Path)
	if err != nil {
		return keeping{}, fmt.Errorf("find the store %s: %w", c.Store.Path, err)
	}
	store, err := sqlite.Open(context.Background(), sqlite.Options{
		Path: path, MaxBatch: c.Store.MaxBatch, KeptPerSender: int64(c.Limits.StoredPerUser), Logger: c.Logger,
	})
	if err != nil {
		return keeping{}, err
	}
	if !c.Dev { // there who starts it says more of it
		c.Logger.Info("the store is open", "path", path)
	}
	m.watchStore(store, path)
	sender, err := webhook.New(webhook.Options{Outbox: store, Targets: c.targets(), Logger: c.Logger, Observe: m.Attempted})
	if err != nil {
		return keeping{}, errors.Join(err, store.Close())
	}
	m.WatchBacklogs(sender.Backlogs)
	o := inbox.Options{Store: store, Bus: bus, Expire: c.Inbox.Expire, MaxNotice: int(c.Inbox.MaxNotice), Logger: c.Logger}
	if c.reports() {
		o.Report = sender.Report
	}
	in := inbox.New(o)
	// It delivers what was left by a process that died, also before the hub adds what that one could not tell any more.
	sender.Start()
	return keeping{path, store, in, sender}, nil
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

// watchStore adds the figures of a store. That it cannot write, since the disk is full, does not take the gateway out of
// service: who is online, what is in memory and all that is only read go on. So it must be seen here.
func (m *Metrics) watchStore(s *sqlite.Store, path string) {
	m.WatchCount("store_commits_total", "Transactions that the store has committed.", func() float64 { return float64(s.Stats().Commits) })
	m.WatchCount("store_writes_total", "Writes that were committed, several in one transaction.", func() float64 { return float64(s.Stats().Writes) })
	m.WatchCount("store_failed_writes_total", "Writes that could not be committed, since the disk is full, for example.",
		func() float64 { return float64(s.Stats().Failed) })
	m.Watch("store_bytes", "Bytes of the store's file, and of the one beside it with the newest commits.", func() float64 {
		return float64(size(path) + size(path+"-wal"))
	})
}

// size is that of a file, 0 if there is none.
func size(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// StorePath is the file of the store; "" if everything is in memory.
func (g *Gateway) StorePath() string { return g.path }
