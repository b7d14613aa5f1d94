-- +goose Up

-- What must be delivered outside of the gateway. The states of an item:
--   0 queued, behind another item of its line
--   1 ready, first of its line
--   2 first of its line, but waiting until it is due
--   3 first of its line, and claimed until it is due
--   4 dead, given up
--   5 delivered, of which only the id is kept; due is when that was
-- A line has the items of a target with the same order that are in the states 0 to 3.
--
-- Claimer is the node that has claimed the item. It may also be that of an item which is not first any more, since older ones were replayed
-- while it was claimed: then the first one waits with the same claimer and time, so that nobody else gets an item of the line meanwhile.
CREATE TABLE outbox (
    seq      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    time     bigint   NOT NULL,
    due      bigint   NOT NULL DEFAULT 0,
    claimer  bigint   NOT NULL DEFAULT 0,  -- 0 for nobody
    attempts bigint   NOT NULL DEFAULT 0,
    state    smallint NOT NULL,
    target   text COLLATE "C" NOT NULL,
    id       text COLLATE "C" NOT NULL,
    line     text COLLATE "C" NOT NULL,
    error    text     NOT NULL DEFAULT '',
    payload  bytea    NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 10000, autovacuum_vacuum_cost_delay = 0);

CREATE UNIQUE INDEX outbox_id ON outbox (target, id);
CREATE INDEX outbox_line ON outbox (target, line, seq) WHERE state < 4;
-- By seq + 0, so that the primary key has not the order that is asked for: walking it looks cheap where many are ready, as far as the
-- statistics know, and then passes over all that is not.
CREATE INDEX outbox_ready ON outbox (target, (seq + 0)) WHERE state = 1;
CREATE INDEX outbox_due ON outbox (target, due) WHERE state IN (2, 3);
CREATE INDEX outbox_dead ON outbox (target, (seq + 0)) WHERE state = 4;
CREATE INDEX outbox_dead_time ON outbox (time) WHERE state = 4;
CREATE INDEX outbox_delivered ON outbox (due) WHERE state = 5;

-- The lines that have items. Who adds items to lines, or takes the first of one away, holds their rows, which it takes all at once and in
-- their order: so the numbers of the items of a line rise in the order of the commits. Who claims does not, and does not wait.
CREATE TABLE outbox_lines (
    target text COLLATE "C" NOT NULL,
    line   text COLLATE "C" NOT NULL,
    PRIMARY KEY (target, line)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 10000, autovacuum_vacuum_cost_delay = 0);

-- +goose Down
DROP TABLE outbox_lines;
DROP TABLE outbox;
