-- name: Stream :one
SELECT * FROM streams WHERE room = $1 AND a = $2 AND b = $3;

-- LockStream has all who change the stream or its messages wait for each other.
-- name: LockStream :one
SELECT * FROM streams WHERE room = $1 AND a = $2 AND b = $3 FOR NO KEY UPDATE;

-- name: AddStream :exec
INSERT INTO streams (room, a, b, erased) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING;

-- name: SetStream :exec
UPDATE streams SET head = @head, first = @first, swept = @swept, bytes = @bytes, age = @age, due = @due, latest = @latest,
    sender = @sender, run = @run, place = CASE WHEN @newest::boolean THEN nextval('places') ELSE place END
WHERE id = @id;

-- name: AddMessage :exec
INSERT INTO messages (stream, seq, time, before, run, sender, device, id, hidden, collapse, info, data)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12);

-- name: MessagesAfter :many
SELECT * FROM messages WHERE stream = @stream AND seq >= @first AND seq <= @last ORDER BY seq LIMIT @most::bigint;

-- name: MessagesBefore :many
SELECT * FROM messages WHERE stream = @stream AND seq >= @first AND seq <= @last ORDER BY seq DESC LIMIT @most::bigint;

-- name: DataAt :one
SELECT data FROM messages WHERE stream = $1 AND seq = $2;

-- FirstWithin finds the first message with which, and all that follow, the data is not more than some bytes.
-- name: FirstWithin :one
SELECT seq FROM messages WHERE stream = @stream AND seq >= @first AND before >= @before ORDER BY seq LIMIT 1;

-- FirstSince finds the first message that is not older than a time.
-- name: FirstSince :one
SELECT seq, time FROM messages WHERE stream = @stream AND seq >= @first AND time >= @since ORDER BY seq LIMIT 1;

-- Sweep deletes what was dropped, and tells how much of whom that was.
-- name: Sweep :many
WITH gone AS (
    DELETE FROM messages WHERE stream = @stream AND seq >= @first AND seq < @until RETURNING sender, octet_length(data) AS size
)
SELECT sender, sum(size + @overhead::bigint)::bigint AS bytes FROM gone WHERE sender <> '' GROUP BY sender;

-- name: StreamsUnswept :many
SELECT * FROM streams WHERE unswept ORDER BY id LIMIT @most::bigint FOR NO KEY UPDATE SKIP LOCKED;

-- name: StreamsDue :many
SELECT * FROM streams WHERE due > 0 AND due < @now ORDER BY due LIMIT @most::bigint FOR NO KEY UPDATE SKIP LOCKED;

-- name: BytesOf :many
SELECT who, bytes FROM senders WHERE who = ANY(@senders::text[]);

-- AddBytes changes the rows in the order that is given, which is the ascending one, so that nobody waits in a circle.
-- name: AddBytes :exec
INSERT INTO senders (who, bytes) SELECT unnest(@senders::text[]), unnest(@bytes::bigint[])
ON CONFLICT (who) DO UPDATE SET bytes = senders.bytes + excluded.bytes;
