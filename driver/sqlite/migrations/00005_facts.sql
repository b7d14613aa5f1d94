-- +goose Up

-- What must be delivered outside of the gateway. Who is trying to deliver an item is not written down: that is over when the process
-- ends. The states of an item:
--   0 queued, behind another item of its line
--   1 ready, first of its line
--   2 first of its line, but waiting until it is due
--   4 dead, given up
--   5 delivered, of which only the id is kept; due is when that was
-- A line has the items of a target with the same order that are open, which are those in the states 0 to 2. Numbers are not given
-- twice, since the newest row is not removed.
CREATE TABLE items (
    seq      INTEGER PRIMARY KEY,
    target   TEXT    NOT NULL,
    id       TEXT    NOT NULL,
    line     TEXT    NOT NULL,
    time     INTEGER NOT NULL,
    open     INTEGER NOT NULL,             -- 1 or 0; does not change with each state, and neither does the index of the lines
    state    INTEGER NOT NULL,
    due      INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    error    TEXT    NOT NULL DEFAULT '',
    payload  BLOB    NOT NULL
) STRICT;

INSERT INTO items (seq, target, id, line, time, open, state, due, attempts, error, payload)
SELECT seq, target, id, CASE WHEN state = 5 THEN '' ELSE line END, time, state < 4, CASE state WHEN 3 THEN 1 ELSE state END,
    CASE WHEN state = 3 THEN 0 ELSE due END, attempts, error, payload
FROM outbox;

INSERT OR IGNORE INTO items (seq, target, id, line, time, open, state, payload)
SELECT seq, '', '', '', 0, 0, 5, x'' FROM sqlite_sequence WHERE name = 'outbox' AND seq > 0;

DROP TABLE outbox;
ALTER TABLE items RENAME TO outbox;

CREATE UNIQUE INDEX outbox_id ON outbox (target, id);
CREATE INDEX outbox_line ON outbox (target, line, seq) WHERE open = 1;
CREATE INDEX outbox_ready ON outbox (target, seq) WHERE state = 1;
CREATE INDEX outbox_due ON outbox (target, due) WHERE state = 2;
CREATE INDEX outbox_dead ON outbox (target, seq) WHERE state = 4;
CREATE INDEX outbox_dead_time ON outbox (time) WHERE state = 4;
CREATE INDEX outbox_delivered ON outbox (due) WHERE state = 5;

-- Erased is how often a pair was erased when the stream began: what begins after that must not have the positions of what was erased.
-- From now on offsets have holes where messages were erased.
ALTER TABLE streams ADD COLUMN erased INTEGER NOT NULL DEFAULT 0;
CREATE INDEX streams_b ON streams (b) WHERE b <> '';

-- By role and standing, to find who takes the place of the last owner.
DROP INDEX members_owners;
CREATE INDEX members_standing ON members (room, role, since, user);

-- Of what is over nobody need know the names.
UPDATE sessions SET user = '' WHERE ended > 0;
UPDATE publications SET reached = '' WHERE status <> 0;

-- The rooms that were told to be occupied.
CREATE TABLE occupied_rooms (
    room TEXT NOT NULL PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- Credentials that are not valid any more. Of those of a user none says only what another one says, but blocks, which have neither device,
-- nor token, nor before, are compared among themselves: they can be taken back.
CREATE TABLE revocations (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    user   TEXT    NOT NULL,
    device TEXT    NOT NULL, -- '' for all
    token  TEXT    NOT NULL, -- '' for all
    before INTEGER NOT NULL, -- 0 for all
    until  INTEGER NOT NULL  -- 0 for ever
) STRICT;

CREATE INDEX revocations_token ON revocations (user, token, device);
CREATE INDEX revocations_device ON revocations (user, device);
CREATE INDEX revocations_until ON revocations (until) WHERE until > 0;

-- +goose Down
DROP INDEX members_standing;
CREATE INDEX members_owners ON members (room) WHERE role = 'owner';
DROP INDEX streams_b;
ALTER TABLE streams DROP COLUMN erased;
DROP TABLE revocations;
DROP TABLE occupied_rooms;

CREATE TABLE items (
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
INSERT INTO items SELECT seq, target, id, line, payload, time, state, due, attempts, error FROM outbox;
DROP TABLE outbox;
ALTER TABLE items RENAME TO outbox;
CREATE UNIQUE INDEX outbox_id ON outbox (target, id);
CREATE UNIQUE INDEX outbox_first ON outbox (target, line) WHERE state IN (1, 2, 3);
CREATE INDEX outbox_queued ON outbox (target, line, seq) WHERE state = 0;
CREATE INDEX outbox_ready ON outbox (target, seq) WHERE state = 1;
CREATE INDEX outbox_due ON outbox (target, state, due) WHERE state IN (2, 3);
CREATE INDEX outbox_dead ON outbox (target, seq) WHERE state = 4;
CREATE INDEX outbox_delivered ON outbox (due) WHERE state = 5;
