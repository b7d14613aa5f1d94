-- KeysOf finds keys of a stream whose row is locked.
-- name: KeysOf :many
SELECT k.* FROM keys AS k JOIN streams AS s ON s.id = k.stream
WHERE s.room = @room AND s.a = @a AND s.b = @b AND k.name = ANY(@names::bytea[]);

-- name: AddKey :exec
INSERT INTO keys (stream, name, used, content, message, time, seq, previous) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (stream, name) DO UPDATE SET used = excluded.used, content = excluded.content, message = excluded.message,
    time = excluded.time, seq = excluded.seq, previous = excluded.previous;

-- name: DropKeys :execrows
DELETE FROM keys WHERE ctid = ANY(ARRAY(
    SELECT k.ctid FROM keys AS k WHERE k.used < @until ORDER BY k.used LIMIT @most::bigint FOR UPDATE SKIP LOCKED
));
