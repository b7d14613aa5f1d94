-- name: Stream :one
SELECT * FROM streams WHERE room = ? AND a = ? AND b = ?;

-- name: AddStream :one
INSERT INTO streams (room, a, b, erased) VALUES (?, ?, ?, ?) RETURNING *;

-- name: SetStream :exec
UPDATE streams SET head = ?, first = ?, swept = ?, bytes = ?, age = ?, due = ?, latest = ?, place = ?, sender = ?, run = ?
WHERE id = ?;

-- name: AddMessage :exec
INSERT INTO messages (stream, offset, time, before, run, sender, device, id, hidden, collapse, info, data)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: MessagesAfter :many
SELECT * FROM messages WHERE stream = sqlc.arg(stream) AND offset >= sqlc.arg(first) ORDER BY offset LIMIT sqlc.arg(most);

-- name: MessagesBefore :many
SELECT * FROM messages WHERE stream = sqlc.arg(stream) AND offset >= sqlc.arg(first) AND offset <= sqlc.arg(last)
ORDER BY offset DESC LIMIT sqlc.arg(most);

-- name: DataAt :one
SELECT data FROM messages WHERE stream = ? AND offset = ?;

-- FirstWithin finds the first message with which, and all that follow, the data is not more than some bytes.
-- name: FirstWithin :one
SELECT offset FROM messages WHERE stream = sqlc.arg(stream) AND offset >= sqlc.arg(first) AND before >= sqlc.arg(before)
ORDER BY offset LIMIT 1;

-- FirstSince finds the first message that is not older than a time.
-- name: FirstSince :one
SELECT offset, time FROM messages WHERE stream = sqlc.arg(stream) AND offset >= sqlc.arg(first) AND time >= sqlc.arg(since)
ORDER BY offset LIMIT 1;

-- name: Sweep :exec
DELETE FROM messages WHERE stream = sqlc.arg(stream) AND offset >= sqlc.arg(first) AND offset < sqlc.arg(until);

-- name: StreamsUnswept :many
SELECT * FROM streams WHERE swept < first ORDER BY id LIMIT ?;

-- name: StreamsDue :many
SELECT * FROM streams WHERE due > 0 AND due < sqlc.arg(now) ORDER BY due LIMIT sqlc.arg(most);

-- name: BytesOf :one
SELECT bytes FROM senders WHERE user = ?;
