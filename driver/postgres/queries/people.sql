-- LockRoomState has all who tell whether a room is occupied wait for each other.
-- name: LockRoomState :exec
SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || ' occupied ' || @room::text, 0));

-- name: OccupyRoom :execrows
INSERT INTO occupied_rooms (room) VALUES ($1) ON CONFLICT DO NOTHING;

-- name: VacateRoom :execrows
DELETE FROM occupied_rooms WHERE room = $1;

-- name: RoomsAfter :many
SELECT room FROM occupied_rooms WHERE room > @after ORDER BY room LIMIT @most::bigint;

-- LockRevocations has all who change the revocations of a user wait for each other.
-- name: LockRevocations :exec
SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || ' revocations of ' || @who::text, 0));

-- RemoveImplied forgets what a new revocation of a token says, too; on one device, or on all if that is empty.
-- name: RemoveImplied :exec
DELETE FROM revocations
WHERE who = @who AND token = @token AND (@device::text = '' OR device = @device::text)
  AND (@before::bigint = 0 OR before > 0 AND before <= @before::bigint) AND (@until::bigint = 0 OR until > 0 AND until <= @until::bigint);

-- RemoveImpliedOn forgets what a new revocation of all tokens of a device says, too.
-- name: RemoveImpliedOn :exec
DELETE FROM revocations
WHERE who = @who AND device = @device
  AND (@before::bigint = 0 OR before > 0 AND before <= @before::bigint) AND (@until::bigint = 0 OR until > 0 AND until <= @until::bigint);

-- RemoveImpliedOf forgets what a new revocation of all tokens of a user says, too. Blocks only go with blocks.
-- name: RemoveImpliedOf :exec
DELETE FROM revocations
WHERE who = @who AND (device = '' AND token = '' AND before = 0) = @block::boolean
  AND (@before::bigint = 0 OR before > 0 AND before <= @before::bigint) AND (@until::bigint = 0 OR until > 0 AND until <= @until::bigint);

-- AddRevocation does nothing if another revocation of the user says all that a new one does. A block is implied by blocks alone.
-- name: AddRevocation :exec
INSERT INTO revocations (who, device, token, before, until)
SELECT @who::text, @device::text, @token::text, @before::bigint, @until::bigint
WHERE NOT EXISTS (SELECT 1 FROM revocations AS r
    WHERE r.who = @who::text AND r.token IN ('', @token::text) AND r.device IN ('', @device::text)
      AND (r.device = '' AND r.token = '' AND r.before = 0) = @block::boolean
      AND (r.before = 0 OR @before::bigint > 0 AND r.before >= @before::bigint)
      AND (r.until = 0 OR @until::bigint > 0 AND r.until >= @until::bigint));

-- name: ForgetRevocations :exec
DELETE FROM revocations WHERE number IN (
    SELECT r.number FROM revocations AS r WHERE r.until > 0 AND r.until <= @now ORDER BY r.until LIMIT @most::bigint FOR UPDATE SKIP LOCKED);

-- name: RemoveBlocks :exec
DELETE FROM revocations WHERE who = $1 AND device = '' AND token = '' AND before = 0;

-- BlockOf is the block of a user that holds longest.
-- name: BlockOf :one
SELECT until FROM revocations
WHERE who = @who AND device = '' AND token = '' AND before = 0 AND (until = 0 OR until > @now::bigint) ORDER BY until = 0 DESC, until DESC LIMIT 1;

-- KeptAgainst tells whether a revocation holds for a session.
-- name: KeptAgainst :one
SELECT EXISTS (SELECT 1 FROM revocations
WHERE who = @who AND token IN ('', @token::text) AND device IN ('', @device::text)
  AND (before = 0 OR before > @issued::bigint) AND (until = 0 OR until > @now::bigint));

-- name: RevocationsAfter :many
SELECT * FROM revocations WHERE number > @after AND (until = 0 OR until > @now) ORDER BY number LIMIT @most::bigint;
