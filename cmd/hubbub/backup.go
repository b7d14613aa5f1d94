package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/hubbub-dev/hubbub/driver/sqlite"
	"github.com/hubbub-dev/hubbub/gateway"
)

type backupCommand struct {
	File string `arg:"" help:"The copy to make. It must not be there yet."`

	Store string `placeholder:"PATH" help:"The file of the store (default: store.path of the configuration)."`
	sourceFlags
}

// Help is printed by --help.
func (backupCommand) Help() string {
	return `Makes a copy of the store as it is at one moment. The gateway may run and is not held up. Run it in the directory where
hubbub serve runs, with the same configuration, or name the store.

  hubbub backup /backups/hubbub-$(date +%F).db
  hubbub backup --store /var/lib/hubbub/hubbub.db /backups/hubbub.db

A copy by cp of a store in use is damaged or old: what was written last is in other files.`
}

// Run makes the copy and says what it is good for.
func (c *backupCommand) Run() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	from, err := c.from()
	if err != nil {
		return err
	}
	if err := sqlite.Backup(ctx, from, c.File); err != nil {
		return err
	}
	copied, err := os.Stat(c.File)
	if err != nil {
		return err
	}
	fmt.Printf("copied %s to %s (%v)\n\nTo restore it: stop the gateway, move all files whose names begin with %s elsewhere, and then\n\n"+
		"  cp %s %s\n", from, c.File, gateway.Size(copied.Size()), from, c.File, from)
	return nil
}

// from is the store's file, which must be there.
func (c *backupCommand) from() (string, error) {
	path := c.Store
	if path == "" {
		loaded, err := c.load()
		if err != nil {
			return "", err
		}
		if loaded.Store.URL != "" {
			return "", errors.New("the store is in PostgreSQL (store.url), which has its own tool: pg_dump --format=custom --file=FILE --dbname=URL; " +
				"pg_restore brings that back. A base backup with an archive of the WAL loses less: see \"Backup\" in docs/operations.md")
		}
		path = loaded.Store.Path
	}
	if path == gateway.NoStore {
		return "", errors.New("there is no store: store.path is off, so that everything is in the memory of the gateway")
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("there is no store at %s: run this in the directory where hubbub serve runs, or name the file with --store", path)
	}
	return path, nil
}
