-- +goose Up

-- A publication is what was published, once, however many get it. It is forgotten with its last notice, unless it waits, is an
-- announcement, or its key is remembered.
CREATE TABLE publications (
    number   INTEGER PRIMARY KEY,  -- rises in the order of acceptance
    id       TEXT    NOT NULL UNIQUE,
    category TEXT    NOT NULL,
    collapse TEXT    NOT NULL,     -- '' for none
    time     INTEGER NOT NULL,
    expires  INTEGER NOT NULL,     -- 0 for never
    status   INTEGER NOT NULL,     -- 0 waits for delivery to somebody, 1 published, 2 is being removed, 3 removed
    remove   INTEGER NOT NULL,     -- when it is to be removed; 0 for never, or done
    room     TEXT    NOT NULL,     -- whose members get it; '' for none
    reached  TEXT    NOT NULL,     -- the last member who got it
    audience TEXT    NOT NULL,     -- JSON; '' if it is no announcement
    seq      INTEGER NOT NULL,     -- of an announcement, from when it is published until its last trace is removed; 0 otherwise
    content  TEXT    NOT NULL      -- JSON; the last column, so that others are read without it
) STRICT;

CREATE INDEX publications_waiting ON publications (time) WHERE status = 0;
CREATE INDEX publications_to_remove ON publications (remove) WHERE remove <> 0;
CREATE UNIQUE INDEX publications_announced ON publications (seq) WHERE seq <> 0;
CREATE INDEX publications_collapsing ON publications (collapse) WHERE seq <> 0 AND collapse <> '';

CREATE TABLE publication_keys (
    author TEXT    NOT NULL,
    key    TEXT    NOT NULL,
    id     TEXT    NOT NULL,
    hash   BLOB    NOT NULL,       -- of content and recipients
    made   INTEGER NOT NULL,
    PRIMARY KEY (author, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX publication_keys_by_id ON publication_keys (id);
CREATE INDEX publication_keys_by_time ON publication_keys (made);

-- The named users who have yet to get a publication, a step's worth in each row.
CREATE TABLE publication_users (
    id    TEXT    NOT NULL,
    step  INTEGER NOT NULL,
    users TEXT    NOT NULL,        -- JSON array
    PRIMARY KEY (id, step)
) STRICT, WITHOUT ROWID;

-- A notice is a publication in a user's inbox.
CREATE TABLE notices (
    id       TEXT    NOT NULL,     -- of the publication
    user     TEXT    NOT NULL,
    state    INTEGER NOT NULL,     -- 0 unseen, 1 seen, 2 read, 3 archived
    time     INTEGER NOT NULL,     -- this and the next are the publication's
    category TEXT    NOT NULL,
    collapse TEXT    NOT NULL,
    PRIMARY KEY (id, user)
) STRICT, WITHOUT ROWID;

CREATE INDEX notices_by_state ON notices (user, state, time, id);
CREATE INDEX notices_by_category ON notices (user, category, state, time, id);
CREATE UNIQUE INDEX notices_collapsing ON notices (user, collapse) WHERE collapse <> '';

-- What a user has not dealt with, kept by the triggers below. There is no row where there is nothing.
CREATE TABLE notice_counts (
    user     TEXT    NOT NULL,
    category TEXT    NOT NULL,
    unread   INTEGER NOT NULL,     -- unseen ones, too
    unseen   INTEGER NOT NULL,
    PRIMARY KEY (user, category)
) STRICT, WITHOUT ROWID;

-- The one row of the announcements: seq was given last, revision counts all changes of their list.
CREATE TABLE announcement_clock (
    one      INTEGER PRIMARY KEY CHECK (one = 1),
    seq      INTEGER NOT NULL,
    revision INTEGER NOT NULL
) STRICT;

INSERT INTO announcement_clock (one, seq, revision) VALUES (1, 0, 0);

-- Up to which seq a user has seen, read or archived the announcements of a category, '' for all.
CREATE TABLE announcement_marks (
    user     TEXT    NOT NULL,
    category TEXT    NOT NULL,
    state    INTEGER NOT NULL,
    seq      INTEGER NOT NULL,
    PRIMARY KEY (user, category, state)
) STRICT, WITHOUT ROWID;

-- The announcements for which the marks of a user do not hold.
CREATE TABLE announcement_states (
    user  TEXT    NOT NULL,
    seq   INTEGER NOT NULL,
    id    TEXT    NOT NULL,        -- of the publication
    state INTEGER NOT NULL,
    PRIMARY KEY (user, seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX announcement_states_by_seq ON announcement_states (seq);

-- +goose StatementBegin
CREATE TRIGGER notice_arrives AFTER INSERT ON notices WHEN new.state < 2
BEGIN
    INSERT INTO notice_counts (user, category, unread, unseen) VALUES (new.user, new.category, 1, new.state = 0)
    ON CONFLICT (user, category) DO UPDATE SET unread = unread + 1, unseen = unseen + excluded.unseen;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER notice_is_marked AFTER UPDATE OF state ON notices
WHEN (old.state < 2) <> (new.state < 2) OR (old.state = 0) <> (new.state = 0)
BEGIN
    INSERT INTO notice_counts (user, category, unread, unseen)
    VALUES (new.user, new.category, (new.state < 2) - (old.state < 2), (new.state = 0) - (old.state = 0))
    ON CONFLICT (user, category) DO UPDATE SET unread = unread + excluded.unread, unseen = unseen + excluded.unseen;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER notice_goes AFTER DELETE ON notices
BEGIN
    UPDATE notice_counts SET unread = unread - 1, unseen = unseen - (old.state = 0)
    WHERE old.state < 2 AND user = old.user AND category = old.category;
    DELETE FROM publications
    WHERE id = old.id AND status <> 0 AND seq = 0
      AND NOT EXISTS (SELECT 1 FROM notices WHERE id = old.id)
      AND NOT EXISTS (SELECT 1 FROM publication_keys WHERE id = old.id);
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER nothing_is_left_to_count AFTER UPDATE ON notice_counts WHEN new.unread = 0
BEGIN
    DELETE FROM notice_counts WHERE user = new.user AND category = new.category;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER publication_is_done AFTER UPDATE OF status ON publications WHEN new.status IN (1, 3) AND new.seq = 0
BEGIN
    DELETE FROM publications
    WHERE id = new.id
      AND NOT EXISTS (SELECT 1 FROM notices WHERE id = new.id)
      AND NOT EXISTS (SELECT 1 FROM publication_keys WHERE id = new.id);
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER key_goes AFTER DELETE ON publication_keys
BEGIN
    DELETE FROM publications
    WHERE id = old.id AND status <> 0 AND seq = 0
      AND NOT EXISTS (SELECT 1 FROM notices WHERE id = old.id)
      AND NOT EXISTS (SELECT 1 FROM publication_keys WHERE id = old.id);
END;
-- +goose StatementEnd

-- +goose Down
DROP TABLE announcement_states;
DROP TABLE announcement_marks;
DROP TABLE announcement_clock;
DROP TABLE notice_counts;
DROP TABLE notices;
DROP TABLE publication_users;
DROP TABLE publication_keys;
DROP TABLE publications;
