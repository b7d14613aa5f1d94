-- +goose Up

-- Texts are compared as bytes. "user" is a function in SQL, so the columns are called who.
CREATE TABLE meta (
    name  text COLLATE "C" NOT NULL PRIMARY KEY,
    value text NOT NULL
);

-- How often a pair was erased: what begins after that must not have the positions of what was erased.
INSERT INTO meta (name, value) VALUES ('erased', '0');

-- The streams are kept for ever, so that no offset is given twice. Offsets have holes where messages were erased. No column of an index
-- changes with each append, so that the row is replaced within its page.
CREATE TABLE streams (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    room    text COLLATE "C" NOT NULL,           -- '' for a pair
    a       text COLLATE "C" NOT NULL,           -- the users of a pair, in ascending order; '' for a room
    b       text COLLATE "C" NOT NULL,
    head    bigint NOT NULL DEFAULT 0,           -- the offset that was given last
    first   bigint NOT NULL DEFAULT 1,           -- what is before it is dropped; head + 1 if nothing is kept
    swept   bigint NOT NULL DEFAULT 1,           -- what is before it is deleted; what is dropped may be there for a while
    bytes   bigint NOT NULL DEFAULT 0,           -- of the data of all messages that there ever were
    age     bigint NOT NULL DEFAULT 0,           -- ms after which messages are dropped; 0 means never
    due     bigint NOT NULL DEFAULT 0,           -- until this time none is past its age; 0 if none ever is
    latest  bigint NOT NULL DEFAULT 0,           -- the highest time of a message
    place   bigint NOT NULL DEFAULT 0,           -- orders the streams by their newest messages
    sender  text COLLATE "C" NOT NULL DEFAULT '', -- of the newest message
    run     bigint NOT NULL DEFAULT 0,           -- of the newest message
    erased  bigint NOT NULL DEFAULT 0,           -- how often a pair was erased when the stream began
    unswept boolean NOT NULL GENERATED ALWAYS AS (swept < first) STORED,
    UNIQUE (room, a, b)
) WITH (fillfactor = 70);
CREATE INDEX streams_b ON streams (b) WHERE b <> '';
CREATE INDEX streams_due ON streams (due) WHERE due > 0;
CREATE INDEX streams_unswept ON streams (id) WHERE unswept;

CREATE SEQUENCE places;

CREATE TABLE messages (
    stream   bigint NOT NULL,
    seq      bigint NOT NULL,                -- the offset
    time     bigint NOT NULL,                -- Unix ms
    before   bigint NOT NULL,                -- bytes of the data of all messages of the stream before it
    run      bigint NOT NULL,                -- how many messages in a row, up to this one, are of its sender
    sender   text COLLATE "C" NOT NULL,      -- '' is a backend
    device   text COLLATE "C" NOT NULL,
    id       text COLLATE "C" NOT NULL,
    hidden   text COLLATE "C" NOT NULL,      -- the device of the sender that must not see it; '' for none
    collapse text COLLATE "C" NOT NULL,
    info     bytea,
    data     bytea NOT NULL,
    PRIMARY KEY (stream, seq)
);

-- How much of each user's messages there is. Nobody counts what backends send.
CREATE TABLE senders (
    who   text COLLATE "C" NOT NULL PRIMARY KEY,
    bytes bigint NOT NULL
) WITH (fillfactor = 70);

-- Idempotency keys.
CREATE TABLE keys (
    stream   bigint NOT NULL,
    name     bytea  NOT NULL,                -- hash of author and key
    used     bigint NOT NULL,                -- Unix ms
    content  bytea  NOT NULL,                -- hash of what must be the same
    message  text COLLATE "C" NOT NULL,
    time     bigint NOT NULL,                -- Unix ms
    seq      bigint NOT NULL,                -- the offset; 0 if the message has none
    previous bigint NOT NULL,
    PRIMARY KEY (stream, name)
);
CREATE INDEX keys_used ON keys (used);

-- Who takes part in a stream: both of a pair, and those who sent something to a room or marked it as read.
CREATE TABLE takers (
    who    text COLLATE "C" NOT NULL,
    stream bigint NOT NULL,
    read   bigint NOT NULL DEFAULT 0,        -- the offset up to which the user has read
    PRIMARY KEY (who, stream)
);

CREATE TABLE members (
    room  text COLLATE "C" NOT NULL,
    who   text COLLATE "C" NOT NULL,
    role  text COLLATE "C" NOT NULL,
    since bigint NOT NULL,                   -- Unix ms
    PRIMARY KEY (room, who)
);
CREATE INDEX members_who ON members (who, room);
-- By role and standing, to find who takes the place of the last owner.
CREATE INDEX members_standing ON members (room, role, since, who);

-- +goose Down
DROP TABLE members;
DROP TABLE takers;
DROP TABLE keys;
DROP TABLE senders;
DROP TABLE messages;
DROP SEQUENCE places;
DROP TABLE streams;
DROP TABLE meta;
