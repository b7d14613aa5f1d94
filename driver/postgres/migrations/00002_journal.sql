-- +goose Up

-- Who has ever signed in. A transaction that changes the sessions of users holds the rows of these users.
CREATE TABLE users (
    who        text COLLATE "C" NOT NULL PRIMARY KEY,
    info       bytea,                                -- JSON, as it came; NULL for none
    attrs      text    NOT NULL DEFAULT '',          -- JSON object; '' for none
    first_seen bigint  NOT NULL,
    last_seen  bigint  NOT NULL DEFAULT 0,           -- 0 while no session has ended
    baseline   bigint  NOT NULL,                     -- the newest announcement when the user came first
    -- The newest of the transitions to online and offline: its kind, id and time.
    online     boolean NOT NULL DEFAULT false,
    turn       text    NOT NULL DEFAULT '',
    turned     bigint  NOT NULL DEFAULT 0,
    here       boolean NOT NULL DEFAULT false        -- whether there are open sessions
);

CREATE INDEX users_idle ON users (last_seen) WHERE online AND NOT here;

-- The sessions that are open, and for a day those that have ended, so that what is told late or twice counts once.
CREATE TABLE sessions (
    id        text COLLATE "C" NOT NULL PRIMARY KEY,
    who       text COLLATE "C" NOT NULL,             -- '' if it has ended
    node      text COLLATE "C" NOT NULL,
    connected bigint NOT NULL,
    record    bytea,                                 -- JSON; NULL if it has ended
    ended     bigint NOT NULL                        -- when its end was told; 0 while it is open
);

CREATE INDEX sessions_open ON sessions (who, node) WHERE ended = 0;
CREATE INDEX sessions_node ON sessions (node) WHERE ended = 0;
CREATE INDEX sessions_ended ON sessions (ended) WHERE ended > 0;

-- The rooms that were told to be occupied.
CREATE TABLE occupied_rooms (
    room text COLLATE "C" NOT NULL PRIMARY KEY
);

-- Credentials that are not valid any more. Of those of a user none says only what another one says, but blocks, which have neither device,
-- nor token, nor before, are compared among themselves: they can be taken back.
CREATE TABLE revocations (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    who    text COLLATE "C" NOT NULL,
    device text COLLATE "C" NOT NULL,                -- '' for all
    token  text COLLATE "C" NOT NULL,                -- '' for all
    before bigint NOT NULL,                          -- 0 for all
    until  bigint NOT NULL                           -- 0 for ever
);

CREATE INDEX revocations_token ON revocations (who, token, device);
CREATE INDEX revocations_device ON revocations (who, device);
CREATE INDEX revocations_until ON revocations (until) WHERE until > 0;

-- +goose Down
DROP TABLE revocations;
DROP TABLE occupied_rooms;
DROP TABLE sessions;
DROP TABLE users;
