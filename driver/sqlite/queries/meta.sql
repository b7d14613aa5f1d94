-- name: Meta :one
SELECT value FROM meta WHERE name = ?;

-- name: AddMeta :exec
INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING;

-- name: SetMeta :exec
INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value;
