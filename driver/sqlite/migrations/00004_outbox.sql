-- +goose Up

-- What must be delivered outside of the gateway. The states of an item:
--   0 queued, behind another item of its line
--   1 ready to be claimed
--   2 waiting until it is due
--   3 claimed by somebody, until it is due
--   4 dead, given up
--   5 delivered, of which only the id is kept; due is when that was
-- A line has the items of a target with the same order. Of those in the states 0 to 3 exactly one is not queued.
CREATE TABLE outbox (
    seq      INTEGER PRIMARY KEY AUTOINCREMENT,
    target   TEXT    NOT NULL,
    id       TEXT    NOT NULL,
    line     TEXT    NOT NULL,
    payload  BLOB    NOT NULL,
    time     INTEGER NOT NULL,
    state    INTEGER NOT NULL,
    due      INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    error    TEXT    NOT NULL DEFAULT ''
) STRICT;

CREATE UNIQUE INDEX outbox_id ON outbox (target, id);
CREATE UNIQUE INDEX outbox_first ON outbox (target, line) WHERE state IN (1, 2, 3);
CREATE INDEX outbox_queued ON outbox (target, line, seq) WHERE state = 0;
CREATE INDEX outbox_ready ON outbox (target, seq) WHERE state = 1;
CREATE INDEX outbox_due ON outbox (target, state, due) WHERE state IN (2, 3);
CREATE INDEX outbox_dead ON outbox (target, seq) WHERE state = 4;
CREATE INDEX outbox_delivered ON outbox (due) WHERE state = 5;

-- +goose Down
DROP TABLE outbox;
