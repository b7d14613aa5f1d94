-- +goose Up
CREATE TABLE meta (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The streams are kept for ever, so that no offset is given twice. Offsets are contiguous.
CREATE TABLE streams (
    id     INTEGER PRIMARY KEY,
    room   TEXT NOT NULL,              -- '' for a pair
    a      TEXT NOT NULL,              -- the users of a pair, in ascending order; '' for a room
    b      TEXT NOT NULL,
    head   INTEGER NOT NULL DEFAULT 0, -- the offset that was given last
    first  INTEGER NOT NULL DEFAULT 1, -- what is before it is dropped; head + 1 if nothing is kept
    swept  INTEGER NOT NULL DEFAULT 1, -- what is before it is deleted; what is dropped may be there for a while
    bytes  INTEGER NOT NULL DEFAULT 0, -- of the data of all messages that there ever were
    age    INTEGER NOT NULL DEFAULT 0, -- ms after which messages are dropped; 0 means never
    due    INTEGER NOT NULL DEFAULT 0, -- until this time none is past its age; 0 if none ever is
    latest INTEGER NOT NULL DEFAULT 0, -- the highest time of a message
    place  INTEGER NOT NULL DEFAULT 0, -- orders the streams by their newest messages
    sender TEXT NOT NULL DEFAULT '',   -- of the newest message
    run    INTEGER NOT NULL DEFAULT 0, -- of the newest message
    UNIQUE (room, a, b)
) STRICT;
CREATE INDEX streams_due ON streams (due) WHERE due > 0;
CREATE INDEX streams_unswept ON streams (id) WHERE swept < first;

CREATE TABLE messages (
    stream   INTEGER NOT NULL,
    offset   INTEGER NOT NULL,
    time     INTEGER NOT NULL, -- Unix ms
    before   INTEGER NOT NULL, -- bytes of the data of all messages of the stream before it
    run      INTEGER NOT NULL, -- how many messages in a row, up to this one, are of its sender
    sender   TEXT NOT NULL,    -- '' is a backend
    device   TEXT NOT NULL,
    id       TEXT NOT NULL,
    hidden   TEXT NOT NULL,    -- the device of the sender that must not see it; '' for none
    collapse TEXT NOT NULL,
    info     BLOB,
    data     BLOB NOT NULL,
    PRIMARY KEY (stream, offset)
) STRICT, WITHOUT ROWID;

-- How much of each user's messages there is, kept by the triggers below. Nobody counts what backends send.
CREATE TABLE senders (
    user  TEXT NOT NULL PRIMARY KEY,
    bytes INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER message_comes AFTER INSERT ON messages WHEN new.sender <> ''
BEGIN
    INSERT INTO senders (user, bytes) VALUES (new.sender, length(new.data) + 256)
    ON CONFLICT (user) DO UPDATE SET bytes = bytes + excluded.bytes;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER message_goes AFTER DELETE ON messages WHEN old.sender <> ''
BEGIN
    UPDATE senders SET bytes = bytes - length(old.data) - 256 WHERE user = old.sender;
    DELETE FROM senders WHERE user = old.sender AND bytes <= 0;
END;
-- +goose StatementEnd

-- Idempotency keys, in the order of their use.
CREATE TABLE keys (
    id       INTEGER PRIMARY KEY,
    stream   INTEGER NOT NULL,
    name     BLOB NOT NULL,    -- hash of author and key
    used     INTEGER NOT NULL, -- Unix ms
    content  BLOB NOT NULL,    -- hash of what must be the same
    message  TEXT NOT NULL,
    time     INTEGER NOT NULL, -- Unix ms
    offset   INTEGER NOT NULL, -- 0 if the message has none
    previous INTEGER NOT NULL,
    UNIQUE (stream, name)
) STRICT;

-- Who takes part in a stream: both of a pair, and those who sent something to a room or marked it as read.
CREATE TABLE takers (
    user   TEXT NOT NULL,
    stream INTEGER NOT NULL,
    read   INTEGER NOT NULL DEFAULT 0, -- the offset up to which the user has read
    PRIMARY KEY (user, stream)
) STRICT, WITHOUT ROWID;

CREATE TABLE members (
    room  TEXT NOT NULL,
    user  TEXT NOT NULL,
    role  TEXT NOT NULL,
    since INTEGER NOT NULL, -- Unix ms
    PRIMARY KEY (room, user)
) STRICT, WITHOUT ROWID;
CREATE INDEX members_user ON members (user, room);
CREATE INDEX members_owners ON members (room) WHERE role = 'owner';

-- +goose Down
DROP TABLE members;
DROP TABLE takers;
DROP TABLE keys;
DROP TABLE senders;
DROP TABLE messages;
DROP TABLE streams;
DROP TABLE meta;
