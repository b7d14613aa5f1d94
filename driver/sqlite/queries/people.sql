-- name: OccupyRoom :execrows
INSERT INTO occupied_rooms (room) VALUES (?) ON CONFLICT DO NOTHING;

-- name: VacateRoom :execrows
DELETE FROM occupied_rooms WHERE room = ?;

-- name: OccupiedRooms :many
SELECT room FROM occupied_rooms WHERE room > ? ORDER BY room LIMIT ?;

-- name: RevocationsOf :many
SELECT * FROM revocations WHERE user = ?;

-- name: RemoveRevocation :exec
DELETE FROM revocations WHERE number = ?;

-- name: AddRevocation :exec
INSERT INTO revocations (user, device, token, before, until) VALUES (?, ?, ?, ?, ?);

-- name: ForgetRevocations :exec
DELETE FROM revocations WHERE number IN (
    SELECT r.number FROM revocations AS r WHERE r.until > 0 AND r.until <= @now ORDER BY r.until LIMIT @most);

-- name: ForgetBlocks :exec
DELETE FROM revocations WHERE user = ? AND device = '' AND token = '' AND before = 0;

-- name: Revocations :many
SELECT * FROM revocations
WHERE number > @after AND (until = 0 OR until > @now) ORDER BY number LIMIT @most;
