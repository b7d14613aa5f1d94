-- +goose Up

-- A publication is what was published, once, however many get it. It is forgotten after its last notice, unless it waits, is an
-- announcement, or its key is remembered.
CREATE TABLE publications (
    number   bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    id       text COLLATE "C" NOT NULL PRIMARY KEY,
    category text COLLATE "C" NOT NULL,
    collapse text COLLATE "C" NOT NULL,    -- '' for none
    time     bigint   NOT NULL,
    expires  bigint   NOT NULL,            -- 0 for never
    status   smallint NOT NULL,            -- 0 waits for delivery to somebody, 1 published, 2 is being removed, 3 removed
    remove   bigint   NOT NULL,            -- when it is to be removed; 0 for never, or done
    room     text COLLATE "C" NOT NULL,    -- whose members get it; '' for none
    reached  text COLLATE "C" NOT NULL,    -- the last member who got it
    audience text     NOT NULL,            -- JSON; '' if it is no announcement
    seq      bigint   NOT NULL,            -- of an announcement, from when it is published until its last trace is removed; 0 otherwise
    content  bytea    NOT NULL             -- JSON
);

CREATE INDEX publications_waiting ON publications (time, number) WHERE status = 0;
CREATE INDEX publications_to_remove ON publications (remove) WHERE remove <> 0;
CREATE UNIQUE INDEX publications_announced ON publications (seq) WHERE seq <> 0;
CREATE INDEX publications_collapsing ON publications (collapse) WHERE seq <> 0 AND collapse <> '';

CREATE TABLE publication_keys (
    author text COLLATE "C" NOT NULL,
    key    text COLLATE "C" NOT NULL,
    id     text COLLATE "C" NOT NULL,
    hash   bytea  NOT NULL,                -- of content and recipients
    made   bigint NOT NULL,
    PRIMARY KEY (author, key)
);

CREATE INDEX publication_keys_by_id ON publication_keys (id);
CREATE INDEX publication_keys_by_time ON publication_keys (made);

-- The named users who have yet to get a publication, a step's worth in each row.
CREATE TABLE publication_users (
    id    text COLLATE "C" NOT NULL,
    step  bigint NOT NULL,
    users text[] NOT NULL,
    PRIMARY KEY (id, step)
);

-- The publications that may not be needed any more. Each transaction that takes something from one says so in a row of its own: the
-- transactions do not see what others take at the same time, but who looks at the rows later sees all.
CREATE TABLE publication_checks (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id     text COLLATE "C" NOT NULL
);

-- Who has notices. A transaction that changes the notices of users holds their rows, which it takes all at once and in their order.
CREATE TABLE inboxes (
    who text COLLATE "C" NOT NULL PRIMARY KEY
);

-- A notice is a publication in a user's inbox.
CREATE TABLE notices (
    id       text COLLATE "C" NOT NULL,    -- of the publication
    who      text COLLATE "C" NOT NULL,
    state    smallint NOT NULL,            -- 0 unseen, 1 seen, 2 read, 3 archived
    time     bigint   NOT NULL,            -- this and the next are the publication's
    category text COLLATE "C" NOT NULL,
    collapse text COLLATE "C" NOT NULL,
    PRIMARY KEY (id, who)
);

CREATE INDEX notices_by_state ON notices (who, state, time, id);
CREATE INDEX notices_by_category ON notices (who, category, state, time, id);
CREATE UNIQUE INDEX notices_collapsing ON notices (who, collapse) WHERE collapse <> '';

-- What a user has not dealt with, kept by the trigger below. There is no row where there is nothing.
CREATE TABLE notice_counts (
    who      text COLLATE "C" NOT NULL,
    category text COLLATE "C" NOT NULL,
    unread   bigint NOT NULL,              -- unseen ones, too
    unseen   bigint NOT NULL,
    PRIMARY KEY (who, category)
) WITH (fillfactor = 70);

-- The one row of the announcements: seq was given last, revision counts all changes of their list. Who changes it holds it until the end
-- of the transaction, so that both rise in the order of the commits.
CREATE TABLE announcement_clock (
    one      smallint PRIMARY KEY CHECK (one = 1),
    seq      bigint NOT NULL,
    revision bigint NOT NULL
);

INSERT INTO announcement_clock (one, seq, revision) VALUES (1, 0, 0);

-- Up to which seq a user has seen, read or archived the announcements of a category, '' for all.
CREATE TABLE announcement_marks (
    who      text COLLATE "C" NOT NULL,
    category text COLLATE "C" NOT NULL,
    state    smallint NOT NULL,
    seq      bigint   NOT NULL,
    PRIMARY KEY (who, category, state)
);

-- The announcements for which the marks of a user do not hold.
CREATE TABLE announcement_states (
    who   text COLLATE "C" NOT NULL,
    seq   bigint   NOT NULL,
    id    text COLLATE "C" NOT NULL,       -- of the publication
    state smallint NOT NULL,
    PRIMARY KEY (who, seq)
);

CREATE INDEX announcement_states_by_seq ON announcement_states (seq);

-- +goose StatementBegin
CREATE FUNCTION count_notices() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO notice_counts (who, category, unread, unseen)
        SELECT n.who, n.category, count(*), count(*) FILTER (WHERE n.state = 0) FROM new_notices n WHERE n.state < 2 GROUP BY 1, 2
        ON CONFLICT (who, category) DO UPDATE
        SET unread = notice_counts.unread + excluded.unread, unseen = notice_counts.unseen + excluded.unseen;
    ELSIF TG_OP = 'UPDATE' THEN
        INSERT INTO notice_counts (who, category, unread, unseen)
        SELECT n.who, n.category, sum((n.state < 2)::int - (o.state < 2)::int), sum((n.state = 0)::int - (o.state = 0)::int)
        FROM new_notices n JOIN old_notices o USING (id, who)
        WHERE (n.state < 2) <> (o.state < 2) OR (n.state = 0) <> (o.state = 0) GROUP BY 1, 2
        ON CONFLICT (who, category) DO UPDATE
        SET unread = notice_counts.unread + excluded.unread, unseen = notice_counts.unseen + excluded.unseen;
        DELETE FROM notice_counts c USING (SELECT DISTINCT who, category FROM new_notices) n
        WHERE c.who = n.who AND c.category = n.category AND c.unread = 0;
    ELSE
        UPDATE notice_counts c SET unread = c.unread - n.unread, unseen = c.unseen - n.unseen
        FROM (SELECT o.who, o.category, count(*) AS unread, count(*) FILTER (WHERE o.state = 0) AS unseen
              FROM old_notices o WHERE o.state < 2 GROUP BY 1, 2) n
        WHERE c.who = n.who AND c.category = n.category;
        DELETE FROM notice_counts c USING (SELECT DISTINCT who, category FROM old_notices) n
        WHERE c.who = n.who AND c.category = n.category AND c.unread = 0;
        INSERT INTO publication_checks (id) SELECT DISTINCT id FROM old_notices;
    END IF;
    RETURN NULL;
END
$$;
-- +goose StatementEnd

CREATE TRIGGER notices_come AFTER INSERT ON notices REFERENCING NEW TABLE AS new_notices
FOR EACH STATEMENT EXECUTE FUNCTION count_notices();
CREATE TRIGGER notices_are_marked AFTER UPDATE ON notices REFERENCING OLD TABLE AS old_notices NEW TABLE AS new_notices
FOR EACH STATEMENT EXECUTE FUNCTION count_notices();
CREATE TRIGGER notices_go AFTER DELETE ON notices REFERENCING OLD TABLE AS old_notices
FOR EACH STATEMENT EXECUTE FUNCTION count_notices();

-- +goose Down
DROP TABLE announcement_states;
DROP TABLE announcement_marks;
DROP TABLE announcement_clock;
DROP TABLE notice_counts;
DROP TABLE notices;
DROP FUNCTION count_notices();
DROP TABLE inboxes;
DROP TABLE publication_checks;
DROP TABLE publication_users;
DROP TABLE publication_keys;
DROP TABLE publications;
