-- name: KeyedPublication :one
SELECT k.hash, sqlc.embed(publications) FROM publication_keys AS k JOIN publications ON publications.id = k.id
WHERE k.author = $1 AND k.key = $2;

-- AddPublicationKey waits for who is adding the same one.
-- name: AddPublicationKey :execrows
INSERT INTO publication_keys (author, key, id, hash, made) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING;

-- name: ForgetPublicationKeys :execrows
WITH gone AS (
    DELETE FROM publication_keys WHERE ctid = ANY(ARRAY(
        SELECT k.ctid FROM publication_keys AS k WHERE k.made < @before ORDER BY k.made LIMIT @most::bigint FOR UPDATE SKIP LOCKED))
    RETURNING id
)
INSERT INTO publication_checks (id) SELECT gone.id FROM gone;

-- name: AddPublicationCheck :exec
INSERT INTO publication_checks (id) VALUES ($1);

-- ForgetPublications forgets those that nobody needs any more among some that may be.
-- name: ForgetPublications :exec
WITH taken AS (
    DELETE FROM publication_checks WHERE ctid = ANY(ARRAY(
        SELECT c.ctid FROM publication_checks AS c ORDER BY c.number LIMIT @most::bigint FOR UPDATE SKIP LOCKED))
    RETURNING id
)
DELETE FROM publications AS p USING (SELECT DISTINCT taken.id FROM taken) AS t
WHERE p.id = t.id AND p.status <> 0 AND p.status <> 2 AND p.seq = 0
  AND NOT EXISTS (SELECT 1 FROM notices AS n WHERE n.id = p.id)
  AND NOT EXISTS (SELECT 1 FROM publication_keys AS k WHERE k.id = p.id);

-- name: AddPublication :execrows
INSERT INTO publications (id, category, collapse, time, expires, status, remove, room, reached, audience, seq, content)
VALUES (@id, @category, @collapse, @time, @expires, 0, @remove, @room, '', @audience, 0, @content)
ON CONFLICT (id) DO NOTHING;

-- name: Publication :one
SELECT * FROM publications WHERE id = $1;

-- LockPublication waits for who has it.
-- name: LockPublication :one
SELECT * FROM publications WHERE id = $1 FOR UPDATE;

-- TryPublication locks a publication that nobody else has.
-- name: TryPublication :one
SELECT * FROM publications WHERE id = $1 FOR UPDATE SKIP LOCKED;

-- name: DuePublications :many
SELECT id FROM publications
WHERE status = 0 AND time <= @now AND (remove = 0 OR remove > @now) ORDER BY time, number LIMIT @most::bigint;

-- name: AddPublicationUsers :exec
INSERT INTO publication_users (id, step, users) VALUES ($1, $2, $3);

-- name: StepsOf :many
SELECT step, users FROM publication_users WHERE id = $1 ORDER BY step LIMIT 2;

-- name: RemovePublicationUsers :exec
DELETE FROM publication_users WHERE id = $1 AND step = $2;

-- name: RemoveAllPublicationUsers :exec
DELETE FROM publication_users WHERE id = $1;

-- name: MembersToReach :many
SELECT who FROM members WHERE room = @room AND who > @after ORDER BY who LIMIT @most::bigint;

-- name: ReachMembers :exec
UPDATE publications SET reached = $1 WHERE id = $2;

-- name: FinishDelivery :exec
UPDATE publications SET status = 1, reached = '' WHERE id = $1;

-- LockInboxes has all who change the notices of users wait for each other. The users are in ascending order.
-- name: LockInboxes :exec
INSERT INTO inboxes (who) SELECT unnest(@users::text[]) ON CONFLICT (who) DO UPDATE SET who = excluded.who WHERE false;

-- LockInbox locks the notices of a user, if there are any.
-- name: LockInbox :one
SELECT who FROM inboxes WHERE who = $1 FOR UPDATE;

-- DropInboxes forgets those that are empty, of users whose inboxes are locked.
-- name: DropInboxes :exec
DELETE FROM inboxes WHERE who = ANY(@users::text[]) AND NOT EXISTS (SELECT 1 FROM notices AS n WHERE n.who = inboxes.who);

-- CollapseNotices removes what is older than a publication and has its collapse.
-- name: CollapseNotices :exec
DELETE FROM notices
WHERE notices.who = ANY(@users::text[]) AND notices.collapse = @collapse AND notices.collapse <> '' AND EXISTS (
    SELECT 1 FROM publications AS p WHERE p.id = notices.id AND (p.time, p.number) < (@time, @number));

-- name: AddNotices :many
INSERT INTO notices (id, who, state, time, category, collapse)
SELECT @id, unnest(@users::text[]), 0, @time, @category, @collapse
ON CONFLICT DO NOTHING RETURNING who;

-- name: CollapsingAnnouncements :many
SELECT * FROM publications WHERE seq <> 0 AND collapse <> '' AND status = 1 AND collapse = $1 ORDER BY id FOR UPDATE;

-- LockClock has all who change the list of announcements wait for each other.
-- name: LockClock :exec
SELECT seq FROM announcement_clock FOR UPDATE;

-- name: NextAnnouncement :one
UPDATE announcement_clock SET seq = seq + 1, revision = revision + 1 RETURNING seq, revision;

-- name: NextRevision :one
UPDATE announcement_clock SET revision = revision + 1 RETURNING revision;

-- name: ReadClock :one
SELECT seq, revision FROM announcement_clock;

-- name: PublishAnnouncement :exec
UPDATE publications SET status = 1, seq = $1 WHERE id = $2;

-- name: BeginRemoval :exec
UPDATE publications SET status = 2, reached = '', remove = $1 WHERE id = $2;

-- name: FinishRemoval :exec
UPDATE publications SET status = 3, remove = 0, seq = 0 WHERE id = $1;

-- name: PublicationsToRemove :many
SELECT id, audience <> '' AS announced FROM publications WHERE remove <> 0 AND remove <= @now ORDER BY remove LIMIT @most::bigint;

-- name: RecipientsOf :many
SELECT who FROM notices WHERE id = @id ORDER BY who LIMIT @most::bigint;

-- name: RemoveNotices :many
DELETE FROM notices WHERE id = @id AND who = ANY(@users::text[]) RETURNING who;

-- name: HasNotices :one
SELECT EXISTS (SELECT 1 FROM notices WHERE id = $1);

-- name: RemoveAnnouncementStates :execrows
DELETE FROM announcement_states WHERE (announcement_states.who, announcement_states.seq) IN (
    SELECT s.who, s.seq FROM announcement_states AS s WHERE s.seq = @seq ORDER BY s.who LIMIT @most::bigint);

-- name: CountsOf :many
SELECT category, unread, unseen FROM notice_counts WHERE who = $1;

-- name: MarksOf :many
SELECT category, state, seq FROM announcement_marks WHERE who = $1 ORDER BY category, state;

-- name: StatesOf :many
SELECT id, state FROM announcement_states WHERE who = $1;

-- LockMarks has all who change what a user has made of announcements wait for each other.
-- name: LockMarks :exec
SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || ' marks of ' || @who::text, 0));

-- name: RaiseAnnouncementMark :exec
INSERT INTO announcement_marks (who, category, state, seq) VALUES ($1, $2, $3, $4)
ON CONFLICT (who, category, state) DO UPDATE SET seq = greatest(announcement_marks.seq, excluded.seq);

-- name: ForgetAnnouncementStates :exec
DELETE FROM announcement_states
WHERE announcement_states.who = $1 AND announcement_states.seq <= $2 AND announcement_states.state < $3;

-- name: ForgetAnnouncementStatesOf :exec
DELETE FROM announcement_states
WHERE announcement_states.who = $1 AND announcement_states.seq <= $2 AND announcement_states.state < $3 AND EXISTS (
    SELECT 1 FROM publications AS p WHERE p.seq <> 0 AND p.seq = announcement_states.seq AND p.category = $4);

-- MakeAnnouncements passes over what is not published, and holds what is until the end of the transaction.
-- name: MakeAnnouncements :exec
WITH published AS MATERIALIZED (
    SELECT p.seq, p.id, n.state FROM (SELECT unnest(@ids::text[]) AS id, unnest(@states::smallint[]) AS state) AS n
        JOIN publications AS p ON p.id = n.id
    WHERE p.seq <> 0 AND p.status = 1 FOR KEY SHARE OF p
)
INSERT INTO announcement_states (who, seq, id, state) SELECT @who, p.seq, p.id, p.state FROM published AS p
ON CONFLICT (who, seq) DO UPDATE SET state = excluded.state;

-- name: Announcements :many
SELECT * FROM publications WHERE seq <> 0 AND status = 1 ORDER BY seq;

-- name: Recipient :one
SELECT attrs, baseline FROM users WHERE who = $1;

-- name: NoticesOfState :many
SELECT n.id, n.state, n.time, p.category, p.collapse, p.content, p.expires FROM notices AS n JOIN publications AS p ON p.id = n.id
WHERE n.who = @who AND n.state = @state AND (n.time, n.id) < (@time::bigint, @before::text)
ORDER BY n.time DESC, n.id DESC LIMIT @most::bigint;

-- name: NoticesOfCategory :many
SELECT n.id, n.state, n.time, p.category, p.collapse, p.content, p.expires FROM notices AS n JOIN publications AS p ON p.id = n.id
WHERE n.who = @who AND n.category = @category AND n.state = @state AND (n.time, n.id) < (@time::bigint, @before::text)
ORDER BY n.time DESC, n.id DESC LIMIT @most::bigint;

-- name: NoticesByID :many
SELECT n.id, n.state, n.time, p.category, p.collapse, p.content, p.expires FROM notices AS n JOIN publications AS p ON p.id = n.id
WHERE n.who = @who AND n.id = ANY(@ids::text[]) AND n.state = ANY(@states::smallint[]) AND (n.time, n.id) < (@time::bigint, @before::text)
  AND (@category::text = '' OR n.category = @category::text)
ORDER BY n.time DESC, n.id DESC LIMIT @most::bigint;

-- name: HasNoticesIn :one
SELECT EXISTS (SELECT 1 FROM notices WHERE who = @who AND state >= @lowest AND state <= @highest AND time <= @until);

-- name: MarkNotices :many
UPDATE notices SET state = @state WHERE (notices.id, notices.who) IN (
    SELECT n.id, n.who FROM notices AS n
    WHERE n.who = @who AND n.state = @present AND n.time <= @until ORDER BY n.time, n.id LIMIT @most::bigint)
RETURNING id;

-- name: MarkNoticesOf :many
UPDATE notices SET state = @state WHERE (notices.id, notices.who) IN (
    SELECT n.id, n.who FROM notices AS n
    WHERE n.who = @who AND n.category = @category AND n.state = @present AND n.time <= @until ORDER BY n.time, n.id LIMIT @most::bigint)
RETURNING id;

-- name: MarkNoticesByID :many
UPDATE notices SET state = @state WHERE (notices.id, notices.who) IN (
    SELECT n.id, n.who FROM notices AS n
    WHERE n.who = @who AND n.id = ANY(@ids::text[]) AND n.state >= @lowest AND n.state <= @highest AND n.time <= @until
      AND (@category::text = '' OR n.category = @category::text)
    ORDER BY n.id LIMIT @most::bigint)
RETURNING id;
