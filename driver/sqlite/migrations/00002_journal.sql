-- +goose Up

-- Who has ever signed in.
CREATE TABLE users (
    user       TEXT    NOT NULL PRIMARY KEY,
    info       BLOB,                        -- JSON, as it came; NULL for none
    attrs      TEXT,                        -- JSON object; NULL for none
    first_seen INTEGER NOT NULL,
    last_seen  INTEGER NOT NULL DEFAULT 0,  -- 0 while no session has ended
    baseline   INTEGER NOT NULL,            -- the newest announcement when the user came first
    -- The newest of the transitions to online and offline: its kind, id and time.
    online     INTEGER NOT NULL DEFAULT 0,
    turn       TEXT    NOT NULL DEFAULT '',
    turned     INTEGER NOT NULL DEFAULT 0,
    node       TEXT    NOT NULL DEFAULT ''  -- of the newest session
) STRICT, WITHOUT ROWID;

CREATE INDEX users_online ON users (user) WHERE online = 1;

-- The sessions that are open, and for a day those that have ended, so that what is told late or twice counts once.
CREATE TABLE sessions (
    id        TEXT    NOT NULL PRIMARY KEY,
    user      TEXT    NOT NULL,
    node      TEXT    NOT NULL,
    connected INTEGER NOT NULL,
    record    TEXT,                         -- JSON; NULL if it has ended
    ended     INTEGER NOT NULL              -- when its end was told; 0 while it is open
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_open ON sessions (user, connected, id) WHERE ended = 0;
CREATE INDEX sessions_ended ON sessions (ended) WHERE ended > 0;

-- +goose Down
DROP TABLE sessions;
DROP TABLE users;
