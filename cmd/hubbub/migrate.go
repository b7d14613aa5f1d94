package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/hubbub-dev/hubbub/internal/migrate"
)

type migrateCommand struct {
	From   string `required:"" placeholder:"sqlite:PATH" help:"The store to move: the file of a gateway that does not run."`
	To     string `xor:"to" required:"" placeholder:"URL" help:"Where to: postgres://user@host:5432/database. It must have nothing of hubbub yet."`
	ToFile string `xor:"to" required:"" type:"existingfile" placeholder:"FILE" help:"A file that holds the URL, so that its password is not among the processes."`
}

// Help is printed by --help.
func (migrateCommand) Help() string {
	return `Moves everything that a store in a file has to PostgreSQL: messages with their positions, members, receipts, inboxes, who was here,
what waits for webhooks, what was revoked. Stop the gateway first; clients recover where they were when it is back.

  hubbub migrate --from sqlite:hubbub.db --to postgres://hubbub@db/hubbub

The password can stand in the URL, in the variable PGPASSWORD, or in ~/.pgpass. The file is only read. In PostgreSQL it is one
transaction, which is committed when all tables were counted and compared on both sides: if it is interrupted, there is nothing there,
and it can be started again.`
}

// Run makes the move and says what to do next.
func (c *migrateCommand) Run() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	path, ok := strings.CutPrefix(c.From, "sqlite:")
	if !ok {
		return errors.New("--from names the file of a store: write it as sqlite:hubbub.db")
	}
	if c.ToFile != "" {
		content, err := os.ReadFile(c.ToFile)
		if err != nil {
			return err
		}
		c.To = strings.TrimSpace(string(content))
	}
	if !strings.HasPrefix(c.To, "postgres://") && !strings.HasPrefix(c.To, "postgresql://") {
		return errors.New("--to names a PostgreSQL database: write it as postgres://user@host:5432/database")
	}
	begun, told := time.Now(), time.Now()
	result, err := migrate.Run(ctx, migrate.Options{From: path, To: c.To, Progress: func(table string, rows int64) {
		if time.Since(told) > time.Second {
			told = time.Now()
			fmt.Fprintf(os.Stderr, "%s: %d rows …\n", table, rows)
		}
	}})
	if err != nil {
		return err
	}
	return printMoved(result, time.Since(begun))
}

func printMoved(r migrate.Result, took time.Duration) error {
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "TABLE\tROWS\tHASH ON BOTH SIDES")
	var rows int64
	for _, t := range r.Tables {
		fmt.Fprintf(table, "%s\t%d\t%s\n", t.Table, t.Rows, t.Hash)
		rows += t.Rows
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if r.Cleaned > 0 {
		fmt.Printf("\nIn %d rows a text had a character that PostgreSQL cannot keep; it is U+FFFD there.\n", r.Cleaned)
	}
	fmt.Printf("\nmoved %d rows in %v, counted and compared\n\nNow set store.url (HUBBUB_STORE_URL) to that database, remove store.path if it is set, "+
		"and start the gateway.\nKeep the file until all is well; it was not changed.\n", rows, took.Round(time.Millisecond))
	return nil
}
