-- +goose Up

-- Why sessions have ended, for nodes that have them and were not told.
ALTER TABLE sessions ADD COLUMN why text NOT NULL DEFAULT ''; -- '' while it is open

-- +goose Down
ALTER TABLE sessions DROP COLUMN why;
