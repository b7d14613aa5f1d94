-- LockLines has all who add items to lines, or take the first of one away, wait for each other. The lines are in ascending order. Those that
-- have no items are made, and returned. It also lets ids be put again that were delivered long ago, for which it looks only if there are any.
-- name: LockLines :many
WITH released AS (
    DELETE FROM outbox AS o USING (SELECT unnest(@targets::text[]) AS target, unnest(@ids::text[]) AS id) AS n
    WHERE o.target = n.target AND o.id = n.id AND o.state = 5 AND o.due < @before
      AND EXISTS (SELECT 1 FROM outbox AS old WHERE old.state = 5 AND old.due < @before)
)
INSERT INTO outbox_lines (target, line) SELECT unnest(@line_targets::text[]), unnest(@lines::text[])
ON CONFLICT (target, line) DO UPDATE SET line = excluded.line WHERE false
RETURNING target, line;

-- name: PutItems :execrows
INSERT INTO outbox (target, id, line, payload, time, state)
SELECT unnest(@targets::text[]), unnest(@ids::text[]), unnest(@lines::text[]), unnest(@payloads::bytea[]), unnest(@times::bigint[]),
    unnest(@states::smallint[])
ON CONFLICT (target, id) DO NOTHING;

-- LockLinesOf locks the lines of those items that are in one.
-- name: LockLinesOf :many
SELECT l.target, l.line FROM outbox_lines AS l
WHERE (l.target, l.line) IN (
    SELECT o.target, o.line FROM (SELECT unnest(@targets::text[]) AS target, unnest(@ids::text[]) AS id) AS n
    JOIN outbox AS o ON o.target = n.target AND o.id = n.id WHERE o.state < 4)
ORDER BY l.target, l.line FOR UPDATE;

-- LockKnownLines locks those of some lines that have items.
-- name: LockKnownLines :many
SELECT l.target, l.line FROM outbox_lines AS l
WHERE (l.target, l.line) IN (SELECT unnest(@targets::text[]), unnest(@lines::text[]))
ORDER BY l.target, l.line FOR UPDATE;

-- FirstOfLines makes the first item of each line ready, or has it wait, if it is queued, and forgets lines without items.
-- name: FirstOfLines :exec
WITH firsts AS MATERIALIZED (
    SELECT c.target, c.line, f.seq, f.state FROM (SELECT unnest(@targets::text[]) AS target, unnest(@lines::text[]) AS line) AS c
    LEFT JOIN LATERAL (
        SELECT o.seq, o.state FROM outbox AS o WHERE o.target = c.target AND o.line = c.line AND o.state < 4 ORDER BY o.seq LIMIT 1) AS f ON true
), promoted AS (
    UPDATE outbox SET state = CASE WHEN outbox.due > @now::bigint THEN 2 ELSE 1 END, claimer = 0
    FROM firsts AS f WHERE f.state = 0 AND outbox.seq = f.seq AND outbox.state = 0
)
DELETE FROM outbox_lines USING firsts AS f WHERE f.seq IS NULL AND outbox_lines.target = f.target AND outbox_lines.line = f.line;

-- ReleaseLines makes those first items ready that wait for the claim of another one of their lines.
-- name: ReleaseLines :exec
UPDATE outbox SET state = 1, claimer = 0, due = 0
FROM (SELECT unnest(@targets::text[]) AS target, unnest(@lines::text[]) AS line) AS c, LATERAL (
    SELECT o.seq FROM outbox AS o WHERE o.target = c.target AND o.line = c.line AND o.state < 4 ORDER BY o.seq LIMIT 1) AS f
WHERE outbox.seq = f.seq AND outbox.state = 2 AND outbox.claimer <> 0;

-- ClaimItems claims the oldest of those that are ready or due. Of those that are due it makes ready what it does not claim.
-- name: ClaimItems :many
WITH ready AS MATERIALIZED (
    SELECT o.seq FROM outbox AS o WHERE o.target = @target AND o.state = 1 ORDER BY o.seq + 0 LIMIT @most::bigint FOR UPDATE SKIP LOCKED
), due AS MATERIALIZED (
    SELECT o.seq FROM outbox AS o WHERE o.target = @target AND o.state IN (2, 3) AND o.due <= @now ORDER BY o.due LIMIT @wake::bigint
    FOR UPDATE SKIP LOCKED
), picked AS MATERIALIZED (
    SELECT a.seq FROM (SELECT r.seq FROM ready AS r UNION ALL SELECT d.seq FROM due AS d) AS a ORDER BY a.seq LIMIT @most::bigint
), woken AS (
    UPDATE outbox SET state = 1, claimer = 0, due = 0 WHERE outbox.seq IN (SELECT d.seq FROM due AS d EXCEPT SELECT p.seq FROM picked AS p)
)
UPDATE outbox SET state = 3, due = @until, claimer = @claimer, attempts = attempts + 1
WHERE outbox.seq IN (SELECT p.seq FROM picked AS p)
RETURNING seq, time, attempts, target, id, line, error, payload;

-- ItemsToSettle are those that are in a line. They are not locked: their lines are, and what another one may claim meanwhile is passed over
-- by those who change it.
-- name: ItemsToSettle :many
SELECT o.seq, o.target, o.id, o.line, o.state, o.due, o.claimer
FROM (SELECT unnest(@targets::text[]) AS target, unnest(@ids::text[]) AS id) AS n JOIN outbox AS o ON o.target = n.target AND o.id = n.id
WHERE o.state < 4;

-- DeliverItems empties items of which only the ids must be known from now on.
-- name: DeliverItems :exec
UPDATE outbox SET state = 5, due = @now, claimer = 0, line = '', payload = '', error = '' WHERE seq = ANY(@seqs::bigint[]) AND state < 5;

-- DeliverClaimed is DeliverItems but for those that another one has claimed meanwhile.
-- name: DeliverClaimed :exec
UPDATE outbox SET state = 5, due = @now, claimer = 0, line = '', payload = '', error = ''
WHERE seq = ANY(@seqs::bigint[]) AND state < 5 AND (state IN (1, 2) OR claimer IN (0, @claimer) OR due <= @now);

-- DeliverOwn is DeliverItems but for those that a store still has claimed. By state + 0, so that the index of those that are due, in which are
-- all that anybody has claimed, is not read for them.
-- name: DeliverOwn :execrows
UPDATE outbox SET state = 5, due = @now, claimer = 0, line = '', payload = '', error = ''
WHERE seq = ANY(@seqs::bigint[]) AND state + 0 = 3 AND claimer = @claimer;

-- GiveUpItems passes over those that another one has claimed meanwhile.
-- name: GiveUpItems :exec
UPDATE outbox SET state = 4, due = 0, claimer = 0, error = n.error
FROM (SELECT unnest(@seqs::bigint[]) AS seq, unnest(@errors::text[]) AS error) AS n
WHERE outbox.seq = n.seq AND outbox.state < 4 AND (outbox.state IN (1, 2) OR outbox.claimer IN (0, @claimer) OR outbox.due <= @now);

-- RetryItems leaves an item behind others where it is, and passes over those that another one has claimed meanwhile.
-- name: RetryItems :exec
UPDATE outbox SET state = CASE WHEN outbox.state = 0 THEN 0 WHEN n.due > @now::bigint THEN 2 ELSE 1 END, due = n.due, claimer = 0, error = n.error
FROM (SELECT unnest(@seqs::bigint[]) AS seq, unnest(@dues::bigint[]) AS due, unnest(@errors::text[]) AS error) AS n
WHERE outbox.seq = n.seq AND outbox.state < 4 AND (outbox.state IN (1, 2) OR outbox.claimer IN (0, @claimer) OR outbox.due <= @now);

-- name: ForgetItems :exec
DELETE FROM outbox WHERE seq IN (
    SELECT o.seq FROM outbox AS o WHERE o.state = 5 AND o.due < @before ORDER BY o.due LIMIT @most::bigint FOR UPDATE SKIP LOCKED);

-- name: DeadItems :many
SELECT * FROM outbox WHERE target = @target AND state = 4 AND seq + 0 > @after::bigint ORDER BY seq + 0 LIMIT @most::bigint;

-- name: LinesOfDead :many
SELECT DISTINCT line FROM outbox WHERE target = @target AND id = ANY(@ids::text[]) AND state = 4;

-- ReplayItems puts dead items into their lines, wherever they belong. They count as accepted now.
-- name: ReplayItems :many
UPDATE outbox SET state = 0, due = 0, claimer = 0, attempts = 0, error = '', time = @now
WHERE target = @target AND id = ANY(@ids::text[]) AND state = 4 AND line = ANY(@lines::text[])
RETURNING line;

-- HeadsOf are the items of lines that are not queued. A replayed one may be before them.
-- name: HeadsOf :many
SELECT h.seq, h.line, h.state, h.due, h.claimer FROM outbox AS h
WHERE h.seq IN (
    SELECT f.seq FROM unnest(@lines::text[]) AS l(line), LATERAL (
        SELECT o.seq FROM outbox AS o WHERE o.target = @target AND o.line = l.line AND o.state < 4 AND o.state > 0 ORDER BY o.seq LIMIT 1) AS f)
FOR UPDATE;

-- name: FirstOf :many
SELECT l.line::text AS line, f.seq FROM unnest(@lines::text[]) AS l(line), LATERAL (
    SELECT o.seq FROM outbox AS o WHERE o.target = @target AND o.line = l.line AND o.state < 4 ORDER BY o.seq LIMIT 1) AS f;

-- name: SetItems :exec
UPDATE outbox SET state = n.state, due = n.due, claimer = n.claimer
FROM (SELECT unnest(@seqs::bigint[]) AS seq, unnest(@states::smallint[]) AS state, unnest(@dues::bigint[]) AS due,
    unnest(@claimers::bigint[]) AS claimer) AS n
WHERE outbox.seq = n.seq;

-- name: NextTarget :one
SELECT target FROM outbox WHERE target > $1 ORDER BY target LIMIT 1;

-- name: CountWaiting :one
SELECT count(*) AS number, coalesce(min(seq), 0)::bigint AS oldest FROM outbox WHERE target = $1 AND state < 4;

-- name: CountDead :one
SELECT count(*) FROM outbox WHERE target = $1 AND state = 4;

-- name: ItemTime :one
SELECT time FROM outbox WHERE seq = $1;

-- DiscardDead has dead items forgotten that were accepted before a time.
-- name: DiscardDead :execrows
UPDATE outbox SET state = 5, due = 0, line = '', payload = '', error = ''
WHERE seq IN (SELECT o.seq FROM outbox AS o WHERE o.state = 4 AND o.time < @before ORDER BY o.time LIMIT @most::bigint FOR UPDATE SKIP LOCKED);

-- WakeAll makes those ready that wait for another attempt.
-- name: WakeAll :execrows
UPDATE outbox SET state = 1, due = 0 WHERE seq IN (
    SELECT o.seq FROM outbox AS o WHERE o.target = @target AND o.state IN (2, 3) AND o.state = 2 AND o.claimer = 0 LIMIT @most::bigint
    FOR UPDATE SKIP LOCKED);

-- OldestReady are the lines whose first items are ready, and the times of these.
-- name: OldestReady :many
SELECT line, time FROM outbox WHERE target = @target AND state = 1 ORDER BY seq + 0 LIMIT @most::bigint;

-- Claimed are the lines whose first items are claimed, or wait for who has claimed another one.
-- name: Claimed :many
SELECT line, time FROM outbox WHERE target = @target AND state IN (2, 3) AND claimer <> 0 ORDER BY due LIMIT @most::bigint;

-- OldOfLines are items of lines that were accepted before a time.
-- name: OldOfLines :many
SELECT o.seq FROM (SELECT unnest(@targets::text[]) AS target, unnest(@lines::text[]) AS line) AS c
    JOIN outbox AS o ON o.target = c.target AND o.line = c.line
WHERE o.state < 4 AND o.time < @before::bigint ORDER BY o.seq LIMIT @most::bigint;
