-- name: AddTaker :exec
INSERT INTO takers (user, stream) VALUES (?, ?) ON CONFLICT DO NOTHING;

-- name: MarkRoomRead :execrows
INSERT INTO takers (user, stream, read) VALUES (?, ?, ?)
ON CONFLICT DO UPDATE SET read = excluded.read WHERE takers.read < excluded.read;

-- name: MarkPairRead :execrows
UPDATE takers SET read = sqlc.arg(read) WHERE user = sqlc.arg(user) AND stream = sqlc.arg(stream) AND read < sqlc.arg(read);

-- name: ReadBy :one
SELECT read FROM takers WHERE user = ? AND stream = ?;

-- name: StreamsOf :many
SELECT * FROM streams
WHERE streams.id IN (
        SELECT takers.stream FROM takers WHERE takers.user = sqlc.arg(user)
        UNION
        SELECT s.id FROM members JOIN streams AS s ON s.room = members.room AND s.a = '' AND s.b = '' WHERE members.user = sqlc.arg(user)
    )
    AND streams.place < sqlc.arg(place) AND streams.first <= streams.head
    AND (streams.age = 0 OR streams.latest + streams.age >= sqlc.arg(now))
ORDER BY streams.place DESC LIMIT sqlc.arg(most);

-- name: CountOfOthers :one
SELECT count(*) FROM messages
WHERE stream = sqlc.arg(stream) AND offset > sqlc.arg(after) AND offset <= sqlc.arg(last) AND sender <> sqlc.arg(user);

-- LastRun is that of the newest message that is not after an offset.
-- name: LastRun :one
SELECT offset, sender, run FROM messages WHERE stream = sqlc.arg(stream) AND offset <= sqlc.arg(until) ORDER BY offset DESC LIMIT 1;
