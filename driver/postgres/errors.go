package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/hubbub-dev/hubbub"
)

// Codes of PostgreSQL.
const (
	readOnlyTransaction = "25006"
	uniqueViolation     = "23505"
	noSuchDatabase      = "3D000"
	serializationFailed = "40001"
	deadlockDetected    = "40P01"
	noRight             = "42501"
	noSuchColumn        = "42703"
	noSuchTable         = "42P01"
	duplicateSchema     = "42P06"
	diskFull            = "53100"
	tooManyConnections  = "53300"
	lockNotAvailable    = "55P03"
	queryCanceled       = "57014"
	transactionTimeout  = "25P03" // idle in a transaction
)

// errClosed is what a store says that is closed.
func errClosed() error {
	return unavailable(nil, "the store is closed; try again when the server is back")
}

func unavailable(err error, message string) error {
	return &hubbub.Error{Reason: hubbub.Unavailable, Message: message, Err: inOneLine(err)}
}

// oneLine is an error of pgx for logs, where it is to stand in a line. pgx gives a line to each way that it has tried: each address, first with
// TLS and then, if the URL allows it, without.
type oneLine struct{ error }

func inOneLine(err error) error {
	if _, ok := errors.AsType[*pgconn.ConnectError](err); !ok {
		return err
	}
	return oneLine{err}
}

// Error says of each address once what went wrong there; that it has no TLS only if nothing else did.
func (e oneLine) Error() string {
	const noTLS = "tls error: server refused TLS connection"
	head, rest, _ := strings.Cut(e.error.Error(), "\n")
	ways := strings.FieldsFunc(rest, func(r rune) bool { return r == '\n' || r == '\t' })
	var said []string
	for i, way := range ways {
		address, ofTLS := strings.CutSuffix(way, noTLS)
		if slices.Contains(said, way) || ofTLS && i+1 < len(ways) && strings.HasPrefix(ways[i+1], address) {
			continue
		}
		said = append(said, way)
	}
	return strings.TrimSpace(head + " " + strings.Join(said, "; "))
}

// Unwrap returns what pgx said.
func (e oneLine) Unwrap() error { return e.error }

// domain makes an error of the domain of any other. ctx is that of the caller, whose end is no fault of the database.
func domain(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*hubbub.Error](err); ok {
		return err
	}
	if end := ctx.Err(); end != nil {
		return end
	}
	if isBadText(err) {
		return &hubbub.Error{Reason: hubbub.Invalid, Err: err,
			Message: "a text has bytes that cannot be kept; send UTF-8 without the character U+0000 in names, ids and keys"}
	}
	return unavailable(err, explain(err))
}

// isBadText tells whether a client has sent what no text of the database can be.
func isBadText(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (e.Code == "22021" || e.Code == "22P05") // not in the encoding, or not to be translated
}

// isInvalid tells whether an error is that of a request, not of the database.
func isInvalid(err error) bool {
	e, ok := errors.AsType[*hubbub.Error](err)
	return ok && e.Reason == hubbub.Invalid
}

// explain says for a person what is wrong.
func explain(err error) string {
	e, ok := errors.AsType[*pgconn.PgError](err)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "PostgreSQL does not answer in time; try again"
	case !ok && strings.Contains(err.Error(), "read only"): // what pgx says of a host that it has passed over
		return "the PostgreSQL of the store is a standby, which cannot be written; name the primary in its URL, or all hosts"
	case !ok:
		return "PostgreSQL cannot be reached; try again"
	}
	switch e.Code {
	case diskFull:
		return "the disk of PostgreSQL is full; make room on it and try again"
	case tooManyConnections:
		return "PostgreSQL has no connection left; raise its max_connections, or have the store use fewer"
	case readOnlyTransaction:
		return "PostgreSQL can only be read now, as a standby or by its settings; name the primary in the URL of the store"
	case lockNotAvailable, queryCanceled, serializationFailed, deadlockDetected, transactionTimeout:
		return "PostgreSQL is too busy to do this in time; try again"
	case noSuchDatabase:
		return "the database of the store is not there; make it with CREATE DATABASE"
	case noRight:
		return "PostgreSQL does not allow this to the user of the store; make the user owner of the schema"
	case noSuchTable, noSuchColumn:
		return "the schema has other tables than this hubbub knows: it was made by another build, or changed by another program"
	}
	switch e.Code[:2] {
	case "08", "57":
		return "PostgreSQL is being started or stopped; try again"
	case "28":
		return "PostgreSQL refuses the user of the store; check user and password in its URL"
	case "53":
		return "PostgreSQL lacks memory or another resource; try again"
	case "58", "XX":
		return "PostgreSQL has a damage or a fault within; look into its log"
	}
	return "the store cannot do this now; try again"
}

// errOpen says why a store cannot be opened.
func errOpen(c *pgx.ConnConfig, err error) error {
	where := fmt.Sprintf("open the store %q at %s:%d", c.Database, c.Host, c.Port)
	_, isServer := errors.AsType[*pgconn.PgError](err)
	_, isConnect := errors.AsType[*pgconn.ConnectError](err)
	if isServer || isConnect {
		return fmt.Errorf("%s: %s: %w", where, explain(err), inOneLine(err))
	}
	return fmt.Errorf("%s: %w", where, err)
}
