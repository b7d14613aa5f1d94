-- name: EraseUser :execrows
DELETE FROM users WHERE who = $1;

-- name: EraseSessions :execrows
DELETE FROM sessions WHERE id IN (SELECT s.id FROM sessions AS s WHERE s.who = @who AND s.ended = 0 ORDER BY s.id LIMIT @most::bigint);

-- name: EraseNotices :many
DELETE FROM notices WHERE (notices.id, notices.who) IN (
    SELECT n.id, n.who FROM notices AS n WHERE n.who = @who LIMIT @most::bigint)
RETURNING id;

-- EmptyPublications empties what nobody has or gets, and which is only kept for its key.
-- name: EmptyPublications :exec
UPDATE publications SET content = '{}', collapse = ''
WHERE publications.id = ANY(@ids::text[]) AND room = '' AND audience = ''
  AND NOT EXISTS (SELECT 1 FROM notices AS n WHERE n.id = publications.id)
  AND NOT EXISTS (SELECT 1 FROM publication_users AS u WHERE u.id = publications.id AND u.users <> '{}');

-- name: EraseAnnouncementMarks :execrows
DELETE FROM announcement_marks WHERE (announcement_marks.who, announcement_marks.category, announcement_marks.state) IN (
    SELECT m.who, m.category, m.state FROM announcement_marks AS m WHERE m.who = @who LIMIT @most::bigint);

-- name: EraseAnnouncementStates :execrows
DELETE FROM announcement_states WHERE (announcement_states.who, announcement_states.seq) IN (
    SELECT s.who, s.seq FROM announcement_states AS s WHERE s.who = @who LIMIT @most::bigint);

-- name: RecipientsAfter :many
SELECT u.id, u.step, (@who::text = ANY(u.users))::boolean AS found FROM publication_users AS u
WHERE (u.id, u.step) > (@id::text, @step::bigint) ORDER BY u.id, u.step LIMIT @most::bigint;

-- TakeOffLists takes a user off lists of who has yet to get a publication, and returns the publications.
-- name: TakeOffLists :many
UPDATE publication_users SET users = array_remove(publication_users.users, @who::text)
FROM (SELECT unnest(@ids::text[]) AS id, unnest(@steps::bigint[]) AS step) AS l
WHERE publication_users.id = l.id AND publication_users.step = l.step AND @who::text = ANY(publication_users.users)
RETURNING publication_users.id;

-- name: WaitingFor :many
SELECT id FROM publications WHERE status = 0 AND reached = @who LIMIT @most::bigint;

-- StepBack has a delivery that has reached a user last have reached the member before.
-- name: StepBack :exec
UPDATE publications SET reached = coalesce(
    (SELECT max(m.who) FROM members AS m WHERE m.room = publications.room AND m.who < @who), '')
WHERE id = ANY(@ids::text[]) AND status = 0 AND reached = @who;

-- LinesOfUser are those in the order of a user, alone or in a pair.
-- name: LinesOfUser :many
SELECT target, line FROM outbox_lines
WHERE line = 'user ' || @who::text OR line LIKE 'pair %' AND split_part(line, ' ', 4) = ''
  AND @who::text IN (split_part(line, ' ', 2), split_part(line, ' ', 3))
ORDER BY target, line LIMIT @most::bigint;

-- DeadOfUser are those that were given up.
-- name: DeadOfUser :many
SELECT seq FROM outbox
WHERE state = 4 AND (line = 'user ' || @who::text OR line LIKE 'pair %' AND split_part(line, ' ', 4) = ''
  AND @who::text IN (split_part(line, ' ', 2), split_part(line, ' ', 3)))
ORDER BY seq LIMIT @most::bigint;
