-- +goose Up

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

CREATE INDEX revocations_user ON revocations (user);
CREATE INDEX revocations_until ON revocations (until) WHERE until > 0;

-- +goose Down
DROP TABLE revocations;
DROP TABLE occupied_rooms;
