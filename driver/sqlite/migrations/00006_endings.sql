-- +goose Up

-- Why sessions have ended, for who has them and was not told.
ALTER TABLE sessions ADD COLUMN why TEXT NOT NULL DEFAULT ''; -- '' while it is open

-- +goose Down
ALTER TABLE sessions DROP COLUMN why;
