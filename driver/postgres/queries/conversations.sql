-- name: AddTaker :exec
INSERT INTO takers (who, stream) VALUES ($1, $2) ON CONFLICT DO NOTHING;

-- name: MarkRoomRead :execrows
INSERT INTO takers (who, stream, read) VALUES ($1, $2, $3)
ON CONFLICT (who, stream) DO UPDATE SET read = excluded.read WHERE takers.read < excluded.read;

-- name: MarkPairRead :execrows
UPDATE takers SET read = @read WHERE who = @who AND stream = @stream AND read < @read;

-- name: ReadBy :one
SELECT read FROM takers WHERE who = $1 AND stream = $2;

-- name: StreamsOf :many
SELECT s.* FROM streams AS s
WHERE s.id IN (
        SELECT t.stream FROM takers AS t WHERE t.who = @who
        UNION
        SELECT r.id FROM members AS m JOIN streams AS r ON r.room = m.room AND r.a = '' AND r.b = '' WHERE m.who = @who
    )
    AND s.place < @place AND s.first <= s.head AND (s.age = 0 OR s.latest + s.age >= @now::bigint)
ORDER BY s.place DESC LIMIT @most::bigint;

-- name: CountOfOthers :one
SELECT count(*) FROM messages WHERE stream = @stream AND seq > @after AND seq <= @last AND sender <> @who;

-- LastRun is that of the newest message that is not after an offset.
-- name: LastRun :one
SELECT seq, sender, run FROM messages WHERE stream = @stream AND seq <= @until ORDER BY seq DESC LIMIT 1;
