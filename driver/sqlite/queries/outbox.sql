-- name: PutItem :execrows
INSERT INTO outbox (target, id, line, payload, time, state)
VALUES (@target, @id, @line, @payload, @time,
    NOT EXISTS (SELECT 1 FROM outbox AS o WHERE o.target = @target AND o.line = @line AND o.state IN (1, 2, 3)))
ON CONFLICT (target, id) DO NOTHING;

-- name: ForgetItem :execrows
DELETE FROM outbox WHERE target = @target AND id = @id AND state = 5 AND due < @before;

-- name: ForgetItems :exec
DELETE FROM outbox WHERE seq IN (SELECT o.seq FROM outbox AS o WHERE o.state = 5 AND o.due < @before ORDER BY o.due LIMIT @most);

-- Claimable tells whether there may be something to claim.
-- name: Claimable :one
SELECT CAST(EXISTS (SELECT 1 FROM outbox AS r WHERE r.target = @target AND r.state = 1)
    OR EXISTS (SELECT 1 FROM outbox AS w WHERE w.target = @target AND w.state IN (2, 3) AND w.due <= @now) AS INTEGER);

-- LapsedLines are those of items that somebody has claimed and not settled in time.
-- name: LapsedLines :many
SELECT line FROM outbox WHERE target = @target AND state IN (2, 3) AND due <= @now AND state = 3 ORDER BY due LIMIT @most;

-- MakeReady puts those whose time has come among those that may be claimed.
-- name: MakeReady :exec
UPDATE outbox SET state = 1 WHERE seq IN (
    SELECT o.seq FROM outbox AS o WHERE o.target = @target AND o.state IN (2, 3) AND o.due <= @now LIMIT @most);

-- name: ClaimItems :many
UPDATE outbox SET state = 3, due = @until, attempts = attempts + 1
WHERE seq IN (SELECT o.seq FROM outbox AS o WHERE o.target = @target AND o.state = 1 ORDER BY o.seq LIMIT @most)
RETURNING *;

-- name: SettleItem :one
UPDATE outbox SET state = @state, due = @due, error = @error,
    payload = CASE WHEN @state = 5 THEN x'' ELSE payload END
WHERE target = @target AND id = @id AND state IN (0, 1, 2, 3)
RETURNING line;

-- FirstItem is the item of an order that is not queued.
-- name: FirstItem :one
SELECT seq, state, due FROM outbox WHERE target = @target AND line = @line AND state IN (1, 2, 3);

-- name: QueuedItem :one
SELECT seq, due FROM outbox WHERE target = @target AND line = @line AND state = 0 ORDER BY seq LIMIT 1;

-- name: SetItemState :exec
UPDATE outbox SET state = @state WHERE seq = @seq;

-- name: DeadItems :many
SELECT * FROM outbox
WHERE target = @target AND state = 4 AND seq > @after ORDER BY seq LIMIT @most;

-- name: ReplayItem :one
UPDATE outbox SET state = 0, due = 0, attempts = 0, error = '' WHERE target = @target AND id = @id AND state = 4
RETURNING line;
