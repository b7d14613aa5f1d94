-- name: PutItem :execrows
INSERT INTO outbox (target, id, line, payload, time, open, state)
VALUES (@target, @id, @line, @payload, @time, 1,
    NOT EXISTS (SELECT 1 FROM outbox AS o WHERE o.target = @target AND o.line = @line AND o.open = 1))
ON CONFLICT (target, id) DO NOTHING;

-- ReleaseID lets an id be put again that was delivered long ago. The row stays until ForgetItems comes to it.
-- name: ReleaseID :execrows
UPDATE outbox SET id = char(0) || seq WHERE target = @target AND id = @id AND state = 5 AND due < @before;

-- ForgetItems never removes the newest item, so that no number is given twice.
-- name: ForgetItems :exec
DELETE FROM outbox WHERE seq IN (
    SELECT o.seq FROM outbox AS o WHERE o.state = 5 AND o.due < @before AND o.seq < (SELECT MAX(n.seq) FROM outbox AS n)
    ORDER BY o.due LIMIT @most);

-- IsDue tells whether the time of something that waits has come.
-- name: IsDue :one
SELECT CAST(EXISTS (SELECT 1 FROM outbox WHERE target = @target AND state = 2 AND due <= @now) AS INTEGER);

-- MakeReady puts those whose time has come among those that may be claimed.
-- name: MakeReady :exec
UPDATE outbox SET state = 1 WHERE seq IN (
    SELECT o.seq FROM outbox AS o WHERE o.target = @target AND o.state = 2 AND o.due <= @now LIMIT @most);

-- name: ReadyItems :many
SELECT * FROM outbox WHERE target = @target AND state = 1 ORDER BY seq LIMIT @most;

-- PromoteAfter makes the items first of their lines that follow items which are first. Their numbers are a JSON array.
-- name: PromoteAfter :exec
UPDATE outbox SET state = 1 + (outbox.due > @now)
WHERE outbox.state = 0 AND outbox.seq IN (
    SELECT (SELECT o.seq FROM outbox AS o WHERE o.target = f.target AND o.line = f.line AND o.open = 1 AND o.seq > f.seq ORDER BY o.seq LIMIT 1)
    FROM outbox AS f WHERE f.seq IN (SELECT j.value FROM json_each(@seqs) AS j) AND f.state IN (1, 2));

-- DeliverItems empties items of which only the ids must be known now.
-- name: DeliverItems :exec
UPDATE outbox SET state = 5, open = 0, due = @now, line = '', payload = x'', error = ''
WHERE outbox.seq IN (SELECT j.value FROM json_each(@seqs) AS j) AND outbox.state < 5;

-- name: OpenItem :one
SELECT seq FROM outbox WHERE target = @target AND id = @id AND open = 1;

-- name: GiveUpItem :exec
UPDATE outbox SET state = 4, open = 0, due = 0, attempts = attempts + @tries, error = @error WHERE seq = @seq;

-- RetryItem leaves an item behind others where it is.
-- name: RetryItem :exec
UPDATE outbox SET state = CASE WHEN state = 0 THEN 0 ELSE 1 + (@due > CAST(@now AS INTEGER)) END, due = @due, attempts = attempts + @tries, error = @error
WHERE seq = @seq;

-- FirstItem is the first item of a line that is not the one with a number.
-- name: FirstItem :one
SELECT seq FROM outbox WHERE target = @target AND line = @line AND open = 1 AND seq <> @seq ORDER BY seq LIMIT 1;

-- name: SetItemState :exec
UPDATE outbox SET state = @state WHERE seq = @seq;

-- name: DeadItems :many
SELECT * FROM outbox
WHERE target = @target AND state = 4 AND seq > @after ORDER BY seq LIMIT @most;

-- ReplayItem puts a dead item behind the others of its line, wherever it belongs. It counts as accepted now.
-- name: ReplayItem :one
UPDATE outbox SET state = 0, open = 1, due = 0, attempts = 0, error = '', time = @now WHERE target = @target AND id = @id AND state = 4
RETURNING seq, line;

-- name: NextTarget :one
SELECT target FROM outbox WHERE target > ? ORDER BY target LIMIT 1;

-- name: CountWaiting :one
SELECT COUNT(*) AS number, CAST(COALESCE(MIN(seq), 0) AS INTEGER) AS oldest FROM outbox WHERE target = ? AND open = 1;

-- name: CountDead :one
SELECT COUNT(*) FROM outbox WHERE target = ? AND state = 4;

-- name: ItemTime :one
SELECT time FROM outbox WHERE seq = ?;

-- DiscardDead has dead items forgotten that were accepted before a time.
-- name: DiscardDead :execrows
UPDATE outbox SET state = 5, open = 0, due = 0, line = '', payload = x'', error = ''
WHERE seq IN (SELECT o.seq FROM outbox AS o WHERE o.state = 4 AND o.time < @before ORDER BY o.time LIMIT @most);

-- name: WakeAll :execrows
UPDATE outbox SET state = 1 WHERE seq IN (SELECT o.seq FROM outbox AS o WHERE o.target = @target AND o.state = 2 LIMIT @most);

-- OldestLine is that of the item that has been ready for the longest.
-- name: OldestLine :one
SELECT line, time FROM outbox WHERE target = @target AND state = 1 ORDER BY seq LIMIT 1;

-- name: OldestOfLine :many
SELECT seq, time FROM outbox WHERE target = @target AND line = @line AND open = 1 ORDER BY seq LIMIT @most;
