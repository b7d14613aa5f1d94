-- name: EraseUser :execrows
DELETE FROM users WHERE user = ?;

-- name: EraseSessions :execrows
DELETE FROM sessions WHERE id IN (SELECT s.id FROM sessions AS s WHERE s.user = ? AND s.ended = 0 LIMIT ?);

-- LongestStanding is the member of a role who has been there for the longest.
-- name: LongestStanding :one
SELECT user FROM members WHERE room = @room AND role = @role AND user <> @except ORDER BY since, user LIMIT 1;

-- name: PairOfFirst :one
SELECT * FROM streams WHERE room = '' AND a = ? LIMIT 1;

-- name: PairOfSecond :one
SELECT * FROM streams WHERE b = ? AND b <> '' LIMIT 1;

-- name: ErasePairMessages :execrows
DELETE FROM messages WHERE messages.stream = @stream AND messages.offset IN (SELECT m.offset FROM messages AS m WHERE m.stream = @stream ORDER BY m.offset LIMIT @most);

-- name: ErasePairKeys :execrows
DELETE FROM keys WHERE id IN (SELECT k.id FROM keys AS k WHERE k.stream = ? LIMIT ?);

-- name: EraseTaker :exec
DELETE FROM takers WHERE user = ? AND stream = ?;

-- name: ErasePair :exec
DELETE FROM streams WHERE id = ?;

-- name: StreamByID :one
SELECT * FROM streams WHERE id = ?;

-- name: StreamTaken :one
SELECT stream FROM takers WHERE user = ? ORDER BY stream LIMIT 1;

-- name: SendersAfter :many
SELECT offset, sender FROM messages WHERE stream = @stream AND offset > @after ORDER BY offset LIMIT @most;

-- name: EraseMessage :execrows
DELETE FROM messages WHERE stream = ? AND offset = ? AND sender = ?;

-- name: KeysOfStream :many
SELECT id, offset FROM keys WHERE stream = @stream AND offset > 0 AND offset >= @first AND offset <= @last;

-- name: EraseKey :exec
DELETE FROM keys WHERE id = ? AND stream = ? AND offset = ?;

-- name: EraseNotices :many
DELETE FROM notices WHERE (notices.id, notices.user) IN (SELECT n.id, n.user FROM notices AS n WHERE n.user = ? LIMIT ?)
RETURNING id;

-- EmptyPublication empties what nobody has or gets, and which is only kept for its key.
-- name: EmptyPublication :exec
UPDATE publications SET content = '{}', collapse = ''
WHERE publications.id = @id AND room = '' AND audience = ''
  AND NOT EXISTS (SELECT 1 FROM notices AS n WHERE n.id = @id)
  AND NOT EXISTS (SELECT 1 FROM publication_users AS u WHERE u.id = @id AND u.users <> '[]');

-- name: EraseAnnouncementMarks :execrows
DELETE FROM announcement_marks WHERE (announcement_marks.user, announcement_marks.category, announcement_marks.state) IN (
    SELECT m.user, m.category, m.state FROM announcement_marks AS m WHERE m.user = ? LIMIT ?);

-- name: EraseAnnouncementStates :execrows
DELETE FROM announcement_states WHERE (announcement_states.user, announcement_states.seq) IN (
    SELECT s.user, s.seq FROM announcement_states AS s WHERE s.user = ? LIMIT ?);

-- name: RecipientsAfter :many
SELECT * FROM publication_users WHERE (id, step) > (@id, CAST(@step AS INTEGER)) ORDER BY id, step LIMIT @most;

-- name: RecipientsAt :one
SELECT users FROM publication_users WHERE id = ? AND step = ?;

-- name: SetRecipients :exec
UPDATE publication_users SET users = ? WHERE id = ? AND step = ?;

-- name: WaitingAfter :many
SELECT number, time, id, room, reached FROM publications
WHERE status = 0 AND (time, number) > (@time, @number) ORDER BY time, number LIMIT @most;

-- name: MemberBefore :one
SELECT user FROM members WHERE room = ? AND user < ? ORDER BY user DESC LIMIT 1;

-- name: LinesBetween :many
SELECT DISTINCT line FROM outbox WHERE target = @target AND open = 1 AND line >= @after AND line < @until ORDER BY line LIMIT @most;

-- name: DeadLinesAfter :many
SELECT seq, line FROM outbox WHERE target = @target AND state = 4 AND seq > @after ORDER BY seq LIMIT @most;
