-- LockPairsOf finds streams of a user with others.
-- name: LockPairsOf :many
SELECT s.* FROM streams AS s
WHERE s.id IN (
    SELECT x.id FROM streams AS x WHERE x.room = '' AND x.a = @who
    UNION ALL
    SELECT y.id FROM streams AS y WHERE y.b = @who AND y.b <> ''
)
ORDER BY s.id LIMIT @most::bigint FOR NO KEY UPDATE;

-- ErasePairMessages deletes some, and tells how many and how much of whom that was.
-- name: ErasePairMessages :many
WITH gone AS (
    DELETE FROM messages WHERE messages.stream = @stream AND messages.seq IN (
        SELECT m.seq FROM messages AS m WHERE m.stream = @stream ORDER BY m.seq LIMIT @most::bigint
    ) RETURNING sender, octet_length(data) AS size
)
SELECT sender, count(*) AS number, sum(size + @overhead::bigint)::bigint AS bytes FROM gone GROUP BY sender;

-- name: ErasePairKeys :execrows
DELETE FROM keys WHERE (keys.stream, keys.name) IN (SELECT k.stream, k.name FROM keys AS k WHERE k.stream = @stream LIMIT @most::bigint);

-- name: EraseTakers :exec
DELETE FROM takers WHERE who = ANY(@users::text[]) AND stream = @stream;

-- name: ErasePair :exec
DELETE FROM streams WHERE id = $1;

-- name: LockStreamByID :one
SELECT * FROM streams WHERE id = $1 FOR NO KEY UPDATE;

-- name: StreamTaken :one
SELECT stream FROM takers WHERE who = $1 ORDER BY stream LIMIT 1;

-- name: SendersAfter :many
SELECT seq, sender FROM messages WHERE stream = @stream AND seq > @after ORDER BY seq LIMIT @most::bigint;

-- name: EraseMessages :one
WITH gone AS (
    DELETE FROM messages WHERE stream = @stream AND seq = ANY(@seqs::bigint[]) AND sender = @sender RETURNING octet_length(data) AS size
)
SELECT coalesce(sum(size + @overhead::bigint), 0)::bigint FROM gone;

-- name: EraseKeys :exec
DELETE FROM keys WHERE stream = @stream AND seq = ANY(@seqs::bigint[]);

-- name: EraseSender :exec
DELETE FROM senders WHERE who = $1 AND bytes <= 0;

-- name: HasPairs :one
SELECT (EXISTS (SELECT 1 FROM streams AS x WHERE x.room = '' AND x.a = @who)
    OR EXISTS (SELECT 1 FROM streams AS y WHERE y.b = @who AND y.b <> ''))::boolean;
