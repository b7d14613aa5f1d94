-- name: Key :one
SELECT * FROM keys WHERE stream = ? AND name = ?;

-- name: AddKey :exec
INSERT OR REPLACE INTO keys (stream, name, used, content, message, time, offset, previous) VALUES (?, ?, ?, ?, ?, ?, ?, ?);

-- name: DropKeys :execrows
DELETE FROM keys WHERE keys.id IN (SELECT oldest.id FROM keys AS oldest ORDER BY oldest.id LIMIT sqlc.arg(most)) AND keys.used < sqlc.arg(until);
