-- name: OccupyRoom :execrows
INSERT INTO occupied_rooms (room) VALUES (?) ON CONFLICT DO NOTHING;

-- name: VacateRoom :execrows
DELETE FROM occupied_rooms WHERE room = ?;

-- name: OccupiedRooms :many
SELECT room FROM occupied_rooms WHERE room > ? ORDER BY room LIMIT ?;

-- IsImplied tells whether another revocation of the user says all that a new one does. A block is implied by blocks alone.
-- name: IsImplied :one
SELECT CAST(EXISTS (SELECT 1 FROM revocations
    WHERE user = @user AND token IN ('', @token) AND device IN ('', @device)
      AND (device = '' AND token = '' AND before = 0) = CAST(@block AS INTEGER)
      AND (before = 0 OR CAST(@before AS INTEGER) > 0 AND before >= @before) AND (until = 0 OR CAST(@until AS INTEGER) > 0 AND until >= @until)) AS INTEGER);

-- RemoveImplied forgets what a new revocation of a token says, too; on one device, or on all if that is empty.
-- name: RemoveImplied :exec
DELETE FROM revocations
WHERE user = @user AND token = @token AND (CAST(@device AS TEXT) = '' OR device = @device)
  AND (CAST(@before AS INTEGER) = 0 OR before > 0 AND before <= @before) AND (CAST(@until AS INTEGER) = 0 OR until > 0 AND until <= @until);

-- RemoveImpliedOn forgets what a new revocation of all tokens of a device says, too.
-- name: RemoveImpliedOn :exec
DELETE FROM revocations
WHERE user = @user AND device = @device
  AND (CAST(@before AS INTEGER) = 0 OR before > 0 AND before <= @before) AND (CAST(@until AS INTEGER) = 0 OR until > 0 AND until <= @until);

-- RemoveImpliedOf forgets what a new revocation of all tokens of a user says, too. Blocks only go with blocks.
-- name: RemoveImpliedOf :exec
DELETE FROM revocations
WHERE user = @user AND (device = '' AND token = '' AND before = 0) = CAST(@block AS INTEGER)
  AND (CAST(@before AS INTEGER) = 0 OR before > 0 AND before <= @before) AND (CAST(@until AS INTEGER) = 0 OR until > 0 AND until <= @until);

-- name: AddRevocation :exec
INSERT INTO revocations (user, device, token, before, until) VALUES (?, ?, ?, ?, ?);

-- name: ForgetRevocations :exec
DELETE FROM revocations WHERE number IN (
    SELECT r.number FROM revocations AS r WHERE r.until > 0 AND r.until <= @now ORDER BY r.until LIMIT @most);

-- name: ForgetBlocks :exec
DELETE FROM revocations WHERE user = ? AND device = '' AND token = '' AND before = 0;

-- BlockOf is the block of a user that holds longest.
-- name: BlockOf :one
SELECT until FROM revocations
WHERE user = @user AND device = '' AND token = '' AND before = 0 AND (until = 0 OR until > @now) ORDER BY until = 0 DESC, until DESC LIMIT 1;

-- KeptAgainst tells whether a revocation holds for a session.
-- name: KeptAgainst :one
SELECT CAST(EXISTS (SELECT 1 FROM revocations
WHERE user = @user AND token IN ('', CAST(@token AS TEXT)) AND device IN ('', CAST(@device AS TEXT))
  AND (before = 0 OR before > CAST(@issued AS INTEGER)) AND (until = 0 OR until > @now)) AS INTEGER);

-- name: Revocations :many
SELECT * FROM revocations
WHERE number > @after AND (until = 0 OR until > @now) ORDER BY number LIMIT @most;
